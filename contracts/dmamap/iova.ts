import type { Rule } from "../rule.ts";
import { later } from "../rule-text.ts";
import { doc, kernel } from "../source.ts";

export const dmamap19: Rule = {
  id: "DMAMAP-19",
  level: "MUST",
  obliged: ["exporter"],
  statement:
    "IOVA space is allocated, all ranges linked and the state synced before an address is used, and each error path unlinks what was linked and frees the space even if that was nothing.",
  intent: "Before the sync the device may hit missing translations, and forgotten space is never found again.",
  sources: [
    doc("Documentation/core-api/dma-api.rst", "Part Ie, IOVA-based mappings", "6.16+"),
    kernel("drivers/iommu/dma-iommu.c", "dma_iova_try_alloc, dma_iova_link, dma_iova_sync, dma_iova_destroy", "6.16+"),
  ],
  from: "K6.16",
  hints: ["What does the error label do when the very first link fails?", "Is a failed sync treated as an error?"],
  status: later("DMAMAP"),
};

export const dmamap29: Rule = {
  id: "DMAMAP-29",
  level: "MUST",
  obliged: ["exporter"],
  statement:
    "Each range is linked at the sum of the lengths before it, without gap or overlap, and only the outer edges of the whole may be off the IOMMU granule.",
  intent: "Ranges linked at one offset collide or alias, so a transfer reads the wrong part of the buffer.",
  sources: [
    doc("Documentation/core-api/dma-api.rst", "Part Ie, IOVA-based mappings", "6.16+"),
    kernel("drivers/iommu/dma-iommu.c", "dma_iova_link", "6.16+"),
  ],
  from: "K6.16",
  hints: ["Does the offset grow in the loop?", "Has the buffer ever been tested with two or more ranges?"],
  status: later("DMAMAP"),
};

export const dmamap30: Rule = {
  id: "DMAMAP-30",
  level: "MUST",
  obliged: ["exporter"],
  statement:
    "When the reservation of IOVA space is refused, the exporter maps range by range instead of failing, and it undoes each mapping in the form it was made.",
  intent: "Systems without an IOMMU never have such space and would lose the buffer.",
  sources: [
    doc("Documentation/core-api/dma-api.rst", "Part Ie, a false result of the allocation", "6.16+"),
    kernel("include/linux/dma-mapping.h", "dma_use_iova", "6.16+"),
  ],
  from: "K6.16",
  hints: ["Does the free path test dma_use_iova as the map path does?"],
  status: later("DMAMAP"),
};

export const dmamap31: Rule = {
  id: "DMAMAP-31",
  level: "MUST",
  obliged: ["framework", "exporter"],
  statement:
    "Beyond its ranges a mapping opens no more than rounding to the IOMMU granule adds, and an untrusted device gets EPERM for MMIO that does not start and end on the granule.",
  intent: "The rounded rest of a BAR may hold registers of another function.",
  sources: [kernel("drivers/iommu/dma-iommu.c", "dma_iova_link", "7.2")],
  hints: ["Is the single-map path as strict as the link path?"],
  status: later("DMAMAP"),
};

export const dmamap32: Rule = {
  id: "DMAMAP-32",
  level: "MUST",
  obliged: ["framework", "exporter"],
  statement:
    "An IOVA is not reused before its old translations are flushed, and a revoke does not rely on the DMA unmap alone to stop access.",
  intent: "With deferred flushing a device still reaches the memory for a while after the unmap has returned.",
  sources: [kernel("drivers/iommu/dma-iommu.c", "__iommu_dma_unmap, __iommu_dma_iova_unlink", "6.12, 7.2")],
  hints: ["Does the revoke wait for fences and unmaps, or take the unmap as proof?"],
  status: later("DMAMAP"),
};

export const rules: readonly Rule[] = [dmamap19, dmamap29, dmamap30, dmamap31, dmamap32];
