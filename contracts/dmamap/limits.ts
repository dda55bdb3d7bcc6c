import { EIO } from "../../spec/errno.ts";
import { hex } from "../map/segments.ts";
import { on, remember } from "../monitor.ts";
import { ownMappings } from "../p2p/situations.ts";
import {
  bouncesPiece,
  handedOut,
  isShared,
  longestBounce,
  meetingOf,
  peerObstacle,
  placeOf,
  ramObstacle,
} from "../shared/platform.ts";
import { isPlain, Masks, partsOf } from "./masks.ts";
import type { Rule } from "../rule.ts";
import { checked } from "../rule-text.ts";
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
  status: checked,
  evidence: ["dma"],
  monitor: remember(() => new Masks(), {
    dma(event, state, verdict, masks) {
      masks.note(event);
      if (event.errno !== 0 || (event.op !== "map" && event.op !== "mapSg")) return;
      const reach = masks.reachOf(state, event.device);
      if (reach === null) return;
      verdict.exercised();
      const far = partsOf(event).find(({ address, length, peer }) => peer !== "bus" && address + length - 1 > reach);
      if (far !== undefined)
        verdict.violated(
          `${event.device} gets ${hex(far.address)} + ${hex(far.length)}; it sends nothing beyond ${hex(reach)}`,
        );
    },
    "cbret map"(event, state, verdict, masks) {
      const meeting = handedOut(state, event);
      const reach = meeting === undefined ? null : masks.reachOf(state, meeting.client);
      if (reach === null || meeting?.type === "bus") return;
      verdict.exercised();
      const far = event.segments.find(({ address, length }) => address + length - 1 > reach);
      if (far !== undefined)
        verdict.violated(
          `${event.to} gives ${event.attachment} ${hex(far.address)} + ${hex(far.length)}, beyond ${hex(reach)}`,
        );
    },
  }),
  situation: { ...ownMappings, platform: ["iommu", "mask", "busLimitBits", "dmaOffset"] },
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
  status: checked,
  monitor: remember(() => new Masks(), {
    dma(event, state, verdict, masks) {
      masks.note(event);
      const facts = state.platform.devices[event.device];
      if (facts === undefined || facts.mask === "set" || masks.isSet(event.device)) return;
      if (event.op !== "map" && event.op !== "mapSg") return;
      verdict.exercised();
      const parts = event.errno === 0 ? partsOf(event) : [];
      const limit = facts.mask === "none" ? -1 : 2 ** 32 - 1;
      const bad = parts.find(({ address, length, peer }) => peer !== "bus" && address + length - 1 > limit);
      if (bad === undefined) return;
      const why = facts.mask === "none" ? "has no DMA mask" : "has the mask of 32 bits that every device begins with";
      verdict.violated(`${event.device} gets ${hex(bad.address)}; it ${why}`);
    },
  }),
  situation: { ...ownMappings, platform: ["mask", "iommu"] },
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
  status: checked,
  monitor: remember(() => new Masks(), {
    dma(event, state, verdict, masks) {
      const facts = state.platform.devices[event.device];
      if (facts === undefined) return;
      if (event.op === "setCoherentMask" && masks.isSet(event.device) && event.address <= masks.bitsOf(event.device)) {
        verdict.exercised();
        if (event.errno !== 0 && event.address >= 24)
          verdict.violated(
            `${event.device} sends ${masks.bitsOf(event.device)} bits and is refused a coherent mask of ${event.address}`,
          );
      }
      // With room enough for streaming, nothing but the coherent mask could make a map fail.
      const roomy =
        facts.iommu === "translated" && !facts.untrusted && facts.mask === "set" && masks.roomFor(state, event.device);
      if (event.op === "map" && roomy && masks.isNarrowed(event.device) && isPlain(event.attributes)) {
        verdict.exercised();
        if (event.errno === EIO)
          verdict.violated(`a streaming map fails for ${event.device}, whose coherent mask alone is narrow`);
      }
      masks.note(event);
    },
  }),
  situation: { weights: { setMask: 12, dmaMap: 10, dmaUnmap: 5 }, platform: ["dmaOffset"] },
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
  provokedBy: ["framework"],
  status: checked,
  monitor: on({
    dma(event, state, verdict) {
      const facts = state.platform.devices[event.device];
      if (event.op !== "mapSg" || event.errno !== 0 || facts === undefined) return;
      if (event.segments.length >= event.count) return;
      const { boundary, maxSegment } = facts;
      verdict.exercised();
      for (const { address, length } of event.segments) {
        // Pieces are alike but for the last: what has the length of two is made of more than one.
        const merged = length >= (2 * event.length) / event.count;
        if (merged && length > maxSegment)
          verdict.violated(`pieces are merged to ${length} bytes; ${event.device} takes ${maxSegment} at a time`);
        const crosses =
          boundary > 0 && Math.floor(address / boundary) !== Math.floor((address + length - 1) / boundary);
        if (crosses && merged)
          verdict.violated(
            `the merged segment at ${hex(address)} + ${hex(length)} crosses a multiple of ${hex(boundary)}`,
          );
      }
    },
  }),
  situation: { ...ownMappings, platform: ["boundary"], maxSegments: [4096, 8192, 2 ** 16] },
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
  status: checked,
  monitor: on({
    dma(event, state, verdict) {
      const facts = state.platform.devices[event.device];
      if (facts === undefined || (event.op !== "map" && event.op !== "mapSg")) return;
      if (event.op === "mapSg" && event.errno === 0 && event.segments.length > 0) {
        verdict.exercised();
        const bytes = event.segments.reduce((sum, { length }) => sum + length, 0);
        if (bytes !== event.length)
          verdict.violated(`of ${event.length} bytes ${bytes} are mapped for ${event.device}`);
      }
      if (event.op === "mapSg" || event.length <= longestBounce || event.attributes.includes("ccShared")) return;
      if (!bouncesPiece(state, facts, event)) return;
      verdict.exercised();
      if (event.errno === 0)
        verdict.violated(`${event.length} bytes are mapped for ${event.device} at once, more than can be bounced`);
    },
  }),
  situation: { ...ownMappings, platform: ["bounce", "iommu"] },
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
  needs: ["attachHook"],
  status: checked,
  evidence: ["alloc"],
  monitor: on({
    "cbret attach"(event, state, verdict) {
      const meeting = event.injected ? undefined : meetingOf(state, event.attachment);
      if (meeting?.buffer.hasAttach !== true) return;
      const { clientFacts, buffer, inDevice } = meeting;
      const stays = inDevice && !buffer.dynamic;
      if (stays && meeting.providerFacts.bar !== "memory") return;
      const why = stays
        ? peerObstacle(meeting, verdict.profile, placeOf(state, buffer))
        : inDevice
          ? null
          : ramObstacle(clientFacts, isShared(state, buffer.storage));
      if (why === null) return;
      verdict.exercised();
      if (event.errno === 0)
        verdict.violated(`${event.to} accepts ${event.attachment}, which no map can ever serve: ${why}`);
    },
  }),
  situation: {
    weights: { attach: 6, import: 6, export: 3 },
    platform: ["iommu", "bounce", "mask", "busLimitBits", "dmaOffset"],
    exporters: ["subject", "dynamic", "static"],
    importers: ["scripted", "subject", "static"],
  },
};

export const rules: readonly Rule[] = [dmamap03, dmamap04, dmamap05, dmamap06, dmamap20, dmamap27];
