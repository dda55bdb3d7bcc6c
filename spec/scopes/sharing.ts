import { EINVAL } from "../errno.ts";
import type { State } from "../state/state.ts";
import { call, type Outcome } from "./call.ts";
import { layout, plain, refers } from "./layout.ts";
import { projectMappings } from "./mappings.ts";
import type { Names } from "./names.ts";
import { bufferSetup, exporterSetup, importerSetup, scopeSetup } from "./setup.ts";
import type { Scope, ScopeOperation, Scratch, StepDraft } from "./scope.ts";

/** How many there are of each. */
export interface SharingCounts {
  readonly importer: number;
  readonly mapping: number;
}

/** One buffer between importers: attach, pin, map under the lock and without, invalidate, access. */
export function sharing(counts: SharingCounts): Scope {
  const ids = { ...counts };
  const { fields, slots } = layout(ids, {
    locked: plain(2),
    attached: plain(2, "importer"),
    pinned: plain(2, "importer"),
    /** Whose mapping it is, while it lives. */
    of: refers("importer", ids, "mapping"),
    stale: plain(2, "mapping"),
  });

  const isLocked = (s: Scratch) => s[slots.locked] === 1;
  const isFree = (s: Scratch) => s[slots.locked] === 0;
  const isAttached = (s: Scratch, i: number) => s[slots.attached + i] === 1;
  const isPinned = (s: Scratch, i: number) => s[slots.pinned + i] === 1;
  const isLive = (s: Scratch, m: number) => s[slots.of + m] !== 0;
  const isMapped = (s: Scratch, i: number) => {
    for (let m = 0; m < counts.mapping; m += 1) if (s[slots.of + m] === i + 1) return true;
    return false;
  };

  const attachmentOf = (names: Names, i: number) => names.of("attachment", i);

  const onImporter = (
    name: string,
    draft: (names: Names, i: number) => StepDraft,
    outcomes: Readonly<Record<string, Outcome>>,
    bounded?: ScopeOperation["bounded"],
  ): readonly ScopeOperation[] =>
    call({
      name,
      takes: ["importer"],
      steps: (names, i) => [draft(names, i)],
      outcomes,
      ...(bounded === undefined ? {} : { bounded }),
    });

  const attachments: readonly ScopeOperation[] = [
    ...onImporter(
      "attach",
      (names, i) => ({
        task: "main",
        op: "attach",
        importer: names.of("importer", i),
        buffer: "b1",
        attachment: names.fresh("attachment", i),
        noDevice: false,
      }),
      {
        "": {
          when: (s, i) => isFree(s) && !isAttached(s, i),
          does: (s, i) => {
            s[slots.attached + i] = 1;
          },
        },
      },
      // A second attachment of one importer.
      (s, i) => isFree(s) && isAttached(s, i),
    ),
    ...onImporter(
      "detach",
      (names, i) => ({ task: "main", op: "detach", attachment: attachmentOf(names, i), buffer: "b1" }),
      {
        "": {
          when: (s, i) => isFree(s) && isAttached(s, i) && !isPinned(s, i) && !isMapped(s, i),
          does: (s, i) => {
            s[slots.attached + i] = 0;
          },
        },
      },
    ),
    ...onImporter(
      "isRevocable",
      (names, i) => ({ task: "main", op: "isRevocable", attachment: attachmentOf(names, i) }),
      { "": { when: isAttached } },
    ),
    ...onImporter(
      "pin",
      (names, i) => ({ task: "main", op: "pin", attachment: attachmentOf(names, i) }),
      {
        "": {
          when: (s, i) => isLocked(s) && isAttached(s, i) && !isPinned(s, i) && !isMapped(s, i),
          does: (s, i) => {
            s[slots.pinned + i] = 1;
          },
        },
      },
      // A second pin of one attachment.
      (s, i) => isLocked(s) && isPinned(s, i),
    ),
    ...onImporter("unpin", (names, i) => ({ task: "main", op: "unpin", attachment: attachmentOf(names, i) }), {
      "": {
        when: (s, i) => isLocked(s) && isPinned(s, i) && !isMapped(s, i),
        does: (s, i) => {
          s[slots.pinned + i] = 0;
        },
      },
    }),
  ];

  const map = (op: "map" | "mapUnlocked", isReady: (s: Scratch) => boolean): readonly ScopeOperation[] => [
    ...call({
      name: op,
      takes: ["importer", "mapping"],
      steps: (names, i, m) => [
        {
          task: "main",
          op,
          attachment: attachmentOf(names, i),
          direction: "bidirectional",
          mapping: names.fresh("mapping", m),
        },
      ],
      outcomes: {
        "": {
          when: (s, i, m) => isReady(s) && isAttached(s, i) && !isLive(s, m),
          does: (s, i, m) => {
            s[slots.of + m] = i + 1;
          },
        },
      },
      // One more mapping than there are ids.
      bounded: (s, _i, m) => isLive(s, m),
    }),
    ...onImporter(
      `${op}WithoutDirection`,
      (names, i) => ({
        task: "main",
        op,
        attachment: attachmentOf(names, i),
        direction: "none",
        mapping: names.fresh("unused"),
      }),
      { "": { errno: EINVAL, when: (s, i) => isReady(s) && isAttached(s, i) } },
    ),
  ];

  const onMapping = (
    name: string,
    draft: (mapping: string) => StepDraft,
    outcomes: Readonly<Record<string, Outcome>>,
  ): readonly ScopeOperation[] =>
    call({ name, takes: ["mapping"], steps: (names, m) => [draft(names.of("mapping", m))], outcomes });

  const unmap = (op: "unmap" | "unmapUnlocked", isReady: (s: Scratch) => boolean): readonly ScopeOperation[] =>
    onMapping(op, (mapping) => ({ task: "main", op, mapping, direction: "bidirectional" }), {
      "": {
        when: (s, m) => isReady(s) && isLive(s, m),
        does: (s, m) => {
          s[slots.of + m] = 0;
          s[slots.stale + m] = 0;
        },
      },
    });

  const access = (name: string, kind: "read" | "write" | "speculativeRead", when: Outcome["when"]) =>
    onMapping(name, (mapping) => ({ task: "main", op: "access", mapping, kind }), { "": { when } });
  const isFresh = (s: Scratch, m: number) => isLive(s, m) && s[slots.stale + m] === 0;

  const lock = (name: "lock" | "unlock", from: number): readonly ScopeOperation[] =>
    call({
      name,
      takes: [],
      steps: () => [
        name === "lock"
          ? { task: "main", op: name, resv: "b1.resv", acquire: null }
          : { task: "main", op: name, resv: "b1.resv" },
      ],
      outcomes: {
        "": {
          when: (s) => s[slots.locked] === from,
          does: (s) => {
            s[slots.locked] = 1 - from;
          },
        },
      },
    });

  const operations: readonly ScopeOperation[] = [
    ...lock("lock", 0),
    ...lock("unlock", 1),
    ...attachments,
    ...map("map", isLocked),
    ...map("mapUnlocked", isFree),
    ...unmap("unmap", isLocked),
    ...unmap("unmapUnlocked", isFree),
    ...access("read", "read", isFresh),
    ...access("write", "write", isFresh),
    ...access("readAhead", "speculativeRead", isLive),
    ...call({
      name: "invalidate",
      takes: [],
      steps: () => [{ task: "main", op: "invalidate", buffer: "b1" }],
      outcomes: {
        "": {
          when: isLocked,
          does: (s) => {
            for (let m = 0; m < counts.mapping; m += 1) if (isLive(s, m)) s[slots.stale + m] = 1;
          },
        },
      },
    }),
  ];

  const project = (state: State, names: Names, s: Scratch): void => {
    s[slots.locked] = state.reservations.get("b1.resv")?.owner === "main" ? 1 : 0;
    projectMappings(state, names, s, slots, counts);
  };

  const importers = Array.from({ length: counts.importer }, (_, i) => `i${i + 1}`);
  return {
    name: "sharing",
    about: "One buffer between importers: attach, pin, map under the lock and without, invalidate, access.",
    areas: ["ATT", "PIN", "MAP", "MOVE"],
    profile: "K7.1",
    setup: scopeSetup({
      exporters: [exporterSetup("subject")],
      importers: importers.map((name) => importerSetup(name)),
      buffers: [bufferSetup("b1")],
    }),
    prelude: [{ task: "main", op: "export", buffer: "b1", missing: [], caching: false }],
    ids,
    fields,
    operations,
    bounds: "one attachment of an importer, one pin of an attachment; importers unmap when they are told to",
    objects: { importer: importers },
    initial: () => undefined,
    project,
  };
}
