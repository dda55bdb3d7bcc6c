import { EBUSY } from "../errno.ts";
import type { State } from "../state/state.ts";
import { call, type Outcome } from "./call.ts";
import { layout, plain, refers } from "./layout.ts";
import { projectMappings } from "./mappings.ts";
import type { Names } from "./names.ts";
import { bufferSetup, exporterSetup, importerSetup, scopeSetup } from "./setup.ts";
import type { Scope, ScopeOperation, Scratch, StepDraft } from "./scope.ts";

/** How many there are of each. */
export interface MovingCounts {
  readonly importer: number;
  readonly mapping: number;
}

const resv = "b1.resv";

/** Takes the lock around a step: the scope is at rest between its transitions, with nobody holding it. */
function locked(step: StepDraft): readonly StepDraft[] {
  return [{ task: "main", op: "lock", resv, acquire: null }, step, { task: "main", op: "unlock", resv }];
}

/** One buffer that moves: pins and mappings that hold it in its place, mappings that go stale, the copy that follows. */
export function moving(counts: MovingCounts): Scope {
  const ids = { ...counts };
  const { fields, slots } = layout(ids, {
    attached: plain(2, "importer"),
    pinned: plain(2, "importer"),
    /** Whose mapping it is, while it lives. */
    of: refers("importer", ids, "mapping"),
    stale: plain(2, "mapping"),
    /** A move's copy is under way; its end comes with the end of the program. */
    copying: plain(2),
  });

  const isAttached = (s: Scratch, i: number) => s[slots.attached + i] === 1;
  const isPinned = (s: Scratch, i: number) => s[slots.pinned + i] === 1;
  const isLive = (s: Scratch, m: number) => s[slots.of + m] !== 0;
  const isStale = (s: Scratch, m: number) => s[slots.stale + m] === 1;
  const isCopying = (s: Scratch) => s[slots.copying] === 1;
  const isMapped = (s: Scratch, i: number) => {
    for (let m = 0; m < counts.mapping; m += 1) if (s[slots.of + m] === i + 1) return true;
    return false;
  };
  const isHeld = (s: Scratch) => {
    for (let i = 0; i < counts.importer; i += 1) if (isPinned(s, i)) return true;
    return false;
  };

  const set = (slot: number, value: number) => (s: Scratch, id: number) => {
    s[slot + id] = value;
  };

  const onImporter = (
    name: string,
    steps: ScopeOperation["steps"],
    outcome: Outcome,
    bounded?: ScopeOperation["bounded"],
  ): readonly ScopeOperation[] =>
    call({
      name,
      takes: ["importer"],
      steps,
      outcomes: { "": outcome },
      ...(bounded === undefined ? {} : { bounded }),
    });

  const attach = (importer: string, attachment: string): StepDraft => ({
    task: "main",
    op: "attach",
    importer,
    buffer: "b1",
    attachment,
    noDevice: false,
  });
  const detach = (attachment: string): StepDraft => ({ task: "main", op: "detach", attachment, buffer: "b1" });
  const map = (attachment: string, mapping: string): StepDraft => ({
    task: "main",
    op: "mapUnlocked",
    attachment,
    direction: "bidirectional",
    mapping,
  });
  const unmap = (mapping: string): StepDraft => ({
    task: "main",
    op: "unmapUnlocked",
    mapping,
    direction: "bidirectional",
  });

  const importers: readonly ScopeOperation[] = [
    ...onImporter(
      "attach",
      (names, i) => [attach(names.of("importer", i), names.fresh("attachment", i))],
      { when: (s, i) => !isAttached(s, i), does: set(slots.attached, 1) },
      // A second attachment of one importer.
      isAttached,
    ),
    ...onImporter("detach", (names, i) => [detach(names.of("attachment", i))], {
      when: (s, i) => isAttached(s, i) && !isPinned(s, i) && !isMapped(s, i),
      does: set(slots.attached, 0),
    }),
    ...onImporter(
      "pin",
      (names, i) => locked({ task: "main", op: "pin", attachment: names.of("attachment", i) }),
      {
        when: (s, i) => isAttached(s, i) && !isPinned(s, i) && !isMapped(s, i) && !isCopying(s),
        does: set(slots.pinned, 1),
      },
      // Only the lock around it is legal, it would be a second pin, or it would wait for the copy.
      () => true,
    ),
    ...onImporter(
      "unpin",
      (names, i) => locked({ task: "main", op: "unpin", attachment: names.of("attachment", i) }),
      { when: (s, i) => isPinned(s, i) && !isMapped(s, i), does: set(slots.pinned, 0) },
      () => true,
    ),
    ...call({
      name: "map",
      takes: ["importer", "mapping"],
      steps: (names, i, m) => [map(names.of("attachment", i), names.fresh("mapping", m))],
      outcomes: {
        "": {
          when: (s, i, m) => isAttached(s, i) && !isLive(s, m),
          does: (s, i, m) => {
            s[slots.of + m] = i + 1;
          },
        },
      },
      // One more mapping than there are ids.
      bounded: (s, _i, m) => isLive(s, m),
    }),
  ];

  const onMapping = (name: string, step: (mapping: string) => StepDraft, outcome: Outcome) =>
    call({
      name,
      takes: ["mapping"],
      steps: (names, m) => [step(names.of("mapping", m))],
      outcomes: { "": outcome },
    });
  const access =
    (kind: "write" | "speculativeRead") =>
    (mapping: string): StepDraft => ({ task: "main", op: "access", mapping, kind });

  const relocate = (name: string, step: StepDraft): readonly ScopeOperation[] =>
    call({
      name,
      takes: [],
      steps: () => [step],
      outcomes: {
        "": {
          when: (s) => !isHeld(s),
          does: (s) => {
            s[slots.copying] = 1;
            for (let m = 0; m < counts.mapping; m += 1) if (isLive(s, m)) s[slots.stale + m] = 1;
          },
        },
        held: { errno: EBUSY, when: isHeld },
      },
    });

  const operations: readonly ScopeOperation[] = [
    ...importers,
    ...onMapping("unmap", unmap, {
      when: isLive,
      does: (s, m) => {
        s[slots.of + m] = 0;
        s[slots.stale + m] = 0;
      },
    }),
    ...onMapping("write", access("write"), { when: (s, m) => isLive(s, m) && !isStale(s, m) && !isCopying(s) }),
    ...onMapping("readAhead", access("speculativeRead"), {
      when: (s, m) => isLive(s, m) && (isStale(s, m) || !isCopying(s)),
    }),
    ...relocate("move", { task: "main", op: "move", buffer: "b1", placement: "device" }),
    ...relocate("evict", { task: "main", op: "evict", buffer: "b1" }),
  ];

  const project = (state: State, names: Names, s: Scratch): void => {
    projectMappings(state, names, s, slots, counts);
    const pending = state.reservations
      .get(resv)
      ?.entries.some(({ fence, usage }) => usage === "kernel" && state.fences.get(fence)?.signaled === false);
    s[slots.copying] = pending === true ? 1 : 0;
  };

  const importerNames = Array.from({ length: counts.importer }, (_, i) => `i${i + 1}`);
  return {
    name: "moving",
    about:
      "One buffer that moves: pins and mappings that hold it in its place, mappings that go stale, the copy that follows.",
    areas: ["MOVE", "PIN", "MAP"],
    profile: "K7.1",
    setup: scopeSetup({
      exporters: [exporterSetup("subject")],
      importers: importerNames.map((name) => importerSetup(name)),
      buffers: [bufferSetup("b1")],
    }),
    prelude: [{ task: "main", op: "export", buffer: "b1", missing: [], caching: false }],
    ids,
    fields,
    operations,
    bounds:
      "one attachment of an importer, one pin of an attachment; a copy ends with the program, and no pin waits for it",
    objects: { importer: importerNames },
    initial: () => undefined,
    project,
  };
}
