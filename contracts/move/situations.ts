import { ENOMEM } from "../../spec/errno.ts";
import type { Situation } from "../../spec/situation.ts";

/** Jobs of an importer that lives with moves, and moves between them. */
export const jobsAcrossMoves: Situation = {
  importers: ["subject"],
  exporters: ["subject", "dynamic"],
  weights: {
    export: 5,
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
export const pageTablesInTasks: Situation = {
  ...pageTables,
  tasks: 3,
  pauses: 0.05,
  weights: { export: 5, import: 4, submit: 20, complete: 4, move: 20, evict: 5, lock: 0.5, release: 0.2, revoke: 0.2 },
};

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
    export: 5,
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
  weights: {
    export: 5,
    attach: 2,
    map: 2,
    mapUnlocked: 3,
    access: 4,
    move: 6,
    evict: 2,
    unmap: 0.4,
    unmapUnlocked: 0.4,
  },
};

/** Buffers that something holds in their place, and attempts to move them. */
export const heldInPlace: Situation = {
  importers: ["scripted", "scripted", "static"],
  exporters: ["dynamic", "subject"],
  tasks: 1,
  weights: {
    export: 5,
    attach: 5,
    lock: 1.5,
    trylock: 0.2,
    pin: 30,
    unpin: 0.2,
    unlock: 2,
    mapUnlocked: 4,
    import: 2,
    move: 6,
    evict: 6,
    fenceInit: 0.1,
    detach: 0.2,
    release: 0.2,
    revoke: 0.1,
    revokeForever: 0.1,
    setMemory: 0.1,
    closeDevice: 0.1,
  },
};

/** Callbacks that come again, and while a pinned importer lets go. */
export const repeatedCallbacks: Situation = {
  importers: ["pinnedRevocable"],
  exporters: ["subject"],
  tasks: 2,
  weights: { export: 5, import: 4, release: 4, lock: 2, invalidate: 6, unlock: 3, revoke: 2, unrevoke: 4, attach: 0.3 },
};

/** Revokes that have to wait for a mapping. */
export const revokesOfMapped: Situation = {
  importers: ["scripted", "subject"],
  exporters: ["subject"],
  weights: {
    export: 5,
    attach: 2,
    mapUnlocked: 4,
    import: 2,
    submit: 3,
    revoke: 3,
    unrevoke: 3,
    reset: 4,
    setMemory: 5,
  },
};

/** Maps that come while a move is under way. */
export const mapsDuringMoves: Situation = {
  importers: ["scripted"],
  exporters: ["dynamic", "subject"],
  tasks: 3,
  weights: {
    export: 5,
    attach: 3,
    mapUnlocked: 12,
    move: 12,
    evict: 4,
    lock: 0.3,
    trylock: 0.3,
    lockInterruptible: 0.3,
  },
};

/** Invalidates of buffers with attachments of every kind. */
export const manyAttachments: Situation = {
  importers: ["scripted", "subject"],
  exporters: ["dynamic", "subject", "static"],
  weights: { export: 5, attach: 6, mapUnlocked: 2, import: 2, lock: 2, invalidate: 8, unlock: 3, detach: 2 },
};
