import type { TouchEvent } from "../../spec/platform-event.ts";
import { hex } from "../map/segments.ts";
import { on, remember } from "../monitor.ts";
import { ownMappings, peers } from "../p2p/situations.ts";
import { isDeviceMemory } from "../shared/platform.ts";
import type { Rule } from "../rule.ts";
import { checked } from "../rule-text.ts";
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
  status: checked,
  evidence: ["alloc"],
  monitor: on({
    dma(event, state, verdict) {
      if ((event.op !== "map" && event.op !== "iovaLink") || !isDeviceMemory(state, event.storage)) return;
      verdict.exercised();
      if (!event.attributes.includes("mmio"))
        verdict.violated(
          `${event.by} has registers (${event.storage ?? "?"}) mapped for ${event.device} as if they were RAM`,
        );
    },
  }),
  situation: peers,
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
  status: checked,
  evidence: ["alloc"],
  monitor: on({
    dma(event, state, verdict) {
      if (event.op !== "map" && event.op !== "mapSg" && event.op !== "iovaLink") return;
      if (state.resources.get(event.storage ?? "")?.placement !== "system") return;
      verdict.exercised();
      if (event.attributes.includes("mmio"))
        verdict.violated(
          `${event.by} has RAM (${event.storage ?? "?"}) mapped for ${event.device} as if it were registers`,
        );
    },
  }),
  situation: { weights: { attach: 3, mapUnlocked: 4, import: 4, move: 4 }, platform: ["coherent"] },
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
  status: checked,
  evidence: ["alloc"],
  monitor: on({
    translate(event, state, verdict) {
      if (!event.on || event.protection === undefined || !isDeviceMemory(state, event.storage)) return;
      verdict.exercised();
      if (event.protection !== "device")
        verdict.violated(
          `what ${event.device} writes to ${event.storage}, registers, goes through caches: the entry says ${event.protection}`,
        );
    },
  }),
  situation: ownMappings,
};

export const dmamap10: Rule = {
  id: "DMAMAP-10",
  level: "MUST",
  obliged: ["framework"],
  statement: "No cache sync, kmap or page lookup is made for an MMIO segment.",
  intent: "There is no page behind it, and cache operations on a BAR fault on some machines.",
  sources: [doc("Documentation/core-api/dma-attributes.rst", "DMA_ATTR_MMIO", "7.2")],
  hints: ["Does unmap or sync look at the MMIO mark as map does?"],
  status: checked,
  evidence: ["alloc"],
  monitor: on({
    touch(event, state, verdict) {
      if (!isDeviceMemory(state, event.storage) || event.device === null) return;
      verdict.exercised();
      verdict.violated(`${event.what} is done to ${event.storage ?? "?"}, registers, for ${event.device}`);
    },
    dma(event, state, verdict) {
      if (event.attributes.includes("mmio") && state.platform.devices[event.device]?.coherent === false)
        verdict.exercised();
    },
  }),
  situation: ownMappings,
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
  status: checked,
  evidence: ["touch"],
  monitor: remember(() => ({ pages: new Map<string, TouchEvent>() }), {
    touch(event, _state, _verdict, { pages }) {
      if (event.what === "page" && event.device !== null) pages.set(event.device, event);
    },
    dma(event, state, verdict, { pages }) {
      const page = pages.get(event.device);
      pages.delete(event.device);
      if (event.op !== "map" || state.platform.devices[event.device]?.iommu !== "legacy") return;
      if (!event.attributes.includes("mmio")) return;
      verdict.exercised();
      if (event.errno === 0)
        verdict.violated(`the DMA operations of ${event.device} know pages only, and map registers`);
      else if (page !== undefined)
        verdict.violated(`the DMA operations of ${event.device} look for the page of registers`, page);
    },
  }),
  situation: ownMappings,
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
  status: checked,
  evidence: ["alloc"],
  monitor: on({
    dma(event, state, verdict) {
      if (event.op !== "map" || event.errno !== 0 || !event.attributes.includes("mmio")) return;
      if (state.platform.devices[event.device]?.iommu !== "identity") return;
      const base = state.resources.get(event.storage ?? "")?.physical ?? null;
      if (base === null) return;
      verdict.exercised();
      if (event.address !== base + event.offset)
        verdict.violated(
          `registers at ${hex(base + event.offset)} are ${hex(event.address)} for ${event.device}, which nothing translates for`,
        );
    },
  }),
  situation: { ...ownMappings, platform: ["iommu", "dmaOffset"] },
};

export const rules: readonly Rule[] = [dmamap07, dmamap08, dmamap09, dmamap10, dmamap13, dmamap14];
