import { ENOMEM } from "../../spec/errno.ts";
import type { Situation } from "../../spec/situation.ts";

/** Jobs of an importer that lives with moves, and moves between them. */
export const jobsAcrossMoves: Situation = {
  importers: ["subject"],
  exporters: ["subject", "dynamic"],
  weights: {
    import: 2,
    submit: 6,
    complete: 4,
    move: 6,
    evict: 3,
    lock: 1.5,
    invalidate: 3,
    unlock: 1.5,
    release: 0.4,
  },
};

/** The same with callbacks that lock page tables and give the device work. */
export const pageTables: Situation = { ...jobsAcrossMoves, importers: ["pageTable"] };

/** Jobs that meet a callback half-way. */
export const pageTablesInTwoTasks: Situation = { ...pageTables, tasks: 2 };

/** Callbacks that run out of memory. */
export const pageTablesWithoutMemory: Situation = {
  ...pageTables,
  failures: [{ site: "page-table-job", errno: ENOMEM }],
};

/** Moves of buffers that hold fences of every usage and have no mapping that keeps an old place. */
export const movesWithFences: Situation = {
  exporters: ["subject", "dynamic"],
  tasks: 1,
  weights: {
    fenceInit: 3,
    lock: 3,
    reserveFences: 6,
    addFence: 8,
    unlock: 6,
    move: 12,
    evict: 4,
    signal: 0.1,
    signalTimestamp: 0.1,
    checkAndSignal: 0.1,
    waitFences: 0.1,
    waitFence: 0.1,
    waitAny: 0.1,
    attach: 0.2,
    import: 0.2,
  },
};

/** Old mappings that stay for a while. */
export const lateUnmaps: Situation = {
  importers: ["scripted", "subject"],
  exporters: ["subject", "dynamic"],
  weights: { attach: 2, map: 2, mapUnlocked: 3, access: 4, move: 6, evict: 2, unmap: 0.4, unmapUnlocked: 0.4 },
};

/** Buffers that something holds in their place, and attempts to move them. */
export const heldInPlace: Situation = {
  importers: ["scripted", "scripted", "static"],
  exporters: ["dynamic", "subject"],
  weights: { attach: 3, lock: 3, pin: 8, unpin: 0.2, unlock: 5, mapUnlocked: 2, import: 2, move: 8, evict: 4 },
};

/** Callbacks that come again, and while a pinned importer lets go. */
export const repeatedCallbacks: Situation = {
  importers: ["pinnedRevocable"],
  exporters: ["subject"],
  tasks: 2,
  weights: { import: 4, release: 4, lock: 2, invalidate: 6, unlock: 3, revoke: 2, unrevoke: 4, attach: 0.3 },
};

/** Revokes that have to wait for a mapping. */
export const revokesOfMapped: Situation = {
  importers: ["scripted", "subject"],
  exporters: ["subject"],
  weights: { attach: 2, mapUnlocked: 4, import: 2, submit: 3, revoke: 3, unrevoke: 3, reset: 4, setMemory: 5 },
};
