import type { Rule } from "../rule.ts";
import { later } from "../rule-text.ts";
import { doc, kernel, thread } from "../source.ts";

export const dmamap07: Rule = {
  id: "DMAMAP-07",
  level: "MUST",
  obliged: ["exporter", "framework"],
  statement: "Every map call for an MMIO range carries the MMIO attribute or, in 6.12, is the resource call.",
  intent: "A page-based map computes a kernel address from a BAR and flushes or copies what is there.",
  sources: [
    kernel("kernel/dma/mapping.c", "dma_map_phys", "6.18+"),
    kernel("kernel/dma/mapping.c", "dma_map_page_attrs", "7.2"),
    doc("Documentation/core-api/dma-attributes.rst", "DMA_ATTR_MMIO", "7.2"),
  ],
  hints: ["Is device memory with struct pages put into an ordinary scatterlist map?"],
  status: later("DMAMAP"),
};

export const dmamap08: Rule = {
  id: "DMAMAP-08",
  level: "MUST",
  obliged: ["exporter"],
  statement: "RAM never takes the MMIO or resource path.",
  intent: "That path leaves the caches alone, so a non-coherent device reads stale bytes.",
  sources: [
    doc("Documentation/core-api/dma-attributes.rst", "DMA_ATTR_MMIO", "7.2"),
    kernel("kernel/dma/debug.c", "debug_dma_map_phys", "7.2"),
  ],
  hints: ["Is the attribute fixed for the buffer although it can move from device memory to RAM?"],
  status: later("DMAMAP"),
};

export const dmamap09: Rule = {
  id: "DMAMAP-09",
  level: "MUST",
  obliged: ["exporter", "framework"],
  statement: "The IOMMU entry of an MMIO range has device-memory protection and is not cacheable.",
  intent: "Cacheable write bursts get merged and can exceed what the target port accepts.",
  sources: [
    thread("001", "IOMMU_MMIO instead of IOMMU_CACHE for BARs"),
    kernel("drivers/iommu/dma-iommu.c", "iommu_dma_map_resource", "6.12"),
    kernel("drivers/iommu/dma-iommu.c", "dma_info_to_prot", "7.2"),
  ],
  hints: ["Which protection bits does the map path choose for this range?"],
  status: later("DMAMAP"),
};

export const dmamap10: Rule = {
  id: "DMAMAP-10",
  level: "MUST",
  obliged: ["framework"],
  statement: "No cache sync, kmap or page lookup is made for an MMIO segment.",
  intent: "There is no page behind it, and cache operations on a BAR fault on some machines.",
  sources: [doc("Documentation/core-api/dma-attributes.rst", "DMA_ATTR_MMIO", "7.2")],
  hints: ["Does unmap or sync look at the MMIO mark as map does?"],
  status: later("DMAMAP"),
};

export const dmamap13: Rule = {
  id: "DMAMAP-13",
  level: "MUST",
  obliged: ["framework"],
  statement:
    "DMA operations that need a page or a virtual address answer an MMIO map with an error and do not try the conversion.",
  intent: "Old platforms turn the address into a kernel pointer that leads nowhere.",
  sources: [
    thread("001", "legacy DMA ops still assume page-backed memory"),
    kernel("kernel/dma/mapping.c", "dma_map_resource without map_resource", "6.12"),
    kernel("kernel/dma/mapping.c", "dma_map_phys without map_phys", "7.2"),
  ],
  hints: ["Does every map_phys of the platform test the MMIO attribute first?"],
  status: later("DMAMAP"),
};

export const dmamap14: Rule = {
  id: "DMAMAP-14",
  level: "MUST",
  obliged: ["framework", "exporter"],
  statement:
    "MMIO addresses pass map, unmap and sync without encryption bits or offset tables: a direct map returns the physical address, a bus segment that plus the provider's offset.",
  intent: "These conversions describe kernel memory and move a BAR address to a place where no BAR is.",
  sources: [
    thread("001", "phys_to_dma and the shared alias mean kernel memory, not a BAR"),
    kernel("kernel/dma/direct.c", "dma_direct_map_resource", "6.12"),
    kernel("kernel/dma/direct.h", "dma_direct_map_phys, dma_direct_unmap_phys", "7.2"),
  ],
  hints: ["Does unmap translate the address back before it looks at the MMIO mark?"],
  status: later("DMAMAP"),
};

export const rules: readonly Rule[] = [dmamap07, dmamap08, dmamap09, dmamap10, dmamap13, dmamap14];
