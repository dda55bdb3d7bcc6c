import type { Rule } from "../rule.ts";
import { later } from "../rule-text.ts";
import { doc, kernel, thread } from "../source.ts";

export const dmamap03: Rule = {
  id: "DMAMAP-03",
  level: "MUST",
  obliged: ["exporter", "framework"],
  statement:
    "The last byte of every segment handed out lies within the importer's DMA mask and, if it has one, its bus limit.",
  intent: "A device with fewer address lines wraps around and hits low memory.",
  sources: [
    kernel("include/linux/dma-direct.h", "dma_capable", "6.12, 7.2"),
    kernel("drivers/iommu/dma-iommu.c", "iommu_dma_alloc_iova", "6.12, 7.2"),
  ],
  hints: ["Is the end of the segment tested, not its start?", "Which path skips the DMA API and so the test?"],
  status: later("DMAMAP"),
};

export const dmamap04: Rule = {
  id: "DMAMAP-04",
  level: "MUST",
  obliged: ["importer", "framework"],
  statement:
    "A PCI device starts with a 32-bit mask until its driver sets one, and a device without a mask gets no usable segment.",
  intent: "An importer that forgot to set its mask would otherwise get an empty table reported as success.",
  sources: [
    kernel("kernel/dma/mapping.c", "__dma_map_sg_attrs", "6.12, 7.2"),
    kernel("drivers/pci/probe.c", "default mask of a new device", "6.12, 7.2"),
    doc("Documentation/core-api/dma-api-howto.rst", "DMA addressing capabilities"),
  ],
  hints: ["Is an entry count of zero after a successful map turned into an error?"],
  status: later("DMAMAP"),
};

export const dmamap05: Rule = {
  id: "DMAMAP-05",
  level: "MUST",
  obliged: ["importer", "framework"],
  statement:
    "Streaming maps depend on the streaming mask only, and a coherent mask no wider than an accepted streaming mask is always accepted.",
  intent: "Drivers narrow the coherent mask for descriptor rings and must not lose reach for their data.",
  sources: [doc("Documentation/core-api/dma-api-howto.rst", "DMA addressing capabilities")],
  hints: ["Which of the two masks does the map path read?"],
  status: later("DMAMAP"),
};

export const dmamap06: Rule = {
  id: "DMAMAP-06",
  level: "MUST",
  obliged: ["exporter"],
  statement:
    "Segments that the mapping layer merged stay within the importer's maximum segment size and cross no segment boundary of it.",
  intent: "The hardware's length field or address counter overflows in the middle of a transfer.",
  sources: [
    doc("include/linux/dma-buf.h", "map_dma_buf, device_dma_parameters"),
    kernel("drivers/iommu/dma-iommu.c", "iommu_dma_map_sg", "6.12, 7.2"),
  ],
  hints: ["Are the importer's dma parameters read where the table is built?"],
  status: later("DMAMAP"),
};

export const dmamap20: Rule = {
  id: "DMAMAP-20",
  level: "MUST",
  obliged: ["exporter", "framework"],
  statement:
    "A mapping covers the whole request or fails, never a part of it, and the exporter should stay below the importer's maximum mapping size where bouncing is possible.",
  intent: "A shortened mapping makes the device stop early or run past the end.",
  sources: [
    doc("Documentation/core-api/dma-api.rst", "dma_max_mapping_size"),
    kernel("kernel/dma/swiotlb.c", "swiotlb_max_mapping_size", "6.12, 7.2"),
  ],
  hints: ["Is the sum of the segments compared with the buffer size?"],
  status: later("DMAMAP"),
};

export const dmamap27: Rule = {
  id: "DMAMAP-27",
  level: "SHOULD",
  obliged: ["exporter"],
  statement:
    "A combination that can never work (mask, confidential state, topology, forced bounce) is refused at attach rather than at map.",
  intent: "At attach user space can still pick another buffer, at map a running job dies.",
  sources: [thread("001", "a mask mismatch should fail the entire attachment")],
  hints: ["Which of these conditions is already known when attach runs?"],
  status: later("DMAMAP"),
};

export const rules: readonly Rule[] = [dmamap03, dmamap04, dmamap05, dmamap06, dmamap20, dmamap27];
