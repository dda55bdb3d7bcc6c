import type { DmaEvent, TouchEvent } from "../../spec/platform-event.ts";
import { mappedKey } from "../../spec/state/observe/dma.ts";
import type { State } from "../../spec/state/state.ts";
import { remember } from "../monitor.ts";
import { ownMappings } from "../p2p/situations.ts";
import type { Rule } from "../rule.ts";
import { checked, untested } from "../rule-text.ts";
import { doc, kernel } from "../source.ts";

/** What a call has to do to the caches of the CPU; null for nothing. */
function maintenanceDue(event: DmaEvent, state: State): "cachesForDevice" | "cachesForCpu" | null {
  const facts = state.platform.devices[event.device];
  if (facts === undefined || facts.coherent || event.errno !== 0) return null;
  switch (event.op) {
    case "map":
      return isSkipped(event.attributes) || event.direction === "fromDevice" ? null : "cachesForDevice";
    case "syncForDevice":
      return isMapped(event, state) && event.direction !== "fromDevice" ? "cachesForDevice" : null;
    case "unmap":
      if (isSkipped(event.attributes) || event.direction === "toDevice") return null;
      return isMapped(event, state) ? "cachesForCpu" : null;
    case "syncForCpu":
      return isMapped(event, state) && event.direction !== "toDevice" ? "cachesForCpu" : null;
    default:
      return null;
  }
}

function isSkipped(attributes: DmaEvent["attributes"]): boolean {
  return attributes.includes("skipSync") || attributes.includes("mmio");
}

function isMapped(event: DmaEvent, state: State): boolean {
  return mappedKey(state, event) !== undefined;
}

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
  status: untested("no exporter of this interface skips the sync and has hooks of the CPU's access to make up for it"),
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
  status: untested("memory has one content for all here: what the CPU would see too early or too late is not kept"),
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
  status: checked,
  evidence: ["touch"],
  monitor: remember(() => new Map<string, TouchEvent[]>(), {
    touch(event, _state, _verdict, done) {
      if (event.device === null) return;
      const known = done.get(event.device);
      if (known === undefined) done.set(event.device, [event]);
      else known.push(event);
    },
    dma(event, state, verdict, done) {
      const touched = done.get(event.device) ?? [];
      done.delete(event.device);
      const due = maintenanceDue(event, state);
      if (due === null) return;
      verdict.exercised();
      if (!touched.some(({ what }) => what === due))
        verdict.violated(
          `${event.op} of ${event.direction} memory for ${event.device}, which is not coherent, leaves the caches alone`,
        );
    },
  }),
  situation: { ...ownMappings, platform: ["coherent"], weights: { ...ownMappings.weights, dmaSync: 8 } },
};

export const rules: readonly Rule[] = [dmamap16, dmamap25, dmamap26];
