import type { Situation } from "../../spec/situation.ts";

const fences = { fenceInit: 3, lock: 3, unlock: 3, reserveFences: 3, addFence: 4, signal: 3 } as const;

const noFences = {
  fenceInit: 0.05,
  lock: 0.05,
  unlock: 0.5,
  reserveFences: 0.05,
  addFence: 0.05,
  signal: 0.5,
} as const;

/** Brackets by the program and by an importer that works with the CPU. */
export const bracketing: Situation = {
  weights: { beginCpu: 8, endCpu: 8, ioctlSync: 8, import: 3, submit: 3, release: 2 },
  importers: ["cpu", "scripted"],
};

/** Brackets while fences are pending. */
export const waiting: Situation = {
  tasks: 2,
  weights: { ...fences, beginCpu: 8, ioctlSync: 8, endCpu: 6 },
};

/** The same with signals that end the waits. */
export const interrupting: Situation = { ...waiting, interrupts: true };

/** Accesses by the CPU through both kinds of views. */
export const looking: Situation = {
  weights: { beginCpu: 6, ioctlSync: 4, endCpu: 3, vmapUnlocked: 3, mmapFd: 4, cpuAccess: 12, import: 3, submit: 5 },
  importers: ["cpu", "scripted"],
};

/** User mappings of memory that moves. */
export const movingViews: Situation = {
  weights: { ...fences, mmapFd: 5, beginCpu: 4, cpuAccess: 15, move: 10, evict: 3, complete: 6 },
  importers: ["scripted"],
  exporters: ["subject", "dynamic"],
};

/** User mappings of memory that is taken away. */
export const revokedViews: Situation = {
  weights: { mmapFd: 5, beginCpu: 4, ioctlSync: 3, cpuAccess: 15, vmapUnlocked: 4, revoke: 8, unrevoke: 5, reset: 2 },
  exporters: ["subject"],
};

/** Pages that users see, of memory that is about to move. */
export const oldViews: Situation = {
  weights: { ...noFences, mmapFd: 8, beginCpu: 6, cpuAccess: 30, move: 10, evict: 3, complete: 3 },
  importers: ["scripted"],
  exporters: ["subject", "dynamic"],
};

/** Several views of the same pages. */
export const comparing: Situation = {
  weights: { beginCpu: 6, cpuAccess: 30, vmapUnlocked: 5, mmapFd: 10, attach: 2, mapUnlocked: 3 },
  sizes: [2 * 4096, 3 * 4096],
  importers: ["scripted"],
  exporters: ["static", "subject", "scripted"],
};

/** Views by the CPU beside a device that does not look into its caches. */
export const sharing: Situation = {
  weights: {
    ...noFences,
    move: 0.1,
    evict: 0.1,
    revoke: 0.1,
    beginCpu: 8,
    endCpu: 25,
    cpuAccess: 100,
    vmapUnlocked: 3,
    attach: 1,
    mapUnlocked: 3,
    access: 10,
  },
  platform: ["coherent"],
  sizes: [100, 4096],
  importers: ["scripted"],
  tasks: 1,
  exporters: ["static"],
};

/** Addresses in the kernel are made and given up. */
export const vmapping: Situation = {
  weights: { vmap: 8, vmapUnlocked: 8, vunmap: 8, vunmapUnlocked: 5, lock: 3, unlock: 3, import: 2, release: 2 },
  importers: ["cpu", "scripted"],
};
