/** What brings mirrors, faults and changes together. */
export const mirroring = {
  createSpace: 4,
  createVma: 6,
  mirror: 5,
  mirrorFault: 20,
  changeRange: 10,
  touch: 3,
  vmaFault: 1,
} as const;

/** What brings mirrors to memory of other devices. */
export const peers = { ...mirroring, export: 6, createVma: 10, mirror: 8 } as const;
