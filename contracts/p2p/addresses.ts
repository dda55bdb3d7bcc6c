import type { Rule } from "../rule.ts";
import { later } from "../rule-text.ts";
import { derived, kernel, thread } from "../source.ts";

export const p2p01: Rule = {
  id: "P2P-01",
  level: "MUST",
  obliged: ["exporter"],
  statement:
    "No address of device memory leaves the exporter before the topology was queried, at attach or in the map, for exactly this provider and this importer device.",
  intent: "An address made without asking works on the author's machine and hits a stranger's memory on the next.",
  sources: [
    kernel("drivers/dma-buf/dma-buf-mapping.c", "dma_buf_phys_vec_to_sgt", "6.19+"),
    kernel("drivers/pci/p2pdma.c", "pci_p2pdma_map_type", "6.19+"),
  ],
  needs: ["peer2peer"],
  hints: ["Is the query made with the attachment's device, and not with the exporter's or an earlier importer's?"],
  status: later("P2P"),
};

export const p2p02: Rule = {
  id: "P2P-02",
  level: "MUST",
  obliged: ["exporter", "framework"],
  statement:
    "A pair of type UNSUPPORTED gets an error and no address: best EOPNOTSUPP at attach, else EREMOTEIO from the scatterlist path or EINVAL from the range helper.",
  intent: "Traffic on a route the hardware does not carry is lost or lands elsewhere, and no one is told.",
  sources: [
    kernel("kernel/dma/direct.c", "dma_direct_map_sg", "6.12+"),
    kernel("drivers/iommu/dma-iommu.c", "iommu_dma_map_sg", "6.12+"),
    kernel("drivers/dma-buf/dma-buf-mapping.c", "dma_buf_phys_vec_to_sgt", "6.19+"),
    kernel("mm/hmm.c", "hmm_dma_map_pfn", "7.2"),
  ],
  needs: ["peer2peer"],
  hints: ["Does every switch over the map type have a branch for UNSUPPORTED that fails?"],
  status: later("P2P"),
};

export const p2p03: Rule = {
  id: "P2P-03",
  level: "MUST",
  obliged: ["exporter"],
  statement:
    "For BUS the exporter adds the offset of the provider's bus to the physical address, and neither map nor unmap touches the IOMMU.",
  intent: "Switches route by bus address: an IOVA there matches no window, or the wrong one.",
  sources: [
    kernel("drivers/pci/p2pdma.c", "pci_p2pdma_map_segment", "6.12"),
    kernel("include/linux/pci-p2pdma.h", "pci_p2pdma_bus_addr_map", "6.19+"),
  ],
  needs: ["peer2peer"],
  hints: ["Is the bus offset added once?", "Does the unmap skip the DMA call for bus segments?"],
  status: later("P2P"),
};

export const p2p04: Rule = {
  id: "P2P-04",
  level: "MUST",
  obliged: ["exporter"],
  statement:
    "For HOST a range without pages gets its address from an ordinary DMA mapping for the importer that is marked MMIO, or in 6.12 from the resource call.",
  intent: "Behind an IOMMU the importer faults on an address that no translation exists for.",
  sources: [
    kernel("kernel/dma/mapping.c", "dma_map_resource", "6.12"),
    kernel("drivers/dma-buf/dma-buf-mapping.c", "dma_buf_phys_vec_to_sgt", "6.19+"),
    kernel("mm/hmm.c", "hmm_dma_map_pfn", "7.2"),
  ],
  needs: ["peer2peer"],
  hints: ["Is DMA_ATTR_MMIO set in the call that makes this address?", "Is the call made for the importer's device?"],
  status: later("P2P"),
};

export const p2p21: Rule = {
  id: "P2P-21",
  level: "MUST",
  obliged: ["exporter"],
  statement:
    "An importer that sends untranslated requests gets a bus address when its path has no upstream redirect and an IOVA when it has one.",
  intent: "With redirect on, the root port translates what it receives, so a bus address is taken for an IOVA.",
  sources: [thread("001", "untranslated traffic with and without ACS redirect")],
  needs: ["peer2peer"],
  hints: ["Which input decides the kind of address: the redirect state of the path or the mere presence of an IOMMU?"],
  status: later("P2P"),
};

export const p2p22: Rule = {
  id: "P2P-22",
  level: "MUST",
  obliged: ["exporter"],
  statement:
    "The kind of address follows the map type alone, also for peers under different root ports or in different PCI segments.",
  intent: "Machines with one segment a slot are common, and shortcuts for the single-switch box fail on them.",
  sources: [thread("001", "cross-root-port peers, one root port and segment a slot")],
  needs: ["peer2peer"],
  hints: ["Is there a path that skips the IOMMU just because both devices are peers?"],
  status: later("P2P"),
};

export const p2p33: Rule = {
  id: "P2P-33",
  level: "MUST",
  obliged: ["importer"],
  statement: "Only the device of the attachment uses the bus addresses made for that attachment.",
  intent: "The same number seen from another bus position can belong to a different device.",
  sources: [derived("ATT-22")],
  needs: ["peer2peer"],
  hints: ["Does a driver with several devices attach once and pass the addresses around?"],
  status: later("P2P"),
};

export const p2p35: Rule = {
  id: "P2P-35",
  level: "SHOULD",
  obliged: ["exporter"],
  statement:
    "The exporter compares the last byte of every bus segment with the importer's DMA mask and bus limit and refuses what does not fit, as EOPNOTSUPP at attach or EINVAL in the map.",
  intent:
    "The mapping layer makes no such test for bus addresses, and a device with a short mask just drops the upper bits.",
  sources: [
    derived("DMAMAP-03"),
    kernel("kernel/dma/direct.c", "dma_direct_map_sg", "6.12, 7.2"),
    kernel("drivers/dma-buf/dma-buf-mapping.c", "dma_buf_phys_vec_to_sgt", "6.19+"),
  ],
  needs: ["peer2peer"],
  hints: ["Is the mask compared with the bus address after the offset was added?"],
  status: later("P2P"),
};

export const p2p39: Rule = {
  id: "P2P-39",
  level: "MUST",
  obliged: ["exporter"],
  statement:
    "Unmap goes by the type recorded when the segment was mapped: none of the bus segments and each host segment exactly once is DMA-unmapped, even if a new query would now differ.",
  intent:
    "By the time of a late unmap the provider may be gone, and a fresh query would leak or double-free IOVA space.",
  sources: [
    derived("P2P-03, P2P-09 and MAP-36"),
    kernel("drivers/dma-buf/dma-buf-mapping.c", "dma_buf_free_sgt", "6.19+"),
    kernel("mm/hmm.c", "hmm_dma_unmap_pfn", "7.2"),
  ],
  needs: ["peer2peer"],
  hints: ["Where does the mapping store its type?", "Does the unmap path call the map-type query?"],
  status: later("P2P"),
};

export const rules: readonly Rule[] = [p2p01, p2p02, p2p03, p2p04, p2p21, p2p22, p2p33, p2p35, p2p39];
