import type { Rule } from "../rule.ts";
import { later } from "../rule-text.ts";
import { derived, doc, kernel, thread } from "../source.ts";

export const dmamap11: Rule = {
  id: "DMAMAP-11",
  level: "MUST",
  obliged: ["framework"],
  statement:
    "A directly mapped device for which bouncing is forced gets an error when it maps MMIO without the shared attribute.",
  intent: "A BAR cannot be copied through RAM, so a success would be a mapping to the wrong place.",
  sources: [
    kernel("kernel/dma/direct.h", "dma_direct_map_phys", "7.2"),
    thread("001", "must fail with swiotlb=force; a realm guest forces it"),
  ],
  from: "K6.19",
  hints: ["Is the forced-bounce test made before the MMIO branch?"],
  status: later("DMAMAP"),
};

export const dmamap12: Rule = {
  id: "DMAMAP-12",
  level: "MUST",
  obliged: ["exporter"],
  statement:
    "A live mapping of a shared buffer uses no bounce slot, or else every use is enclosed by syncs; failing the map is better.",
  intent: "A bounced importer works on a private copy, and the others never see what it wrote.",
  sources: [
    derived("sharing one storage among importers"),
    doc("Documentation/core-api/swiotlb.rst", "how buffers are bounced"),
  ],
  hints: ["What happens here under swiotlb=force?"],
  status: later("DMAMAP"),
};

export const dmamap21: Rule = {
  id: "DMAMAP-21",
  level: "MUST",
  obliged: ["framework"],
  statement:
    "A mapping that demands coherence fails for a device that is not coherent and whenever it would need a bounce.",
  intent: "The caller has planned no cache maintenance, so both sides would read old data.",
  sources: [
    kernel("kernel/dma/mapping.c", "coherence test of the map calls", "7.2"),
    kernel("drivers/iommu/dma-iommu.c", "dma_iova_link", "7.2"),
  ],
  from: "K7.1",
  hints: ["Is the attribute tested on the single, scatterlist and IOVA path alike?"],
  status: later("DMAMAP"),
};

export const dmamap22: Rule = {
  id: "DMAMAP-22",
  level: "MUST",
  obliged: ["exporter"],
  statement:
    "In a confidential guest shared memory is mapped with the shared attribute, and all its vmap and mmap entries use decrypted protection.",
  intent: "One side encrypts what the other reads as plain bytes.",
  sources: [
    doc("include/linux/dma-mapping.h", "DMA_ATTR_CC_SHARED", "7.2"),
    kernel("drivers/dma-buf/heaps/system_heap.c", "system_cc_shared map, vmap and mmap", "7.2"),
  ],
  from: "K7.1",
  hints: ["Do map, vmap and mmap all ask the same flag of the buffer?"],
  status: later("DMAMAP"),
};

export const dmamap23: Rule = {
  id: "DMAMAP-23",
  level: "MUST",
  obliged: ["framework"],
  statement:
    "The shared attribute is refused, not ignored, for a direct device without need of a bounce and for one behind an IOMMU or legacy operations.",
  intent: "A silently dropped attribute maps the private alias and leaks or corrupts guest memory.",
  sources: [
    kernel("kernel/dma/mapping.c", "dma_map_phys", "7.2"),
    kernel("kernel/dma/direct.h", "dma_direct_map_phys", "7.2"),
  ],
  from: "K7.1",
  hints: ["Does the scatterlist path behind an IOMMU look at the attribute at all?"],
  status: later("DMAMAP"),
};

export const dmamap24: Rule = {
  id: "DMAMAP-24",
  level: "MUST",
  obliged: ["exporter"],
  statement:
    "Shared pages become private again before anyone else can get them, on release and on a failed allocation; pages that cannot be converted are leaked.",
  intent: "The next owner would keep secrets in a page that the host can read.",
  sources: [kernel("drivers/dma-buf/heaps/system_heap.c", "release and error path of system_cc_shared", "7.2")],
  from: "K7.1",
  hints: ["Is the result of the conversion checked before the page is freed, on the error path too?"],
  status: later("DMAMAP"),
};

export const rules: readonly Rule[] = [dmamap11, dmamap12, dmamap21, dmamap22, dmamap23, dmamap24];
