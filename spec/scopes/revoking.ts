import { EBADFD, ENODEV } from "../errno.ts";
import type { State } from "../state/state.ts";
import { call, type Outcome } from "./call.ts";
import { layout, plain } from "./layout.ts";
import type { Names } from "./names.ts";
import type { Scope, ScopeOperation, Scratch, StepDraft } from "./scope.ts";
import { bufferSetup, exporterSetup, importerSetup, scopeSetup } from "./setup.ts";

/** How many importers there are, each with one attachment, one mapping and a task of its own. */
export interface RevokingCounts {
  readonly importer: number;
}

/** Access to the buffer; 0: there is. */
const [revoked, forever] = [1, 2];
/** What a revoke waits for: fences, with the lock held; then unmaps, without it. */
const [forFence, forUnmap] = [1, 2];
/** What an importer's task waits to do once the lock is free. */
const [toMap, toUnmap, toDetach] = [1, 2, 3];

/** One buffer whose exporter takes access away and gives it back, while importers attach, map, access and unmap late. */
export function revoking(counts: RevokingCounts): Scope {
  const ids = { ...counts };
  const { fields, slots } = layout(ids, {
    access: plain(3),
    /** What the exporter's operation waits for. */
    waits: plain(3),
    /** A BOOKKEEP fence covers device work. */
    covered: plain(2),
    attached: plain(2, "importer"),
    mapped: plain(2, "importer"),
    blocked: plain(4, "importer"),
  });
  const { access, waits, covered, attached, mapped, blocked } = slots;

  const isOpen = (s: Scratch) => s[access] === 0;
  const isIdle = (s: Scratch, i: number) => s[blocked + i] === 0;
  const isAttached = (s: Scratch, i: number) => isIdle(s, i) && s[attached + i] === 1;
  const isMapped = (s: Scratch, i: number) => isIdle(s, i) && s[mapped + i] === 1;
  const isUnmapped = (s: Scratch, i: number) => isAttached(s, i) && s[mapped + i] === 0;
  /** The revoke holds the reservation lock while it waits for fences. */
  const isLocked = (s: Scratch) => s[waits] === forFence;
  const isReady = (s: Scratch) => s[waits] === 0;
  const anyMapped = (s: Scratch) => {
    for (let i = 0; i < counts.importer; i += 1) if (s[mapped + i] === 1) return true;
    return false;
  };
  const anyWantsMap = (s: Scratch) => {
    for (let i = 0; i < counts.importer; i += 1) if (s[blocked + i] === toMap) return true;
    return false;
  };

  /** An importer's call that needs the lock: at once, or when a revoke is over. */
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
  const blocks = (what: number, when: ScopeOperation["enabled"]): Outcome => ({
    when: (s, i, b, c) => isLocked(s) && when(s, i, b, c),
    does: (s, i) => {
      s[blocked + i] = what;
    },
  });

  const importers: readonly ScopeOperation[] = [
    ...onImporter(
      "attach",
      (names, i) => ({
        task: names.of("user", i),
        op: "attach",
        importer: names.of("importer", i),
        buffer: "b1",
        attachment: names.fresh("attachment", i),
        noDevice: false,
      }),
      {
        "": {
          when: (s, i) => s[attached + i] === 0 && isOpen(s),
          does: (s, i) => {
            s[attached + i] = 1;
          },
        },
        refused: { errno: ENODEV, when: (s, i) => s[attached + i] === 0 && !isOpen(s) },
      },
      // A second attachment of one importer.
      (s, i) => s[attached + i] === 1,
    ),
    ...onImporter(
      "detach",
      (names, i) => ({
        task: names.of("user", i),
        op: "detach",
        attachment: names.of("attachment", i),
        buffer: "b1",
      }),
      {
        "": {
          when: (s, i) => isUnmapped(s, i) && !isLocked(s),
          does: (s, i) => {
            s[attached + i] = 0;
          },
        },
        blocks: blocks(toDetach, isUnmapped),
      },
    ),
    ...onImporter(
      "map",
      (names, i) => ({
        task: names.of("user", i),
        op: "mapUnlocked",
        attachment: names.of("attachment", i),
        direction: "bidirectional",
        mapping: names.fresh("mapping", i),
      }),
      {
        "": {
          when: (s, i) => isUnmapped(s, i) && isOpen(s),
          does: (s, i) => {
            s[mapped + i] = 1;
          },
        },
        refused: { errno: ENODEV, when: (s, i) => isUnmapped(s, i) && !isOpen(s) && !isLocked(s) },
        blocks: blocks(toMap, isUnmapped),
      },
      // A second mapping of one attachment.
      isMapped,
    ),
    ...onImporter(
      "unmap",
      (names, i) => ({
        task: names.of("user", i),
        op: "unmapUnlocked",
        mapping: names.of("mapping", i),
        direction: "bidirectional",
      }),
      {
        "": {
          when: (s, i) => isMapped(s, i) && !isLocked(s),
          does: (s, i) => {
            s[mapped + i] = 0;
            if (s[waits] === forUnmap && !anyMapped(s)) s[waits] = 0;
          },
        },
        blocks: blocks(toUnmap, isMapped),
      },
    ),
    ...(["read", "write", "speculativeRead"] as const).flatMap((kind) =>
      onImporter(
        kind,
        (names, i) => ({ task: names.of("user", i), op: "access", mapping: names.of("mapping", i), kind }),
        // What is left after an invalidate is to read ahead and throw it away.
        { "": { when: (s, i) => isMapped(s, i) && (isOpen(s) || kind === "speculativeRead") } },
      ),
    ),
    ...onImporter(
      "isRevocable",
      (names, i) => ({ task: names.of("user", i), op: "isRevocable", attachment: names.of("attachment", i) }),
      { "": { when: isAttached } },
    ),
  ];

  /** An operation of the exporter's; it makes one at a time. */
  const onExporter = (op: "revoke" | "unrevoke" | "revokeForever", outcomes: Readonly<Record<string, Outcome>>) =>
    call({
      name: op,
      takes: [],
      steps: () => [{ task: "device", op, buffer: "b1" }],
      may: isReady,
      outcomes,
    });
  /** Takes access away: flag, message, and the two waits. */
  const takes = (to: number): Readonly<Record<string, Outcome>> => {
    const does = (s: Scratch) => {
      s[access] = to;
      s[waits] = s[covered] === 1 ? forFence : anyMapped(s) ? forUnmap : 0;
    };
    return {
      "": { when: (s) => isOpen(s) && s[covered] === 0 && !anyMapped(s), does },
      waitsForFence: { when: (s) => isOpen(s) && s[covered] === 1, does },
      waitsForUnmap: { when: (s) => isOpen(s) && s[covered] === 0 && anyMapped(s), does },
    };
  };
  /** The fence signals. A revoke that waited for it gives the lock back, and all who wanted it go on. */
  const signal = (s: Scratch) => {
    s[covered] = 0;
    if (!isLocked(s)) return;
    for (let i = 0; i < counts.importer; i += 1) {
      if (s[blocked + i] === toUnmap) s[mapped + i] = 0;
      if (s[blocked + i] === toDetach) s[attached + i] = 0;
      s[blocked + i] = 0;
    }
    s[waits] = anyMapped(s) ? forUnmap : 0;
  };

  const operations: readonly ScopeOperation[] = [
    ...importers,
    ...onExporter("revoke", { ...takes(revoked), again: { when: (s) => !isOpen(s) } }),
    ...onExporter("revokeForever", {
      ...takes(forever),
      upgrades: {
        when: (s) => s[access] === revoked,
        does: (s) => {
          s[access] = forever;
        },
      },
      again: { errno: EBADFD, when: (s) => s[access] === forever },
    }),
    ...onExporter("unrevoke", {
      "": {
        when: (s) => s[access] === revoked,
        does: (s) => {
          s[access] = 0;
        },
      },
      idle: { when: isOpen },
      refused: { errno: ENODEV, when: (s) => s[access] === forever },
    }),
    ...call({
      name: "publish",
      takes: [],
      steps: (names) => {
        const fence = names.fresh("fence");
        const hold = { task: "main", resv: "b1.resv" } as const;
        return [
          { task: "main", op: "fenceInit", fence, timeline: 1, seqno: names.number(), seqno64: false, hooks: [] },
          { ...hold, op: "lock", acquire: null },
          { ...hold, op: "reserveFences", count: 1 },
          { ...hold, op: "addFence", fence, usage: "bookkeep" },
          { ...hold, op: "unlock" },
        ];
      },
      outcomes: {
        "": {
          when: (s) => s[covered] === 0,
          does: (s) => {
            s[covered] = 1;
          },
        },
      },
      // One more fence.
      bounded: (s) => s[covered] === 1,
    }),
    ...call({
      name: "signal",
      takes: [],
      steps: (names) => [{ task: "main", op: "signal", fence: names.of("fence") }],
      may: (s) => s[covered] === 1,
      outcomes: {
        "": { when: (s) => !anyWantsMap(s), does: signal },
        // The errno is that of the map that comes too late.
        refusesMap: { errno: ENODEV, when: anyWantsMap, does: signal },
      },
      // A second time.
      bounded: (s) => s[covered] === 0,
    }),
  ];

  const project = (state: State, names: Names, s: Scratch): void => {
    const row = state.buffers.get("b1");
    s[access] = row?.access === "revoked" ? revoked : row?.access === "revokedForever" ? forever : 0;
    const wait = state.tasks.get("device")?.waiting?.kind;
    s[waits] = wait === "fence" ? forFence : wait === "unmapped" ? forUnmap : 0;
    s[covered] = state.fences.get(names.find("fence") ?? "")?.signaled === false ? 1 : 0;
    for (let i = 0; i < counts.importer; i += 1) {
      const attachment = state.attachments.get(names.find("attachment", i) ?? "");
      s[attached + i] = attachment?.phase === "attached" || attachment?.phase === "detaching" ? 1 : 0;
      s[mapped + i] = attachment?.hookMaps.length ?? 0;
      const task = state.tasks.get(names.of("user", i));
      if (task?.waiting?.kind !== "lock") continue;
      const [frame] = task.frames;
      if (frame?.kind !== "call") continue;
      s[blocked + i] = frame.op === "detach" ? toDetach : frame.op === "mapUnlocked" ? toMap : toUnmap;
    }
  };

  const named = (letter: string) => Array.from({ length: counts.importer }, (_, i) => `${letter}${i + 1}`);
  return {
    name: "revoking",
    about: "One buffer whose exporter revokes and unrevokes it, while importers attach, map, access and unmap late.",
    areas: ["REV", "MAP", "ATT"],
    profile: "K7.1",
    setup: scopeSetup({
      exporters: [exporterSetup("subject")],
      importers: named("i").map((name) => importerSetup(name)),
      buffers: [bufferSetup("b1")],
    }),
    prelude: [{ task: "main", op: "export", buffer: "b1", missing: [], caching: false }],
    ids,
    fields,
    operations,
    bounds:
      "one attachment and one mapping of an importer, one fence at a time, one operation of the exporter at a time",
    objects: { importer: named("i"), user: named("u") },
    initial: () => undefined,
    project,
  };
}
