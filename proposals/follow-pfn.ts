import { coreContract, type Contract } from "../conformance/contract/contract.ts";
import { exporterWork } from "../conformance/contract/device-work.ts";
import { extendContract, extension } from "../conformance/contract/extend.ts";
import type { Proposal } from "../conformance/proposal/proposal.ts";
import { checked } from "../contracts/rule-text.ts";
import { derived, thread } from "../contracts/source.ts";
import { DefaultExporter } from "../reference-impl/exporter/default-exporter.ts";
import type { ReferenceVma } from "../reference-impl/spaces/address-space.ts";
import { ReferenceSpaces } from "../reference-impl/spaces/spaces.ts";
import { EOPNOTSUPP } from "../spec/errno.ts";
import type { RetEvent } from "../spec/event.ts";
import { createOwn, oneOf, refer, referOwn } from "../spec/operations/define.ts";
import type { Storage } from "../spec/roles/handles.ts";
import type { Vma } from "../spec/roles/spaces.ts";
import { isContested } from "../spec/state/observe/rows.ts";
import { field, table } from "../spec/state/schema.ts";
import type { State } from "../spec/state/state.ts";
import { Follower, followFaults, FollowImporter } from "./parts/follower.ts";
import { judgePlace, reachedBy } from "./parts/reached.ts";
import { followScope } from "./scopes/follow-scope.ts";

/** The mm with `follow_pfn`: what the CPU's page table has for a page, without taking anything. */
class FollowSpaces extends ReferenceSpaces {
  followPfn(vma: Vma, page: number): Storage | null {
    const target = (vma as ReferenceVma).space.entries.get(page)?.target;
    return target !== undefined && "physical" in target ? target : null;
  }
}

const source = [
  thread("000_64643a438ca275cc.txt", "Christian König and Simona Vetter, January 2025: follow_pfn and mmu_notifier"),
];
const near = {
  export: 1,
  createSpace: 2,
  createVma: 4,
  destroyVma: 0.2,
  vmaFault: 0.3,
  changeRange: 0.05,
  exitSpace: 0.1,
  move: 1.5,
  revoke: 0.3,
  unrevoke: 0.5,
} as const;

/** `secret`: on memory that must not get into a CPU's page table as well. */
function follow(name: string, secret: boolean): Contract {
  const own = extension({
    name,
    state: {
      followers: table({ importer: field<string>() }),
      /** The buffer that a piece of storage was ever behind, by the name of the storage. */
      homes: table({ buffer: field<string>("ghost") }),
    },
    faults: followFaults,
    roles: {
      exporter: (env) => new DefaultExporter(env),
      importer: (env, has) => new FollowImporter(env, has),
      framework: (env) => ({ spaces: new FollowSpaces(env) }),
    },
  });
  const bound = { importer: refer("importer"), follower: referOwn("followers") };
  const isOwn = (
    tables: { readonly followers: ReadonlyMap<string, { readonly importer: string }> },
    of: { readonly importer: string; readonly follower: string },
  ) => tables.followers.get(of.follower)?.importer === of.importer;

  return extendContract(coreContract, {
    ...own,
    operations: {
      finishCopy: exporterWork(),
      watchVma: own.operation({
        summary: "The importer listens to the address space for the range of a VMA.",
        fields: { importer: refer("importer"), vma: refer("vma"), follower: createOwn("followers") },
        // Few at a time: what happens between two of them is of no interest.
        enabled: (tables, of, { state }) => tables.followers.size < 2 && state.vmas.get(of.vma)?.kind === "peer",
        exclusive: (of) => [of.vma],
        weight: 10,
        *run(actor, { importer: by, vma, follower: created }) {
          const importer = actor.importer(by);
          if (importer === null) return EOPNOTSUPP;
          const of = actor.vma(vma);
          const made = yield* importer.watch(of, (page) => actor.framework.spaces.followPfn(of, page));
          if (typeof made === "number") return made;
          actor.keep(created, made);
          return 0;
        },
        print: (of) => `${of.importer} watches ${of.vma} as ${of.follower}`,
      }),
      followPage: own.operation({
        summary: "The importer's device wants the first page of the VMA.",
        fields: bound,
        enabled: isOwn,
        weight: 40,
        run: (actor, of) => actor.importer(of.importer)?.faultPage(actor.kept(of.follower, Follower)) ?? EOPNOTSUPP,
        print: (of) => `follow the first page of ${of.follower}`,
      }),
      touchFollowed: own.operation({
        summary: "The device touches the page through the importer's table.",
        fields: { ...bound, access: oneOf(["read", "write"]) },
        enabled: isOwn,
        weight: 40,
        run: (actor, of) => actor.importer(of.importer)?.touch(actor.kept(of.follower, Follower), of.access),
        print: (of) => `${of.access} the first page of ${of.follower}`,
      }),
      unwatch: own.operation({
        summary: "The importer gives up what it has of the VMA and stops listening.",
        fields: bound,
        enabled: isOwn,
        exclusive: (of) => [of.follower],
        weight: 1,
        run: (actor, of) => actor.importer(of.importer)?.unwatch(actor.kept(of.follower, Follower)),
        print: (of) => `unwatch ${of.follower}`,
      }),
    },
    fold: ({ changes }) =>
      changes({
        "ret watchVma"({ errno, importer, follower }, tables) {
          if (errno === 0) tables.followers.set(follower, { importer });
        },
        "call unwatch"({ follower }, tables) {
          tables.followers.delete(follower);
        },
        epoch({ buffer, storage }, tables) {
          if (storage !== null) tables.homes.set(storage, { buffer });
        },
      }),
    giveBack: ({ followers }) =>
      [...followers].map(([follower, { importer }]) => ({ op: "unwatch", args: { importer, follower } })),
    only: { createVma: (of) => of.vmaKind === "peer" },
    near: secret ? { ...near, makePrivate: 2 } : near,
    scopes: ({ own: tables, draft }) =>
      secret
        ? []
        : [
            followScope(
              {
                watch: (task, importer, follower) => draft("watchVma", { task, importer, vma: "vma1", follower }),
                follow: (task, importer, follower) => draft("followPage", { task, importer, follower }),
                touch: (task, importer, follower) =>
                  draft("touchFollowed", { task, importer, follower, access: "write" }),
                unwatch: (task, importer, follower) => draft("unwatch", { task, importer, follower }),
                finishCopy: (task, exporter) => draft("finishCopy", { task, exporter }),
                isWatched: (state, follower) => tables(state).followers.has(follower),
              },
              // No more followers than the language has room for.
              { importer: 2 },
            ),
          ],
    rules: ({ on, own: tables }) => {
      const reached = (event: RetEvent<"touch">, state: State) => reachedBy((now) => tables(now).homes, event, state);
      const ordinary = [
        {
          id: "FOLLOW-01",
          level: "MUST",
          obliged: ["importer"],
          statement: "An entry that was made by follow_pfn reaches the buffer where it is now.",
          intent: "The notifier may have called between the look-up and the entry.",
          sources: source,
          hints: ["Is the sequence looked at again under the lock that the callback takes?"],
          status: checked,
          situation: { weights: { move: 5 }, tasks: 2, pauses: 0.25 },
          monitor: on({
            "ret touch"(event, state, verdict) {
              const place = reached(event, state);
              if (place !== null) judgePlace(event, place, verdict);
            },
          }),
        },
        {
          id: "FOLLOW-02",
          level: "MUST",
          obliged: ["importer", "exporter"],
          statement: "Nothing reaches a buffer by follow_pfn once a revoke of it has returned.",
          intent: "The exporter powers the device down, or gives it to somebody else.",
          sources: source,
          hints: ["Does the exporter zap the VMAs, and not only tell its attachments?"],
          status: checked,
          situation: { weights: { revoke: 3, unrevoke: 3 }, tasks: 2, pauses: 0.3 },
          monitor: on({
            "ret touch"(event, state, verdict) {
              const place = reached(event, state);
              if (place === null || isContested(state, place.buffer, place.name)) return;
              verdict.exercised();
              const { access: now } = place.buffer;
              if (now === "revoked" || now === "revokedForever")
                verdict.violated(
                  `${event.by} reaches ${place.name} although it is revoked`,
                  verdict.since("buffers", place.name, "access"),
                );
            },
          }),
        },
      ] as const;
      if (!secret) return ordinary;
      return [
        ...ordinary,
        {
          id: "FOLLOW-03",
          level: "MUST",
          obliged: ["exporter", "importer"],
          statement: "Memory that is private to a guest never has an entry in a CPU's page table.",
          intent: "The CPU takes a machine check when it touches it; a pfn has to flow without a VMA.",
          sources: [thread("000_64643a438ca275cc.txt", "Jason Gunthorpe, January 2025"), derived("PO-09")],
          hints: ["What but a VMA can follow_pfn start from?"],
          status: checked,
          situation: { weights: { makePrivate: 10, vmaFault: 6 } },
          monitor: on({
            "call primaryEntry"(event, state, verdict) {
              const of = event.target === null ? undefined : tables(state).homes.get(event.target)?.buffer;
              if (of === undefined) return;
              verdict.exercised();
              const owner = state.rights.get(of)?.owner ?? null;
              if (owner !== null)
                verdict.violated(
                  `page ${event.page} of ${event.space} shows ${of}, which is private to ${owner}`,
                  verdict.since("rights", of, "owner"),
                );
            },
          }),
        },
      ];
    },
  });
}

const contract = follow("follow-pfn", false);
const works = "Christian König";

const proposals: readonly Proposal[] = [
  {
    name: "follow-pfn",
    about: "No change to dma-buf at all: an importer follows the CPU's page table and hears of changes by a notifier.",
    contract,
    defended: true,
    thread: [
      {
        seed: "000_64643a438ca275cc.txt",
        who: works,
        said: "follow_pfn with an mmu_notifier works for KVM and Xen, with no change to dma-buf.",
      },
    ],
    expectations: [],
  },
  {
    name: "follow-pfn-no-retry",
    about: "The same without the second look at the notifier's sequence.",
    contract,
    faults: ["noRetry"],
    thread: [
      {
        seed: "004_17b4b08cd00e9df2.txt",
        who: "Jason Gunthorpe",
        said: "MMU notifiers are very complex all around; there have been bugs already.",
      },
    ],
    longest: 9,
    expectations: [
      { rule: "FOLLOW-01", verdict: "violated", source: "The callback comes between the look-up and the entry." },
      { rule: "FOLLOW-02", verdict: "violated", source: "The same, where the buffer is revoked.", mayHide: true },
    ],
  },
  {
    name: "follow-pfn-private",
    about: "The same on memory that is private to a guest and must not be mapped by a CPU.",
    contract: follow("follow-pfn-private", true),
    thread: [
      {
        seed: "000_64643a438ca275cc.txt",
        who: "Jason Gunthorpe",
        said: "Secure memory cannot be mmapped or the system takes a machine check: it has to be conveyed inside a descriptor.",
      },
    ],
    expectations: [{ rule: "FOLLOW-03", verdict: "violated", source: "follow_pfn starts from a CPU's page table." }],
  },
];

export default proposals;
