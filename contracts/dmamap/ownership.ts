import type { Rule } from "../rule.ts";
import { later } from "../rule-text.ts";
import { doc, kernel } from "../source.ts";

export const dmamap16: Rule = {
  id: "DMAMAP-16",
  level: "MUST",
  obliged: ["exporter"],
  statement:
    "An exporter that skips the CPU sync at map and unmap, which it may, does the sync in its begin and end hooks.",
  intent: "If neither place syncs, CPU and device see different contents on a non-coherent machine.",
  sources: [
    doc("Documentation/core-api/dma-attributes.rst", "DMA_ATTR_SKIP_CPU_SYNC"),
    kernel("drivers/gpu/drm/amd/amdgpu/amdgpu_dma_buf.c", "amdgpu_dma_buf_map", "6.12, 7.2"),
  ],
  hints: ["Do begin and end reach every live mapping when skip-sync is set?"],
  status: later("DMAMAP"),
};

export const dmamap25: Rule = {
  id: "DMAMAP-25",
  level: "MUST",
  obliged: ["exporter", "caller"],
  statement:
    "The CPU touches streaming-mapped memory only while it owns it: before the map, after the unmap, or between a sync for the CPU and the next sync for the device.",
  intent: "A dirty cache line written back later overwrites what the device has stored.",
  sources: [doc("Documentation/core-api/dma-api.rst", "ownership of streaming mappings")],
  temporal: ["T-25"],
  hints: ["Is a CPU access missing its begin, or the end before the next job?"],
  status: later("DMAMAP"),
};

export const dmamap26: Rule = {
  id: "DMAMAP-26",
  level: "MUST",
  obliged: ["framework"],
  statement:
    "An unmap or sync in direction from-device or bidirectional shows the device's writes to the CPU, and a sync to the device shows it the CPU's writes.",
  intent: "Handing over ownership without moving the data makes a correct driver read garbage.",
  sources: [doc("Documentation/core-api/dma-api.rst", "streaming mappings and sync")],
  temporal: ["T-25"],
  hints: ["Does bidirectional both write back and invalidate?"],
  status: later("DMAMAP"),
};

export const rules: readonly Rule[] = [dmamap16, dmamap25, dmamap26];
