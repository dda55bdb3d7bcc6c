import { coreContract } from "../conformance/contract/contract.ts";
import { exporterWork } from "../conformance/contract/device-work.ts";
import { extendContract, extension } from "../conformance/contract/extend.ts";
import type { Has } from "../conformance/contract/own.ts";
import type { Proposal } from "../conformance/proposal/proposal.ts";
import { thread } from "../contracts/source.ts";
import { DynamicImporter } from "../reference-impl/importers/dynamic-importer.ts";
import { EOPNOTSUPP, errnoName, type Errno } from "../spec/errno.ts";
import { createOwn, oneOf, refer, referOwn } from "../spec/operations/define.ts";
import type { Env } from "../spec/roles/env.ts";
import type { Attachment, Device, DmaBuf, ImporterOps, SgTable } from "../spec/roles/handles.ts";
import type { Suspension } from "../spec/roles/suspendable.ts";
import { field, table } from "../spec/state/schema.ts";
import type { State } from "../spec/state/state.ts";
import { attachHeld, detachHeld } from "./parts/attached.ts";

const faults = {
  untyped: { rule: "DMAONLY-01", about: "A list does not say that it is for DMA only." },
  checksumForgets: { rule: "DMAONLY-01", about: "Copies look at the kind of the list, checksums do not." },
  knownFromBefore: { rule: "DMAONLY-01", about: "The kind of the list is that of its first map." },
  refusesDma: { rule: "DMAONLY-02", about: "Memory for DMA only is refused to the device as well." },
  refusesCpu: { rule: "DMAONLY-03", about: "No list is given to the CPU, whatever it holds." },
} as const;
type Fault = keyof typeof faults;

/** What a request needs: the device alone, or also the CPU, for a checksum of the data or to copy them. */
const needs = ["dma", "checksum", "copy"] as const;
type Need = (typeof needs)[number];

/** A buffer as a list for requests. */
class List {
  attachment: Attachment | null = null;
  /** As its first map said. */
  first: boolean | null = null;
}

/** A block driver under a stack that computes checksums of some requests and bounces others. */
class BlockDriver extends DynamicImporter {
  private readonly has: Has<Fault>;
  private readonly listOps: ImporterOps = { allowPeer2peer: true, invalidate: () => undefined };

  constructor(env: Env, has: Has<Fault>) {
    super(env);
    this.has = has;
  }

  *take(buffer: DmaBuf, device: Device): Generator<Suspension, List | Errno, unknown> {
    const list = new List();
    const attachment = yield* attachHeld(this.env, buffer, device, this.listOps, list);
    if (typeof attachment === "number") return attachment;
    list.attachment = attachment;
    return list;
  }

  /** Maps the list, carries the request out and unmaps, all in one hold of the lock. */
  *request(list: List, need: Need): Generator<Suspension, Errno, unknown> {
    const { env } = this;
    const { attachment } = list;
    if (attachment === null) return EOPNOTSUPP;
    const { resv } = attachment.buffer;
    yield* env.lock(resv);
    const mapped = yield* env.map(attachment, "toDevice");
    let errno: Errno = 0;
    if (typeof mapped === "number") errno = mapped;
    else {
      yield* env.waitFences(resv, "kernel");
      errno = this.carryOut(attachment, mapped, need, this.isForDmaOnly(list, mapped));
      yield* env.unmap(attachment, mapped, "toDevice");
    }
    yield* env.unlock(resv);
    return errno;
  }

  *drop(list: List): Generator<Suspension, void, unknown> {
    const { attachment } = list;
    list.attachment = null;
    if (attachment !== null) yield* detachHeld(this.env, attachment);
  }

  /** Memory of a device is for DMA only. */
  private isForDmaOnly(list: List, { segments }: SgTable): boolean {
    const now = !this.has("untyped") && segments.some(({ peer }) => peer !== undefined);
    list.first ??= now;
    return this.has("knownFromBefore") ? list.first : now;
  }

  private carryOut(attachment: Attachment, mapped: SgTable, need: Need, dmaOnly: boolean): Errno {
    if (need === "dma") {
      if (dmaOnly && this.has("refusesDma")) return EOPNOTSUPP;
    } else {
      const looks = need === "copy" || !this.has("checksumForgets");
      if (looks && (dmaOnly || this.has("refusesCpu"))) return EOPNOTSUPP;
      const { address } = mapped.segments[0]!;
      this.env.cpuTouch({ via: "address", device: attachment.device, address });
    }
    this.env.access(attachment, mapped, "read");
    return 0;
  }
}

const own = extension({
  name: "dma-only-list",
  state: { lists: table({ importer: field<string>() }) },
  faults,
  roles: { importer: (env, has) => new BlockDriver(env, has) },
});

const bound = { importer: refer("importer"), list: referOwn("lists") };

/** The device that memory belongs to, null for system memory; undefined where the platform is not told. */
function ownerOf(state: State, storage: string | null): string | null | undefined {
  const memory = storage === null ? undefined : state.resources.get(storage);
  return memory === undefined || memory.physical === null ? undefined : memory.owner;
}

const seed = "002_ce944c847d4ccb7c.txt";

const contract = extendContract(coreContract, {
  ...own,
  operations: {
    finishCopy: exporterWork(),
    takeList: own.operation({
      summary: "The driver gets a buffer as a list for requests.",
      fields: { importer: refer("importer"), buffer: refer("buffer"), list: createOwn("lists") },
      weight: 5,
      *run(actor, { importer: by, buffer, list: name }) {
        const importer = actor.importer(by);
        if (importer === null) return EOPNOTSUPP;
        const list = yield* importer.take(actor.buffer(buffer), actor.device(by));
        if (typeof list === "number") return list;
        actor.keep(name, list);
        return 0;
      },
      print: (of) => `${of.importer} takes ${of.buffer} as the list ${of.list}`,
    }),
    request: own.operation({
      summary:
        "A request with the list: the device reads it, after a checksum or a copy by the CPU where one is needed.",
      fields: { ...bound, need: oneOf(needs) },
      enabled: ({ lists }, of) => lists.get(of.list)?.importer === of.importer,
      exclusive: (of) => [of.list],
      weight: 25,
      run: (actor, of) => actor.importer(of.importer)?.request(actor.kept(of.list, List), of.need) ?? EOPNOTSUPP,
      print: (of) => `request with ${of.list}: ${of.need === "dma" ? "DMA" : `DMA and a ${of.need}`}`,
    }),
    dropList: own.operation({
      summary: "The driver gives the buffer back.",
      fields: bound,
      enabled: ({ lists }, of) => lists.get(of.list)?.importer === of.importer,
      exclusive: (of) => [of.list],
      weight: 2,
      run: (actor, of) => actor.importer(of.importer)?.drop(actor.kept(of.list, List)),
      print: (of) => `drop ${of.list}`,
    }),
  },
  fold: ({ changes }) =>
    changes({
      "ret takeList"({ errno, importer, list }, { lists }) {
        if (errno === 0) lists.set(list, { importer });
      },
      "call dropList"({ list }, { lists }) {
        lists.delete(list);
      },
    }),
  giveBack: ({ lists }) => [...lists].map(([list, { importer }]) => ({ op: "dropList", args: { importer, list } })),
  near: { export: 1, move: 2, evict: 1 },
  // It takes whatever is behind a list for DMA only; here lists are of two kinds.
  without: ["MMUN-23"],
  kinds: { exporters: ["default", "dynamic"] },
  sources: [thread(seed, "Jason Gunthorpe, January 2019: a formal DMA-only list")],
  rules: ({ must, on, remember }) => [
    must({
      id: "DMAONLY-01",
      obliged: ["importer"],
      statement: "The CPU does not touch memory of a device that it has as a list for DMA.",
      intent: "It is I/O memory: ordinary loads and stores are not safe there.",
      hints: ["Does every path that maps an entry for the CPU look at the kind of the list first?"],
      situation: { weights: { move: 4 }, platform: ["tree", "direct"] },
      monitor: on({
        "call cpuTouch"(event, state, verdict) {
          const owner = ownerOf(state, event.target);
          if (owner === undefined) return;
          verdict.exercised();
          if (owner !== null)
            verdict.violated(`the CPU touches ${event.target}, memory of ${owner}, for a request of ${event.by}`);
        },
      }),
    }),
    must({
      id: "DMAONLY-02",
      obliged: ["importer"],
      statement: "A request that needs no CPU is carried out whatever kind of memory its list holds.",
      intent: "That is what peer-to-peer is for.",
      hints: ["Is the kind looked at before it is known whether the CPU has to do anything?"],
      situation: { platform: ["tree", "direct"] },
      monitor: remember(() => new Set<string>(), {
        "call request": (event, _state, _verdict, mapped) => void mapped.delete(event.task),
        "ret map"(event, _state, _verdict, mapped) {
          if (event.errno === 0) mapped.add(event.task);
        },
        "ret request"(event, _state, verdict, mapped) {
          if (event.need !== "dma" || !mapped.has(event.task)) return;
          verdict.exercised();
          if (event.errno === EOPNOTSUPP) verdict.violated(`${event.importer} refuses to do DMA with ${event.list}`);
        },
      }),
    }),
    must({
      id: "DMAONLY-03",
      obliged: ["importer"],
      statement: "A request that needs the CPU fails with EOPNOTSUPP on memory of a device, and nowhere else.",
      intent: "A kind that everybody fears is of no use to those whose memory is ordinary.",
      hints: ["Is the kind that of the memory as it is mapped now?"],
      situation: { weights: { move: 4 }, platform: ["tree", "direct"] },
      monitor: remember(() => new Map<string, string | null>(), {
        "call request": (event, _state, _verdict, mapped) => void mapped.delete(event.task),
        "ret map"(event, state, _verdict, mapped) {
          const { buffer } = state.attachments.get(event.attachment ?? "") ?? { buffer: "" };
          const owner = ownerOf(state, state.buffers.get(buffer)?.storage ?? null);
          if (event.errno === 0 && owner !== undefined) mapped.set(event.task, owner);
        },
        "ret request"(event, _state, verdict, mapped) {
          const owner = mapped.get(event.task);
          if (event.need === "dma" || owner === undefined) return;
          verdict.exercised();
          if ((event.errno === EOPNOTSUPP) !== (owner !== null))
            verdict.violated(
              `a ${event.need} of ${event.list} in memory of ${owner ?? "the system"} is answered with ${errnoName(event.errno)}`,
            );
        },
      }),
    }),
  ],
});

const proposals: readonly Proposal[] = [
  {
    name: "dma-list-untyped",
    about: "Memory of a peer in an ordinary list, given to a block stack that lets the CPU touch what it is given.",
    contract,
    faults: ["untyped"],
    thread: [
      {
        seed,
        who: "Jason Gunthorpe",
        said: "I/O memory is no normal memory for the general users of a scatterlist; today one hopes that the CPU never touches it.",
      },
    ],
    expectations: [
      { rule: "DMAONLY-01", verdict: "violated", source: "The list looks like any other." },
      { rule: "DMAONLY-03", verdict: "violated", source: "So a request that needs the CPU is carried out." },
    ],
  },
  {
    name: "dma-only-list",
    about: "The same with a list type for DMA only, which a stack looks at before the CPU touches anything.",
    contract,
    thread: [
      {
        seed,
        who: "Jason Gunthorpe",
        said: "A list for DMA only should be a formal type: safer to use, and less work than looking through all users of lists.",
      },
    ],
    expectations: [],
  },
];

export default proposals;
