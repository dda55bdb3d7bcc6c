import { ENOMEM, errnoName } from "../../spec/errno.ts";
import type { TranslateEvent } from "../../spec/event.ts";
import type { DmaEvent } from "../../spec/platform-event.ts";
import { hex } from "../map/segments.ts";
import { on, remember } from "../monitor.ts";
import { ownMappings, peers } from "../p2p/situations.ts";
import type { Rule } from "../rule.ts";
import { checked } from "../rule-text.ts";
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
  // The first exporter to use it is the helper for ranges.
  from: "K6.19",
  onlyIf: "map ranges through reserved address space",
  hints: ["What does the error label do when the very first link fails?", "Is a failed sync treated as an error?"],
  provokedBy: ["framework"],
  status: checked,
  evidence: ["dma"],
  monitor: remember(() => new Map<string, string>(), {
    helper(event, state, verdict, spaces) {
      const device = state.attachments.get(event.attachment ?? "")?.device;
      if (event.op !== "physVecToSgt" || device === undefined) return;
      for (const [name, row] of state.iovaSpaces) {
        if (row.device !== device || row.by !== "framework" || spaces.has(name)) continue;
        verdict.exercised();
        const linked = row.links.reduce((sum, { length }) => sum + length, 0);
        if (event.errno !== 0) verdict.violated(`after the failure of its map ${name} of ${device} is still reserved`);
        else if (!row.synced || linked !== event.size)
          verdict.violated(
            `addresses of ${name} are handed out ${row.synced ? `with ${linked} of ${event.size} bytes linked` : "before it is synced"}`,
          );
        if (event.table !== null) spaces.set(name, event.table);
      }
      if (event.errno !== 0 && device !== undefined) verdict.exercised();
    },
  }),
  situation: {
    ...peers,
    platform: ["apart"],
    failures: [
      { site: "iova-link", errno: ENOMEM },
      { site: "iova-sync", errno: ENOMEM },
      { site: "helper-entries", errno: ENOMEM },
    ],
  },
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
  // The first exporter to use it is the helper for ranges.
  from: "K6.19",
  onlyIf: "map ranges through reserved address space",
  hints: ["Does the offset grow in the loop?", "Has the buffer ever been tested with two or more ranges?"],
  provokedBy: ["framework"],
  status: checked,
  monitor: on({
    dma(event, state, verdict) {
      const space = state.iovaSpaces.get(event.object ?? "");
      if (space === undefined || event.op !== "iovaLink" || space.links.length === 0) return;
      verdict.exercised();
      const next = space.links.reduce((sum, { length }) => sum + length, 0);
      if (event.address !== next)
        verdict.violated(
          `a range is linked at ${event.address} in ${event.object ?? "?"}; the ranges before it end at ${next}`,
        );
    },
  }),
  situation: {
    ...peers,
    weights: { ...peers.weights, exportRegion: 30, export: 0.5 },
    exporters: ["subject"],
    platform: ["apart"],
  },
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
  // The first exporter to use it is the helper for ranges.
  from: "K6.19",
  onlyIf: "map ranges through reserved address space",
  hints: ["Does the free path test dma_use_iova as the map path does?"],
  provokedBy: ["framework"],
  status: checked,
  evidence: ["peer"],
  monitor: remember(() => new Map<string, { failed: boolean; readonly refused: DmaEvent }>(), {
    dma(event, state, verdict, refused) {
      if (event.op === "iovaTryAlloc" && event.object === null)
        refused.set(event.task, { failed: false, refused: event });
      const known = refused.get(event.task);
      if (known !== undefined && event.op === "map" && event.errno !== 0) known.failed = true;
      if (event.op === "unmap") {
        for (const [name, row] of state.iovaSpaces) {
          const inside =
            row.device === event.device && row.address <= event.address && event.address < row.address + row.size;
          if (!inside || row.links.length === 0) continue;
          verdict.exercised();
          verdict.violated(`${hex(event.address)} is unmapped on its own; it is part of ${name}`);
        }
      }
      if ((event.op === "iovaDestroy" || event.op === "iovaFree") && !state.iovaSpaces.has(event.object ?? ""))
        verdict.violated(`${event.object ?? "space"} is given back, and was never had`);
    },
    helper(event, _state, verdict, refused) {
      const known = refused.get(event.task);
      refused.delete(event.task);
      if (event.op !== "physVecToSgt" || known === undefined || known.failed || event.errno === ENOMEM) return;
      verdict.exercised();
      if (event.errno !== 0)
        verdict.violated(
          `the map fails with ${errnoName(event.errno)} because no space could be reserved`,
          known.refused,
        );
    },
  }),
  situation: { ...peers, platform: ["apart"], failures: [{ site: "iova-alloc", errno: ENOMEM }] },
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
  status: checked,
  evidence: ["translate", "alloc"],
  monitor: on({
    dma(event, state, verdict) {
      const facts = state.platform.devices[event.device];
      const base = state.resources.get(event.storage ?? "")?.physical ?? null;
      if (facts === undefined || base === null || facts.iommu !== "translated") return;
      if (event.op !== "map" && event.op !== "iovaLink") return;
      const { granule } = facts;
      const start = base + event.offset;
      const isOff = start % granule > 0 || event.length % granule > 0;
      if (!isOff) return;
      verdict.exercised();
      if (facts.untrusted && event.attributes.includes("mmio")) {
        if (event.errno === 0)
          verdict.violated(
            `${event.device}, which nobody trusts, gets more of ${event.storage ?? "?"} than it was given`,
          );
        return;
      }
      if (event.errno !== 0 || event.op !== "map") return;
      const row = state.translations.get(`${event.device}@${event.address - (event.address % granule)}`);
      if (row === undefined || row.storage !== event.storage) return;
      const [low, high] = [start - (start % granule), Math.ceil((start + event.length) / granule) * granule];
      if (base + row.offset < low || base + row.offset + row.length > high)
        verdict.violated(
          `of ${event.storage ?? "?"} ${row.length} bytes from ${row.offset} on are open to ${event.device}, more than rounding asks for`,
        );
    },
  }),
  situation: { ...ownMappings, platform: ["granule", "untrusted"] },
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
  status: checked,
  evidence: ["touch"],
  monitor: remember(() => new Map<string, TranslateEvent[]>(), {
    translate(event, state, verdict, stale) {
      if (state.platform.devices[event.device] === undefined) return;
      const known = stale.get(event.device) ?? [];
      stale.set(event.device, known);
      if (!event.on) {
        known.push(event);
        return;
      }
      if (known.length === 0) return;
      verdict.exercised();
      const end = event.address + event.length;
      const old = known.find(({ address, length }) => event.address < address + length && address < end);
      if (old !== undefined)
        verdict.violated(
          `${hex(event.address)} of ${event.device} means something new before the old meaning is flushed`,
          old,
        );
    },
    touch(event, _state, _verdict, stale) {
      if (event.what === "flush" && event.device !== null) stale.delete(event.device);
    },
  }),
  situation: { ...ownMappings, platform: ["lazyFlush"] },
};

export const rules: readonly Rule[] = [dmamap19, dmamap29, dmamap30, dmamap31, dmamap32];
