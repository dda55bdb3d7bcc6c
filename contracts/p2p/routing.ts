import type { Rule } from "../rule.ts";
import { later } from "../rule-text.ts";
import { derived, kernel, thread } from "../source.ts";

export const p2p18: Rule = {
  id: "P2P-18",
  level: "SHOULD",
  obliged: ["importer"],
  statement: "An importer with ATS sends translated requests to peer segments behind a switch when its IOMMU is on.",
  intent: "Without them the operator has to choose between peer bandwidth and isolation.",
  sources: [thread("000", "ATS keeps full P2P bandwidth with full IOMMU security")],
  needs: ["peer2peer"],
  hints: ["Which of the three inputs (peer mark, IOMMU, switch) does the choice of request type ignore?"],
  status: later("P2P"),
};

export const p2p19: Rule = {
  id: "P2P-19",
  level: "SHOULD",
  obliged: ["importer"],
  statement: "For ordinary CPU memory the importer leaves ATS off.",
  intent: "Translated requests cost throughput that RAM access need not pay.",
  sources: [thread("000", "ATS has a significant performance cost")],
  hints: ["Is ATS switched on for the whole buffer as soon as one segment is peer memory?"],
  status: later("P2P"),
};

export const p2p20: Rule = {
  id: "P2P-20",
  level: "MUST",
  obliged: ["framework", "exporter"],
  statement: "Peer mappings of type BUS or HOST succeed for importers without ATS.",
  intent: "Many production systems do peer transfers without ATS and would lose them.",
  sources: [thread("000", "ATS is situational; both sides of the argument")],
  needs: ["peer2peer"],
  hints: ["Does attach or map test for ATS support?"],
  status: later("P2P"),
};

export const p2p24: Rule = {
  id: "P2P-24",
  level: "SHOULD",
  obliged: ["exporter"],
  statement: "Once attach accepted a pair and left peer-to-peer on, no later map fails because of topology.",
  intent: "An importer learns too late that it should have asked for a fallback, in a path without one.",
  sources: [derived("ATT-05"), kernel("drivers/vfio/pci/vfio_pci_dmabuf.c", "vfio_pci_dma_buf_attach", "7.2")],
  needs: ["peer2peer"],
  hints: [
    "Does attach ask the map type or only look at the flag?",
    "Does attach ask the distance, which takes a PCI parent, where the map type wants a PCI function?",
  ],
  status: later("P2P"),
};

export const p2p30: Rule = {
  id: "P2P-30",
  level: "MUST",
  obliged: ["exporter"],
  statement:
    "While a private link between importer and exporter reaches the storage, no DMA mapping of it exists for that importer and a map request fails with EINVAL.",
  intent: "Two routes to the same bytes are ordered by nobody, and the unused one wastes bus windows.",
  sources: [kernel("drivers/gpu/drm/amd/amdgpu/amdgpu_dma_buf.c", "amdgpu_dma_buf_map", "7.2")],
  needs: ["privateInterconnect"],
  hints: ["Does the map test for the private link again after the buffer may have moved back to device memory?"],
  status: later("P2P"),
};

export const p2p31: Rule = {
  id: "P2P-31",
  level: "MUST",
  obliged: ["importer"],
  statement:
    "Access over a private link follows the reservation lock, the fences and the invalidate callback exactly as DMA access does.",
  intent: "The exporter frees or moves the memory by these rules, whichever wire the importer uses.",
  sources: [
    thread("000", "lock, fence and move_notify hold however the memory is described"),
    kernel("drivers/iommu/iommufd/pages.c", "dma-buf backed areas", "7.2"),
  ],
  needs: ["privateInterconnect"],
  hints: ["Does the callback also cut the private route?", "Is link traffic covered by a fence in the object?"],
  status: later("P2P"),
};

export const p2p36: Rule = {
  id: "P2P-36",
  level: "SHOULD",
  obliged: ["exporter"],
  statement:
    "If the importer's device is in shared state and the exporter's is private or locked, attach refuses, preferably with EOPNOTSUPP, and no bus address is made.",
  intent: "The first access can push the exporting device into an error state it does not leave.",
  sources: [thread("001", "shared importer of a locked device's BAR must not be allowed; bus address helper and CC")],
  needs: ["peer2peer"],
  hints: ["Are the confidential states of both devices compared before BUS is accepted?"],
  status: later("P2P"),
};

export const rules: readonly Rule[] = [p2p18, p2p19, p2p20, p2p24, p2p30, p2p31, p2p36];
