import { EIO } from "../../spec/errno.ts";
import type { State } from "../../spec/state/state.ts";
import { on, remember, type Verdict } from "../monitor.ts";
import { ownMappings } from "../p2p/situations.ts";
import { bouncesPiece, isShared, mayBounceRam, meetingOf } from "../shared/platform.ts";
import type { Rule } from "../rule.ts";
import { checked } from "../rule-text.ts";
import { derived, doc, kernel, thread } from "../source.ts";

/** DMAMAP-22: a move does not end what the buffer was declared to be. */
function staysShared(storage: string, state: State, verdict: Verdict): void {
  verdict.exercised();
  if (!isShared(state, storage))
    verdict.violated(`${storage} is private, and the buffer that moved there was shared with the host`);
}

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
  status: checked,
  evidence: ["alloc"],
  monitor: on({
    dma(event, state, verdict) {
      const facts = state.platform.devices[event.device];
      if (event.op !== "map" || facts?.iommu !== "identity" || !facts.bounce) return;
      if (!event.attributes.includes("mmio") || event.attributes.includes("ccShared")) return;
      verdict.exercised();
      if (event.errno === 0)
        verdict.violated(`registers are mapped for ${event.device}, of which everything has to be bounced`);
    },
  }),
  situation: { ...ownMappings, platform: ["bounce", "iommu"] },
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
  status: checked,
  evidence: ["alloc"],
  monitor: on({
    "cbret map"(event, state, verdict) {
      const meeting = event.injected ? undefined : meetingOf(state, event.attachment);
      if (meeting === undefined || meeting.inDevice || !mayBounceRam(meeting.clientFacts)) return;
      verdict.exercised();
      const copy = event.segments.find(({ storage }) => state.resources.get(storage ?? "")?.what === "bounce slot");
      if (event.errno === 0 && copy !== undefined)
        verdict.violated(
          `${event.to} gives ${event.attachment} ${copy.storage ?? "?"}, a copy of the buffer that nobody else sees`,
        );
    },
  }),
  situation: {
    weights: { attach: 5, mapUnlocked: 6, export: 3 },
    platform: ["bounce", "iommu", "dmaOffset"],
    exporters: ["subject", "subject", "scripted", "static", "scriptedDynamic"],
    importers: ["scripted"],
  },
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
  status: checked,
  evidence: ["alloc"],
  monitor: on({
    dma(event, state, verdict) {
      const facts = state.platform.devices[event.device];
      if (facts === undefined || !event.attributes.includes("requireCoherent")) return;
      if (event.op !== "map" && event.op !== "mapSg" && event.op !== "iovaLink") return;
      if (facts.dmaMask === 0) return;
      const bounced = bouncesPiece(state, facts, event) && !event.attributes.includes("ccShared");
      if (facts.coherent && !bounced) return;
      verdict.exercised();
      const why = facts.coherent ? "bounces it" : "is not coherent";
      if (event.errno === 0)
        verdict.violated(`coherence is demanded of ${event.device}, which ${why}, and the map succeeds`);
    },
  }),
  situation: { ...ownMappings, platform: ["coherent", "bounce"] },
};

export const dmamap22: Rule = {
  id: "DMAMAP-22",
  level: "MUST",
  obliged: ["exporter"],
  statement:
    "In a confidential guest a buffer declared shared stays so wherever it moves; shared memory is mapped with the shared attribute, and all its vmap and mmap entries use decrypted protection.",
  intent: "One side encrypts what the other reads as plain bytes.",
  sources: [
    doc("include/linux/dma-mapping.h", "DMA_ATTR_CC_SHARED", "7.2"),
    kernel("drivers/dma-buf/heaps/system_heap.c", "system_cc_shared map, vmap and mmap", "7.2"),
  ],
  from: "K7.1",
  onlyIf: "share memory of a confidential guest with its host",
  hints: [
    "Do map, vmap and mmap all ask the same flag of the buffer?",
    "Is the storage that a move allocates shared before anyone uses it?",
  ],
  status: checked,
  monitor: remember(() => ({ buffers: new Set<string>(), moved: new Set<string>() }), {
    epoch({ buffer, storage, change }, state, _verdict, { buffers, moved }) {
      const row = state.buffers.get(buffer);
      if (isShared(state, storage) || isShared(state, row?.storage ?? null)) buffers.add(buffer);
      // What is shared of a device is not for the guest to say.
      if (change === "move" && storage !== null && row?.storage !== storage && buffers.has(buffer))
        if (state.resources.get(storage)?.placement === "system") moved.add(storage);
    },
    dma(event, state, verdict, { moved }) {
      if (event.op !== "map" && event.op !== "mapSg") return;
      if (event.by === "program" || event.storage === null) return;
      if (moved.has(event.storage)) staysShared(event.storage, state, verdict);
      if (!isShared(state, event.storage)) return;
      verdict.exercised();
      if (!event.attributes.includes("ccShared"))
        verdict.violated(
          `${event.by} has ${event.storage}, which is shared with the host, mapped for ${event.device} as private`,
        );
    },
    cpu(event, state, verdict, { moved }) {
      if (event.storage !== null && moved.has(event.storage)) staysShared(event.storage, state, verdict);
      if (event.decrypted === undefined) return;
      verdict.exercised();
      if (!event.decrypted)
        verdict.violated(
          `${event.view} shows the CPU ${event.storage ?? "?"}, which is shared with the host, as private memory`,
        );
    },
  }),
  situation: {
    weights: { attach: 6, mapUnlocked: 6, import: 4, export: 3, vmapUnlocked: 8, mmap: 8, cpuAccess: 16, move: 4 },
    platform: ["shared"],
    exporters: ["static", "subject"],
    importers: ["scripted", "static"],
  },
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
  status: checked,
  monitor: on({
    dma(event, state, verdict) {
      const facts = state.platform.devices[event.device];
      if (facts === undefined || !event.attributes.includes("ccShared") || facts.dmaMask === 0) return;
      if (event.op !== "map" && event.op !== "mapSg") return;
      if (facts.iommu === "identity" && facts.bounce) return;
      verdict.exercised();
      if (event.errno === 0)
        verdict.violated(`${event.device} cannot tell shared memory from private, and the mark is dropped in silence`);
    },
  }),
  situation: { ...ownMappings, platform: ["bounce", "iommu"] },
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
  status: checked,
  monitor: on({
    touch(event, _state, verdict) {
      if (event.what === "unshare") verdict.exercised();
    },
    free(event, state, verdict) {
      if (event.what !== "storage" || event.by === "program" || !isShared(state, event.id)) return;
      verdict.exercised();
      verdict.violated(`${event.by} gives ${event.id} to whoever comes next, and the host can still read it`);
    },
  }),
  situation: {
    weights: { export: 6, put: 8 },
    platform: ["shared"],
    exporters: ["static", "subject"],
    failures: [{ site: "set-private", errno: EIO }],
  },
};

export const rules: readonly Rule[] = [dmamap11, dmamap12, dmamap21, dmamap22, dmamap23, dmamap24];
