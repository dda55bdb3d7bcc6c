import type { Random } from "../../generators/random.ts";
import type { Setup } from "../../spec/program.ts";
import type { Situation } from "../../spec/situation.ts";

/** Tasks that want the same locks, each in its own order. */
export const backingOff: Situation = {
  tasks: 3,
  weights: {
    acquireInit: 12,
    lock: 6,
    lockInterruptible: 2,
    lockSlow: 150,
    lockSlowInterruptible: 400,
    unlock: 1,
    acquireFini: 1,
  },
};
/** Importers that are told of moves, each with something mapped. */
export const beingTold: Situation = {
  weights: {
    export: 2,
    attach: 6,
    detach: 0.5,
    lock: 2,
    unlock: 4,
    map: 12,
    mapUnlocked: 12,
    unmap: 1,
    move: 20,
    revoke: 3,
    unrevoke: 4,
    access: 3,
  },
};
/** What most programs never get to: a lock that has to be given up, a pin that is given back, a descriptor and a sync file that are used. Some dwell on that alone. */
const situations: readonly Situation[] = [
  backingOff,
  {
    weights: { export: 2, attach: 2, isRevocable: 8, lock: 2, pin: 8, unpin: 40, map: 3, unmap: 10, unmapUnlocked: 10 },
  },
  { weights: { export: 2, exportFd: 6, requestFd: 8, get: 12, close: 3, createChain: 3, findSeqno: 12 } },
  {
    weights: {
      export: 3,
      createSyncFile: 6,
      importSyncFile: 12,
      mergeSyncFiles: 6,
      syncFileInfo: 5,
      syncFileDeadline: 14,
      syncFileIoctl: 6,
      ioctl: 8,
      beginCpu: 2,
      endCpu: 8,
    },
  },
  {
    weights: {
      export: 2,
      beginCpu: 6,
      endCpu: 2,
      mmap: 6,
      mmapFd: 6,
      munmap: 12,
      cpuAccess: 20,
      vmap: 30,
      vunmap: 30,
      vmapUnlocked: 4,
      vunmapUnlocked: 30,
      move: 4,
      revoke: 3,
      lock: 2,
    },
  },
  beingTold,
  { tasks: 3, weights: { export: 2, poll: 30, pollSyncFile: 12, createSyncFile: 4, signal: 4, addFence: 10 } },
];

/** What exporters of the kernel's own are there for. */
export const usingForeign: Situation = {
  weights: {
    export: 4,
    requestFd: 8,
    attach: 5,
    detach: 2,
    lock: 1.5,
    map: 4,
    mapUnlocked: 6,
    unmap: 3,
    unmapUnlocked: 4,
    access: 6,
    beginCpu: 6,
    ioctlSync: 4,
    endCpu: 3,
    mmap: 6,
    mmapFd: 6,
    munmap: 5,
    cpuAccess: 20,
    vmap: 4,
    vmapUnlocked: 5,
    vunmap: 5,
    vunmapUnlocked: 5,
  },
};
/** How many of the programs that have one dwell on it, but for those that back off, which are rare enough. */
export const foreignRate = 0.75;
/** So many programs of five dwell on one of these. */
export const dwelling = 4;

/** The world that a program which dwells on something needs, made of one that was drawn. */
export function worldFor(situation: Situation | null, setup: Setup): Setup {
  if (situation === backingOff) return { ...setup, reservations: ["r1", "r2", "r3"] };
  if (situation !== beingTold) return setup;
  const exporters = setup.exporters.map((exporter) => ({ ...exporter, kind: "moving" }));
  return { ...setup, exporters, importers: setup.importers.map((importer) => ({ ...importer, ops: "callback" })) };
}

/** One of these, the rarer ones less often. */
export function drawDwelling(random: Random): Situation {
  return situations[random.pick([0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6])]!;
}
