import { EFAULT } from "../../spec/errno.ts";
import { call, type Outcome } from "../../spec/scopes/call.ts";
import { hidden, layout, plain } from "../../spec/scopes/layout.ts";
import type { Names } from "../../spec/scopes/names.ts";
import type { Scope, ScopeOperation, Scratch, StepDraft } from "../../spec/scopes/scope.ts";
import type { State } from "../../spec/state/state.ts";
import { deviceCalls, projectDevice, onImporter, sharedScope } from "./parts.ts";

/** A step on a VMA that is watched. */
type OnFollower = (task: string, importer: string, follower: string) => StepDraft;

/** The contract's own words: steps of its operations, and what its tables show. */
export interface FollowWords {
  readonly watch: (task: string, importer: string, follower: string) => StepDraft;
  readonly follow: OnFollower;
  readonly touch: OnFollower;
  readonly unwatch: OnFollower;
  readonly finishCopy: (task: string, exporter: string) => StepDraft;
  readonly isWatched: (state: State, follower: string) => boolean;
}

/** A fault is held after its look-up; what it found is still there, or is not. */
const [fresh, stale] = [1, 2];

/** A change of the address space that nobody listens to (`start`: a page without a VMA), or of the page that is followed. */
function cleared(start: number): StepDraft {
  return {
    task: "main",
    op: "changeRange",
    space: "mm1",
    start,
    pages: 1,
    change: "clear",
    owner: null,
    blockable: true,
  };
}

/**
 * One VMA that shows a buffer, which moves and is revoked, and importers that follow the CPU's page table: a fault of each
 * may be held between its look-up and its entry while the rest of the world goes on.
 */
export function followScope(words: FollowWords, counts: { readonly importer: number }): Scope {
  const ids = { ...counts };
  const { fields, slots } = layout(ids, {
    revoked: plain(2),
    copying: plain(2),
    /** A revoke waits for the copy, with the reservation lock held. */
    revoking: plain(2),
    /** The CPU's page table has the page. */
    shown: plain(2),
    watched: plain(2, "importer"),
    present: plain(2, "importer"),
    /** A fault between its look-up and its entry: what it found is still there, or is not. */
    held: hidden(plain(3, "importer")),
    /** A fault waits for a lock. */
    blocked: plain(2, "importer"),
  });
  const { revoked, copying, revoking, shown, watched, present, held, blocked } = slots;
  const importers = Array.from({ length: counts.importer }, (_, i) => i);

  const isOpen = (s: Scratch) => s[revoked] === 0;
  const isIdle = (s: Scratch, i: number) => s[watched + i] === 1 && s[held + i] === 0 && s[blocked + i] === 0;
  const anyBlocked = (s: Scratch) => importers.some((i) => s[blocked + i] === 1);
  const isLocked = (s: Scratch) => s[revoking] === 1;
  /** The notifiers have called: no entry is left, and what was looked up is out of date. */
  const takenOut = (s: Scratch) => {
    s[shown] = 0;
    for (const i of importers) {
      s[present + i] = 0;
      if (s[held + i] === fresh) s[held + i] = stale;
    }
  };

  const onVma = (step: OnFollower) => (names: Names, i: number) =>
    step(names.of("user", i), names.of("importer", i), names.of("follower", i));

  /** A fault: the CPU's table is filled where it can be, and `does` says what the importer makes of it. */
  const faults = (
    may: (s: Scratch, i: number) => boolean,
    does: (s: Scratch, i: number) => void,
  ): Readonly<Record<string, Outcome>> => ({
    "": {
      when: (s, i) => may(s, i) && (s[shown] === 1 || isOpen(s)),
      does: (s, i) => {
        s[shown] = 1;
        s[held + i] = 0;
        does(s, i);
      },
    },
    refused: {
      errno: EFAULT,
      when: (s, i) => may(s, i) && s[shown] === 0 && !isOpen(s) && !isLocked(s),
      does: (s, i) => {
        s[held + i] = 0;
      },
    },
    blocks: {
      when: (s, i) => may(s, i) && s[shown] === 0 && isLocked(s),
      does: (s, i) => {
        s[held + i] = 0;
        s[blocked + i] = 1;
      },
    },
  });
  const enter = (s: Scratch, i: number) => {
    s[present + i] = 1;
  };

  const operations: readonly ScopeOperation[] = [
    ...onImporter(
      "watch",
      (names, i) => words.watch(names.of("user", i), names.of("importer", i), names.fresh("follower", i)),
      {
        "": {
          when: (s, i) => s[watched + i] === 0,
          does: (s, i) => {
            s[watched + i] = 1;
          },
        },
      },
      // A second follower of one importer.
      { bounded: (s, i) => s[watched + i] === 1 },
    ),
    ...onImporter("unwatch", onVma(words.unwatch), {
      "": {
        when: isIdle,
        does: (s, i) => {
          s[watched + i] = 0;
          s[present + i] = 0;
        },
      },
    }),
    ...onImporter("follow", onVma(words.follow), faults(isIdle, enter)),
    // After the look-up; and after whatever comes between it and the lock of the follower.
    ...[1, 2].flatMap((nth) =>
      onImporter(
        nth === 1 ? "followHeld" : "followHeldLate",
        onVma(words.follow),
        faults(isIdle, (s, i) => {
          s[held + i] = fresh;
        }),
        { holds: { site: "page-table", nth } },
      ),
    ),
    ...call({
      name: "release",
      takes: ["importer"],
      // And the device looks at what is left of it.
      steps: (names, i) => [cleared(63), words.touch("main", names.of("importer", i), names.of("follower", i))],
      outcomes: {
        enters: {
          when: (s, i) => s[held + i] === fresh,
          does: (s, i) => {
            s[held + i] = 0;
            enter(s, i);
          },
        },
        ...faults((s, i) => s[held + i] === stale, enter),
      },
      releases: (names, i) => names.of("user", i),
      // With nobody to release.
      bounded: (s, i) => s[held + i] === 0,
    }),
    ...onImporter("touch", onVma(words.touch), { "": { when: isIdle } }),
    ...call({
      name: "clear",
      takes: [],
      steps: () => [cleared(0)],
      outcomes: { "": { when: () => true, does: takenOut } },
    }),
    ...call({
      name: "cpuFault",
      takes: [],
      steps: () => [{ task: "main", op: "vmaFault", vma: "vma1", page: 0 }],
      outcomes: {
        "": {
          when: (s) => s[shown] === 1 || isOpen(s),
          does: (s) => {
            s[shown] = 1;
          },
        },
        refused: { errno: EFAULT, when: (s) => s[shown] === 0 && !isOpen(s) && !isLocked(s) },
      },
      // It would wait for the lock.
      bounded: isLocked,
    }),
    ...call({
      name: "finishCopy",
      takes: [],
      steps: () => [words.finishCopy("main", "e1")],
      may: (s) => s[copying] === 1,
      outcomes: {
        "": {
          when: (s) => !anyBlocked(s),
          does: (s) => {
            s[copying] = 0;
            s[revoking] = 0;
          },
        },
        // The errno is that of the faults that come too late.
        refuses: {
          errno: EFAULT,
          when: anyBlocked,
          does: (s) => {
            s[copying] = 0;
            s[revoking] = 0;
            for (const i of importers) s[blocked + i] = 0;
          },
        },
      },
    }),
    ...deviceCalls({
      revoked,
      copying,
      revoking,
      isReady: (s) => !isLocked(s),
      placement: "device",
      takenOut,
      // One more copy.
      bounded: (s) => s[copying] === 1,
      isCovered: (s) => s[copying] === 1,
    }),
  ];

  const project = (state: State, names: Names, s: Scratch): void => {
    projectDevice(state, s, { revoked, copying, revoking });
    s[shown] = state.primaries.size;
    for (const i of importers) {
      s[watched + i] = words.isWatched(state, names.find("follower", i) ?? "") ? 1 : 0;
      for (const { table } of state.entries.values())
        if (table.startsWith(`${names.of("importer", i)}.`)) s[present + i] = 1;
      const task = state.tasks.get(names.of("user", i));
      if (task?.waiting != null) s[blocked + i] = 1;
    }
  };

  return sharedScope(counts.importer, {
    name: "followers",
    about: "One VMA that shows a buffer, which moves and is revoked, and importers whose faults may be held half way.",
    areas: ["FOLLOW"],
    begin: [
      { task: "main", op: "createSpace", space: "mm1" },
      { task: "main", op: "createVma", space: "mm1", vma: "vma1", start: 0, pages: 1, vmaKind: "peer", buffer: "b1" },
    ],
    fields,
    operations,
    bounds: "one VMA, one follower of an importer, one copy at a time; a fault is held only in its first round",
    project,
  });
}
