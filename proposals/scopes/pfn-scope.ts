import { ENODEV } from "../../spec/errno.ts";
import { call, type Outcome } from "../../spec/scopes/call.ts";
import { hidden, layout, plain, refers } from "../../spec/scopes/layout.ts";
import type { Names } from "../../spec/scopes/names.ts";
import type { Scope, ScopeOperation, Scratch, StepDraft } from "../../spec/scopes/scope.ts";
import type { State } from "../../spec/state/state.ts";
import { deviceCalls, projectDevice, onImporter, settling, sharedScope, type Settling } from "./parts.ts";

/** A step on a page that is bound. */
type OnPfn = (task: string, importer: string, pfn: string) => StepDraft;

/** The contract's own words: steps of its operations, and what its tables show. */
export interface PfnWords {
  readonly bind: (task: string, importer: string, pfn: string) => StepDraft;
  readonly fill: OnPfn;
  readonly touch: OnPfn;
  readonly queue: OnPfn;
  readonly drop: OnPfn;
  readonly finishJob: (task: string, importer: string) => StepDraft;
  readonly finishCopy: (task: string, exporter: string) => StepDraft;
  readonly isBound: (state: State, pfn: string) => boolean;
  readonly jobs: (state: State, importer: string) => number;
}

/** What an importer's task is in the middle of; 0: nothing. */
const [filling, queueing, dropping, dropsLocked] = [1, 2, 3, 4];

/**
 * One buffer that moves and is revoked, and importers that each enter its page in a table of their own: found under the
 * reservation lock, used by jobs behind fences, taken out by the callback.
 */
export function pfnScope(words: PfnWords, counts: { readonly importer: number }): Scope {
  const ids = { ...counts };
  const { fields, slots } = layout(ids, {
    revoked: plain(2),
    /** A move's fence is not signaled: its copy, or jobs that were there before it. */
    copying: plain(2),
    /** Of the two the device's part is done. */
    copied: hidden(plain(2)),
    /** A revoke waits for fences, with the lock held. */
    revoking: plain(2),
    /** Who waits for the copy, with the lock held. */
    holder: refers("importer", ids),
    bound: plain(2, "importer"),
    present: plain(2, "importer"),
    job: plain(2, "importer"),
    doing: plain(5, "importer"),
  });
  const { revoked, copying, copied, revoking, holder, bound, present, job, doing } = slots;
  const importers = Array.from({ length: counts.importer }, (_, i) => i);

  const isOpen = (s: Scratch) => s[revoked] === 0;
  const isLocked = (s: Scratch) => s[revoking] === 1 || s[holder] !== 0;
  const anyJob = (s: Scratch) => importers.some((i) => s[job + i] === 1);
  const isIdle = (s: Scratch, i: number) => s[bound + i] === 1 && s[doing + i] === 0;

  const enter = (s: Scratch, i: number, what: number) => {
    s[present + i] = 1;
    if (what === queueing) s[job + i] = 1;
    s[doing + i] = 0;
  };
  const unbind = (s: Scratch, i: number) => {
    s[present + i] = 0;
    s[doing + i] = 0;
  };
  const takenOut = (s: Scratch) => {
    for (const i of importers) s[present + i] = 0;
  };

  /** All that follows by itself once a fence has signaled. */
  const settle = (s: Scratch) => {
    if (s[copied] === 1 && !anyJob(s)) {
      s[copying] = 0;
      s[copied] = 0;
    }
    const isQuiet = s[copying] === 0;
    if (isQuiet) s[holder] = 0;
    if (isQuiet && !anyJob(s)) s[revoking] = 0;
    for (const i of importers) {
      if (s[doing + i] === dropping && s[job + i] === 0) s[doing + i] = dropsLocked;
      if (isLocked(s) || s[doing + i] === 0 || s[doing + i] === dropping) continue;
      if (s[doing + i] === dropsLocked) unbind(s, i);
      else if (isOpen(s)) enter(s, i, s[doing + i]!);
      else s[doing + i] = 0;
    }
  };
  /** A call that may be the end of a revoke: whoever waited for the lock behind it is told that the buffer is gone. */
  const ends = (change: Settling["change"], when: Settling["when"]) =>
    settling({
      change,
      when,
      settle,
      isRefusing: (before, after) =>
        before[revoking] === 1 &&
        after[revoking] === 0 &&
        importers.some((i) => before[doing + i] === filling || before[doing + i] === queueing),
    });

  const onPfn = (step: OnPfn) => (names: Names, i: number) =>
    step(names.of("user", i), names.of("importer", i), names.of("pfn", i));

  /** The page is found and entered in one hold of the lock: at once, after the copy, or behind whoever holds the lock. */
  const enters = (what: number, may: ScopeOperation["enabled"]): Readonly<Record<string, Outcome>> => {
    const isFree: ScopeOperation["enabled"] = (s, i, b, c) => may(s, i, b, c) && !isLocked(s);
    const absent = (s: Scratch, i: number) => s[present + i] === 0;
    return {
      "": {
        when: (s, i, b, c) => isFree(s, i, b, c) && (!absent(s, i) || (s[copying] === 0 && isOpen(s))),
        does: (s, i) => enter(s, i, what),
      },
      refused: {
        errno: ENODEV,
        when: (s, i, b, c) => isFree(s, i, b, c) && absent(s, i) && s[copying] === 0 && !isOpen(s),
      },
      waitsForCopy: {
        when: (s, i, b, c) => isFree(s, i, b, c) && absent(s, i) && s[copying] === 1,
        does: (s, i) => {
          s[doing + i] = what;
          s[holder] = i + 1;
        },
      },
      blocks: {
        when: (s, i, b, c) => may(s, i, b, c) && isLocked(s),
        does: (s, i) => {
          s[doing + i] = what;
        },
      },
    };
  };
  const hasNoJob = (s: Scratch, i: number) => isIdle(s, i) && s[job + i] === 0;

  const operations: readonly ScopeOperation[] = [
    ...onImporter(
      "bind",
      (names, i) => words.bind(names.of("user", i), names.of("importer", i), names.fresh("pfn", i)),
      {
        "": {
          when: (s, i) => s[bound + i] === 0 && s[doing + i] === 0 && isOpen(s) && !isLocked(s),
          does: (s, i) => {
            s[bound + i] = 1;
          },
        },
        refused: { errno: ENODEV, when: (s, i) => s[bound + i] === 0 && s[doing + i] === 0 && !isOpen(s) },
      },
      // A second page of one importer; or it waits for the lock.
      { bounded: (s, i) => s[bound + i] === 1 || isLocked(s) },
    ),
    ...onImporter("fill", onPfn(words.fill), enters(filling, isIdle)),
    ...onImporter(
      "queue",
      onPfn(words.queue),
      enters(queueing, hasNoJob),
      // A second job.
      { bounded: (s, i) => s[job + i] === 1 },
    ),
    ...onImporter("touch", onPfn(words.touch), { "": { when: isIdle } }),
    ...onImporter("drop", onPfn(words.drop), {
      "": {
        when: (s, i) => hasNoJob(s, i) && !isLocked(s),
        does: (s, i) => {
          s[bound + i] = 0;
          unbind(s, i);
        },
      },
      waitsForJob: {
        when: (s, i) => isIdle(s, i) && s[job + i] === 1,
        does: (s, i) => {
          s[bound + i] = 0;
          s[doing + i] = dropping;
        },
      },
      blocks: {
        when: (s, i) => hasNoJob(s, i) && isLocked(s),
        does: (s, i) => {
          s[bound + i] = 0;
          s[doing + i] = dropsLocked;
        },
      },
    }),
    ...onImporter(
      "finishJob",
      (names, i) => words.finishJob("main", names.of("importer", i)),
      ends(
        (s, i) => {
          s[job + i] = 0;
        },
        (s, i) => s[job + i] === 1,
      ),
    ),
    ...call({
      name: "finishCopy",
      takes: [],
      steps: () => [words.finishCopy("main", "e1")],
      outcomes: {
        ...ends(
          (s) => {
            s[copied] = 1;
          },
          (s) => s[copying] === 1 && s[copied] === 0,
        ),
        again: { when: (s) => s[copied] === 1 },
      },
    }),
    ...deviceCalls({
      revoked,
      copying,
      revoking,
      isReady: (s) => s[revoking] === 0 && s[holder] === 0,
      placement: "device",
      takenOut,
      // One more copy; or the exporter waits for the lock behind an importer.
      bounded: (s) => s[copying] === 1 || s[holder] !== 0,
      isCovered: (s) => s[copying] === 1 || anyJob(s),
    }),
  ];

  const project = (state: State, names: Names, s: Scratch): void => {
    projectDevice(state, s, { revoked, copying, revoking });
    for (const i of importers) {
      const importer = names.of("importer", i);
      s[bound + i] = words.isBound(state, names.find("pfn", i) ?? "") ? 1 : 0;
      s[job + i] = words.jobs(state, importer);
      let entries = 0;
      for (const { table } of state.entries.values()) if (table.startsWith(`${importer}.`)) entries += 1;
      // Each job has a page table of its own.
      s[present + i] = entries - s[job + i]!;
      const task = state.tasks.get(names.of("user", i));
      const [frame] = task?.frames ?? [];
      if (task?.waiting == null || frame?.kind !== "call") continue;
      const op: string = frame.op;
      if (op.endsWith(".dropPfn")) s[doing + i] = task.waiting.kind === "lock" ? dropsLocked : dropping;
      else s[doing + i] = op.endsWith(".fillPfn") ? filling : queueing;
      if (task.waiting.kind === "fence") s[holder] = i + 1;
    }
  };

  return sharedScope(counts.importer, {
    name: "pfns",
    about: "One buffer that moves and is revoked, and importers that enter its page in tables of their own.",
    areas: ["PFN"],
    fields,
    operations,
    bounds:
      "one page and one job of an importer, one copy at a time; the exporter waits for fences, never for the lock",
    project,
  });
}
