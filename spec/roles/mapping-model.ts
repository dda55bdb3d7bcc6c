/**
 * What a negotiation settles on, in one word: how the buffer is mapped and what may happen to it while attached.
 * `pinned`: nothing changes (L1). `revocable`: in place until one revocation (L2). `recoverable`: as that, and both
 * sides agree on unrevoke. `dynamic`: moves, always present, access restarts (L3). `dynamicPeer`: as that, with peer
 * addresses. `physical`: a list of physical ranges of device memory, revocable.
 */
export const mappingModels = ["pinned", "revocable", "recoverable", "dynamic", "dynamicPeer", "physical"] as const;
export type MappingModel = (typeof mappingModels)[number];

/** The stability levels of the cascade: pinned; pinned but revocable; dynamic. */
export type Stability = "L1" | "L2" | "L3";

/** What a model promises. */
export interface ModelPromise {
  readonly stability: Stability;
  /** The exporter may give access back, and the importer takes it. */
  readonly unrevoke: boolean;
  /** The mapping may hold peer addresses. */
  readonly peer: boolean;
  /** Which map functions serve it: tables of DMA addresses, or physical lists. */
  readonly type: "table" | "physical";
}

export const modelPromises: Readonly<Record<MappingModel, ModelPromise>> = {
  pinned: { stability: "L1", unrevoke: false, peer: false, type: "table" },
  revocable: { stability: "L2", unrevoke: false, peer: false, type: "table" },
  recoverable: { stability: "L2", unrevoke: true, peer: false, type: "table" },
  dynamic: { stability: "L3", unrevoke: false, peer: false, type: "table" },
  dynamicPeer: { stability: "L3", unrevoke: false, peer: true, type: "table" },
  physical: { stability: "L2", unrevoke: false, peer: true, type: "physical" },
};
