import type { Situation } from "../../spec/situation.ts";

/** Importers that take device memory of exporters of all kinds. */
export const peers: Situation = {
  weights: { attach: 4, map: 3, mapUnlocked: 4, import: 5, move: 3 },
  exporters: ["subject", "subject", "dynamic", "static"],
  importers: ["scripted", "scripted", "subject", "pinnedRevocable"],
  platform: ["tree"],
};

/** Questions about the tree. */
export const questions: Situation = {
  weights: { providerInit: 6, providerGone: 1, mapType: 12, distance: 8 },
  platform: ["tree", "acs", "function"],
};

/** Mappings that the program makes itself. */
export const ownMappings: Situation = {
  weights: { providerInit: 3, dmaMap: 12, dmaUnmap: 8, dmaSync: 3 },
  platform: ["iommu", "coherent"],
};
