import type { Rule } from "../rule.ts";
import { later } from "../rule-text.ts";
import { derived, doc, kernel, thread } from "../source.ts";

export const dmamap01: Rule = {
  id: "DMAMAP-01",
  level: "MUST",
  obliged: ["exporter"],
  provokedBy: ["importer"],
  statement:
    "Every DMA mapping is made for the importer's device and ended by one unmap that repeats device, address, size and direction, and nothing is unmapped that was never mapped.",
  intent: "A wrong tuple frees someone else's IOVA range or leaves a window open for good.",
  sources: [doc("Documentation/core-api/dma-api.rst", "mapping and unmapping")],
  temporal: ["T-29"],
  hints: [
    "Is the unmap done in the same pieces as the map, also for ranges above 4 GiB?",
    "Which device is used: the attachment's or the exporter's?",
  ],
  status: later("DMAMAP"),
};

export const dmamap02: Rule = {
  id: "DMAMAP-02",
  level: "MUST",
  obliged: ["exporter"],
  statement: "Each mapping result is tested before use, so the error value is never handed out as an address.",
  intent: "The error value looks like a very high address, and the device writes there.",
  sources: [doc("Documentation/core-api/dma-api-howto.rst", "checking for mapping errors")],
  hints: ["Is dma_mapping_error called after each single map, inside loops too?"],
  status: later("DMAMAP"),
};

export const dmamap15: Rule = {
  id: "DMAMAP-15",
  level: "MUST",
  obliged: ["exporter"],
  statement:
    "An importer in an identity or bypass domain gets its mapping, and the exporter's own domain plays no part in it.",
  intent:
    "The exporting device may sit in a blocked domain while the importer has no translation at all, and both are normal.",
  sources: [thread("001", "the map is for the RDMA device, which may be in bypass")],
  hints: ["Does the map path look at the exporter's IOMMU domain?"],
  status: later("DMAMAP"),
};

export const dmamap17: Rule = {
  id: "DMAMAP-17",
  level: "MUST",
  obliged: ["exporter"],
  statement:
    "The attributes MMIO, coherence demand, privileged and shared are the same at unmap as at map; hints like skip-sync and no-warn are free to differ.",
  intent: "The teardown takes the wrong branch and syncs caches for MMIO or forgets to convert an address back.",
  sources: [
    doc("Documentation/core-api/dma-api.rst", "attributes of unmap"),
    kernel("kernel/dma/debug.c", "check_unmap", "7.2"),
  ],
  hints: ["Does the unmap pass 0 where the map passed attributes?"],
  status: later("DMAMAP"),
};

export const dmamap18: Rule = {
  id: "DMAMAP-18",
  level: "MUST",
  obliged: ["framework"],
  statement:
    "A scatterlist map maps all entries or none, and its error is EINVAL, ENOMEM, EIO or EREMOTEIO, in 7.2 also EOPNOTSUPP for an unmet coherence demand.",
  intent: "Callers have no way to undo a half-mapped list and tell retry from refusal by the number.",
  sources: [
    doc("kernel/dma/mapping.c", "kernel-doc of dma_map_sgtable"),
    kernel("kernel/dma/mapping.c", "__dma_map_sg_attrs", "6.12, 7.2"),
  ],
  hints: ["Are the entries before the failing one unmapped?", "Is an unknown error turned into EIO?"],
  status: later("DMAMAP"),
};

export const dmamap28: Rule = {
  id: "DMAMAP-28",
  level: "MUST",
  obliged: ["importer"],
  statement: "A DMA address is used only by the device whose attachment it came from.",
  intent: "In the other device's domain the same number may be valid and point to unrelated memory.",
  sources: [derived("per-device domains of the DMA API")],
  hints: ["Is one attachment shared between two devices, such as a card and its copy engine?"],
  status: later("DMAMAP"),
};

export const dmamap33: Rule = {
  id: "DMAMAP-33",
  level: "MUST",
  obliged: ["exporter", "importer"],
  statement:
    "Scatterlist unmap and sync get the original list and original count, while segments are walked by the mapped count, and a page-less table never goes to a page-based unmap.",
  intent: "After merging the counts differ, so the wrong one leaks the tail or reads addresses that do not exist.",
  sources: [
    doc("kernel/dma/mapping.c", "kernel-doc of dma_map_sg_attrs"),
    kernel("drivers/dma-buf/dma-buf-mapping.c", "dma_buf_phys_vec_to_sgt", "6.19+"),
  ],
  hints: ["nents or orig_nents: which one does each loop and call use?"],
  status: later("DMAMAP"),
};

export const rules: readonly Rule[] = [dmamap01, dmamap02, dmamap15, dmamap17, dmamap18, dmamap28, dmamap33];
