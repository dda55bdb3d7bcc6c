import { ENOMEM, EOPNOTSUPP, EREMOTEIO, errnoName } from "../../spec/errno.ts";
import type { DmaEvent } from "../../spec/platform-event.ts";
import { pageSize } from "../../spec/roles/handles.ts";
import { hex } from "../map/segments.ts";
import { on, remember } from "../monitor.ts";
import { ownMappings, peers } from "../p2p/situations.ts";
import { innermost } from "../shared/lookup.ts";
import { isShared, meetingOf, peerObstacle, placeOf, ramObstacle } from "../shared/platform.ts";
import { attributesEndedBy, endedBy, lasting, listErrors, Unclaimed } from "./entries.ts";
import type { Rule } from "../rule.ts";
import { checked } from "../rule-text.ts";
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
  status: checked,
  monitor: on({
    dma(event, state, verdict) {
      const row = endedBy(event, state);
      if (row === null) return;
      verdict.exercised();
      const what = `${event.by} ends ${event.object ?? hex(event.address)} of ${event.device}`;
      if (row === undefined) verdict.violated(`${what}, which is not mapped`);
      else if (row.direction !== event.direction)
        verdict.violated(`${what} with ${event.direction}; it was mapped ${row.direction}`);
      else if (event.op !== "unmapSg" && row.length !== event.length)
        verdict.violated(`${what} with ${event.length} bytes; ${row.length} were mapped`);
    },
    end(_event, state, verdict) {
      for (const [name, row] of state.dmaEntries) {
        const { exporters } = state.platform;
        if (row.by === "program" || (exporters[row.by] === undefined && row.by !== "framework")) continue;
        if (
          [...state.attachments.values()].some(({ device, hookMaps }) => device === row.device && hookMaps.length > 0)
        )
          continue;
        verdict.exercised();
        verdict.violated(`${name} is still mapped by ${row.by} at the end, and nobody has a table of it`);
      }
    },
  }),
  situation: { weights: { attach: 3, mapUnlocked: 4, unmapUnlocked: 4, import: 4, release: 2 }, platform: ["iommu"] },
};

export const dmamap02: Rule = {
  id: "DMAMAP-02",
  level: "MUST",
  obliged: ["exporter"],
  statement: "Each mapping result is tested before use, so the error value is never handed out as an address.",
  intent: "The error value looks like a very high address, and the device writes there.",
  sources: [doc("Documentation/core-api/dma-api-howto.rst", "checking for mapping errors")],
  hints: ["Is dma_mapping_error called after each single map, inside loops too?"],
  status: checked,
  monitor: remember(() => new Map<number, DmaEvent>(), {
    dma(event, state, _verdict, failed) {
      const hook = innermost(state, event.task);
      if (hook?.kind !== "cb" || hook.hook !== "map") return;
      if (event.op !== "map" && event.op !== "mapSg") return;
      if (event.errno !== 0) failed.set(hook.seq, event);
      // Tried again, with more luck.
      else if (failed.get(hook.seq)?.offset === event.offset) failed.delete(hook.seq);
    },
    "cbret map"(event, _state, verdict, failed) {
      const bad = failed.get(event.cb);
      if (bad === undefined || event.injected) return;
      verdict.exercised();
      if (event.errno === 0 && event.table !== null)
        verdict.violated(
          `${event.to} hands out ${event.table} for ${event.attachment}, one mapping of which failed`,
          bad,
        );
    },
  }),
  situation: {
    weights: { attach: 3, mapUnlocked: 5, import: 4, export: 2 },
    platform: ["iommu"],
    failures: [{ site: "dma-map", errno: ENOMEM }],
  },
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
  status: checked,
  evidence: ["alloc"],
  monitor: on({
    "cbret map"(event, state, verdict) {
      const meeting = event.injected ? undefined : meetingOf(state, event.attachment);
      if (meeting === undefined || meeting.clientFacts.iommu !== "identity") return;
      if (meeting.providerFacts.iommu === "identity") return;
      const { clientFacts, buffer, inDevice } = meeting;
      const obstacle = inDevice
        ? peerObstacle(meeting, verdict.profile, placeOf(state, buffer))
        : ramObstacle(clientFacts, isShared(state, buffer.storage));
      if (obstacle !== null || (inDevice && meeting.providerFacts.bar !== "memory")) return;
      verdict.exercised();
      if (event.errno === EOPNOTSUPP || event.errno === EREMOTEIO)
        verdict.violated(
          `${event.to} refuses ${meeting.client}, which nothing translates for, with ${errnoName(event.errno)}`,
        );
    },
  }),
  situation: { weights: { attach: 4, mapUnlocked: 5, import: 5 }, platform: ["iommu"] },
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
  status: checked,
  monitor: on({
    dma(event, state, verdict) {
      const made = attributesEndedBy(event, state);
      if (made === undefined) return;
      verdict.exercised();
      const lost = lasting.find((name) => made.includes(name) !== event.attributes.includes(name));
      if (lost !== undefined)
        verdict.violated(
          `${event.by} ends a mapping for ${event.device} ${event.attributes.includes(lost) ? "with" : "without"} the mark ${lost}; it was made the other way`,
        );
    },
  }),
  situation: { weights: { ...peers.weights, unmapUnlocked: 4, release: 2 }, platform: ["iommu", "shared"] },
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
  status: checked,
  evidence: ["translate"],
  monitor: remember(() => new Unclaimed(), {
    translate: (event, state, _verdict, unclaimed) => unclaimed.note(event, state),
    dma(event, _state, verdict, unclaimed) {
      if (event.errno === 0) {
        unclaimed.claim(event.device);
        return;
      }
      const [left] = unclaimed.of(event.device);
      unclaimed.claim(event.device);
      if (event.op !== "mapSg") return;
      verdict.exercised();
      if (left !== undefined) verdict.violated(`the list fails for ${event.device}, and ${left} of it stays mapped`);
      else if (!listErrors(verdict.profile.series).includes(event.errno))
        verdict.violated(`a list fails for ${event.device} with ${errnoName(event.errno)}`);
    },
  }),
  situation: { ...ownMappings, platform: ["tree", "acs", "mask", "iommu", "function"] },
};

export const dmamap28: Rule = {
  id: "DMAMAP-28",
  level: "MUST",
  obliged: ["importer"],
  statement: "A DMA address is used only by the device whose attachment it came from.",
  intent: "In the other device's domain the same number may be valid and point to unrelated memory.",
  sources: [derived("per-device domains of the DMA API")],
  hints: ["Is one attachment shared between two devices, such as a card and its copy engine?"],
  status: checked,
  monitor: on({
    access(event, state, verdict) {
      const mapping = state.mappings.get(event.mapping ?? "");
      const made = mapping === undefined ? undefined : state.attachments.get(mapping.attachment)?.device;
      const used = state.attachments.get(event.attachment)?.device;
      if (made === undefined || used === undefined) return;
      verdict.exercised();
      if (made !== used)
        verdict.violated(
          `${event.importer} has ${used} use ${hex(event.address)}, which was mapped for ${made}`,
          verdict.since("mappings", event.mapping ?? "", "attachment"),
        );
    },
  }),
  situation: {
    weights: { import: 5, submit: 6, complete: 4 },
    platform: ["tree"],
    importers: ["pinnedRevocable", "pinnedRevocable", "subject", "static"],
  },
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
  status: checked,
  monitor: on({
    dma(event, state, verdict) {
      if (event.op !== "unmapSg") return;
      const row = state.dmaEntries.get(event.object ?? "");
      if (row === undefined) return;
      verdict.exercised();
      if (row.count !== event.count)
        verdict.violated(
          `${event.by} ends ${event.object ?? "a list"} with ${event.count} entries; ${row.count} were given in`,
        );
    },
    helper(event, _state, verdict) {
      if (event.op === "freeSgt") verdict.exercised();
    },
  }),
  situation: {
    weights: { export: 3, attach: 3, mapUnlocked: 4, unmapUnlocked: 4, import: 4, release: 2, dmaMap: 3, dmaUnmap: 3 },
    exporters: ["static"],
    platform: ["boundary"],
    sizes: [3 * pageSize, 16 * pageSize],
  },
};

export const rules: readonly Rule[] = [dmamap01, dmamap02, dmamap15, dmamap17, dmamap18, dmamap28, dmamap33];
