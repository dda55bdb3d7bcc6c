/** What brings negotiations and changes of memory together. */
export const negotiating = {
  export: 8,
  negotiate: 25,
  mapPhysical: 8,
  unmapPhysical: 6,
  mapUnlocked: 6,
  unmapUnlocked: 4,
  lock: 10,
  unlock: 10,
  detach: 4,
  move: 5,
  revoke: 3,
  unrevoke: 4,
} as const;
