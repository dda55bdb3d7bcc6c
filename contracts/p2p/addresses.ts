import { deviceOf } from "../../spec/platform.ts";
import type { CbRetEvent } from "../../spec/event.ts";
import type { ResolvedSegment } from "../../spec/calls.ts";
import type { MapType } from "../../spec/roles/peers.ts";
import type { State } from "../../spec/state/state.ts";
import { hex } from "../map/segments.ts";
import { on, remember } from "../monitor.ts";
import { innermost } from "../shared/lookup.ts";
import { coveringMap, handedOut, isDeviceMemory, meetingOf, placeOf, reachOf } from "../shared/platform.ts";
import { peers } from "./situations.ts";
import { expectedType, wayBetween } from "./topology.ts";
import type { Rule } from "../rule.ts";
import { checked } from "../rule-text.ts";
import { derived, kernel, thread } from "../source.ts";

/** A table of a peer's memory as its map handed it out. */
interface Recorded {
  readonly client: string;
  readonly type: MapType;
  readonly event: CbRetEvent<"map">;
  /** Mappings of the DMA API behind it. */
  readonly mappings: number;
}

function isAlike(first: Recorded, second: Recorded): boolean {
  return first.client === second.client && first.event.segments[0]?.address === second.event.segments[0]?.address;
}

function hasTranslation(state: State, device: string, address: number): boolean {
  for (const row of state.translations.values())
    if (row.device === device && row.address <= address && address < row.address + row.length) return true;
  return false;
}

/** Live mappings of the DMA API that the addresses of a table belong to. */
function mappingsOf({ dmaEntries, iovaSpaces }: State, device: string, segments: readonly ResolvedSegment[]): number {
  const has = (start: number, length: number) =>
    segments.some(({ address }) => start <= address && address < start + length);
  let found = 0;
  for (const row of dmaEntries.values()) if (row.device === device && has(row.address, row.length)) found += 1;
  for (const row of iovaSpaces.values()) if (row.device === device && has(row.address, row.size)) found += 1;
  return found;
}

export const p2p01: Rule = {
  id: "P2P-01",
  level: "MUST",
  obliged: ["exporter"],
  statement:
    "No address of device memory leaves the exporter before the topology was queried, at attach or in the map, for exactly this provider and this importer device.",
  intent: "An address made without asking works on the author's machine and hits a stranger's memory on the next.",
  sources: [
    kernel("drivers/dma-buf/dma-buf-mapping.c", "dma_buf_phys_vec_to_sgt", "6.19+"),
    kernel("drivers/pci/p2pdma.c", "pci_p2pdma_map_type", "6.19+"),
  ],
  needs: ["peer2peer"],
  onlyIf: "give peers memory of its device",
  hints: ["Is the query made with the attachment's device, and not with the exporter's or an earlier importer's?"],
  status: checked,
  evidence: ["peer"],
  monitor: on({
    "cbret map"(event, state, verdict) {
      const meeting = handedOut(state, event);
      if (meeting?.inDevice !== true) return;
      verdict.exercised();
      const { provider, client } = meeting;
      if (state.providers.get(provider)?.asked.includes(client) === true) return;
      verdict.violated(
        `${event.to} gives ${client} addresses of ${provider}'s memory, and nobody has asked how the one reaches the other`,
        verdict.since("buffers", meeting.attachment.buffer, "storage"),
      );
    },
  }),
  situation: peers,
};

export const p2p02: Rule = {
  id: "P2P-02",
  level: "MUST",
  obliged: ["exporter", "framework"],
  statement:
    "A pair of type UNSUPPORTED gets an error and no address: best EOPNOTSUPP at attach, else EREMOTEIO from the scatterlist path or EINVAL from the range helper.",
  intent: "Traffic on a route the hardware does not carry is lost or lands elsewhere, and no one is told.",
  sources: [
    kernel("kernel/dma/direct.c", "dma_direct_map_sg", "6.12+"),
    kernel("drivers/iommu/dma-iommu.c", "iommu_dma_map_sg", "6.12+"),
    kernel("drivers/dma-buf/dma-buf-mapping.c", "dma_buf_phys_vec_to_sgt", "6.19+"),
    kernel("mm/hmm.c", "hmm_dma_map_pfn", "7.2"),
  ],
  needs: ["peer2peer"],
  hints: ["Does every switch over the map type have a branch for UNSUPPORTED that fails?"],
  status: checked,
  evidence: ["peer", "dma"],
  monitor: on({
    "cbret map"(event, state, verdict) {
      const meeting = handedOut(state, event);
      if (meeting?.type !== "unsupported" || meeting.clientFacts.iommu === "blocked") return;
      verdict.exercised();
      if (!meeting.inDevice) return;
      verdict.violated(
        `${event.to} gives ${meeting.client} addresses of ${meeting.provider}'s memory, which it has no way to`,
        verdict.since("buffers", meeting.attachment.buffer, "storage"),
      );
    },
    dma(event, state, verdict) {
      if (event.op !== "mapSg") return;
      const owner = state.resources.get(event.storage ?? "")?.owner ?? null;
      if (owner === null || expectedType(state, owner, event.device) !== "unsupported") return;
      if (deviceOf(state.platform, event.device).dmaMask === 0) return;
      verdict.exercised();
      if (event.errno !== 0) return;
      verdict.violated(`a list of ${owner}'s memory is mapped for ${event.device}, which has no way to it`);
    },
  }),
  situation: {
    ...peers,
    platform: ["tree", "acs", "function"],
    weights: { ...peers.weights, dmaMap: 4, providerInit: 3 },
  },
};

export const p2p03: Rule = {
  id: "P2P-03",
  level: "MUST",
  obliged: ["exporter"],
  statement:
    "For BUS the exporter adds the offset of the provider's bus to the physical address, and neither map nor unmap touches the IOMMU.",
  intent: "Switches route by bus address: an IOVA there matches no window, or the wrong one.",
  sources: [
    kernel("drivers/pci/p2pdma.c", "pci_p2pdma_map_segment", "6.12"),
    kernel("include/linux/pci-p2pdma.h", "pci_p2pdma_bus_addr_map", "6.19+"),
  ],
  needs: ["peer2peer"],
  onlyIf: "give peers memory of its device",
  hints: ["Is the bus offset added once?", "Does the unmap skip the DMA call for bus segments?"],
  status: checked,
  evidence: ["peer", "alloc"],
  monitor: on({
    "cbret map"(event, state, verdict) {
      const meeting = handedOut(state, event);
      if (meeting?.inDevice !== true || meeting.type !== "bus") return;
      const base = state.resources.get(meeting.buffer.storage ?? "")?.physical ?? null;
      if (base === null) return;
      verdict.exercised();
      const { busOffset } = meeting.providerFacts;
      const wrong = event.segments.find(
        ({ address, storage, offset }) => storage !== meeting.buffer.storage || address !== base + offset + busOffset,
      );
      if (wrong !== undefined)
        verdict.violated(
          `${event.to} gives ${meeting.client} the address ${hex(wrong.address)}; bus addresses of ${meeting.provider} are ${hex(busOffset)} from the physical ones, here ${hex(base)}`,
        );
    },
    translate(event, state, verdict) {
      const hook = innermost(state, event.task);
      if (hook?.kind !== "cb" || hook.hook !== "map" || !event.on) return;
      const meeting = meetingOf(state, hook.attachment);
      if (meeting?.type !== "bus" || !isDeviceMemory(state, event.storage)) return;
      verdict.exercised();
      verdict.violated(`the map for ${hook.attachment} makes a translation although bus addresses need none`, hook);
    },
  }),
  situation: { ...peers, platform: ["direct", "busOffset"] },
};

export const p2p04: Rule = {
  id: "P2P-04",
  level: "MUST",
  obliged: ["exporter"],
  statement:
    "For HOST a range without pages gets its address from an ordinary DMA mapping for the importer that is marked MMIO, or in 6.12 from the resource call.",
  intent: "Behind an IOMMU the importer faults on an address that no translation exists for.",
  sources: [
    kernel("kernel/dma/mapping.c", "dma_map_resource", "6.12"),
    kernel("drivers/dma-buf/dma-buf-mapping.c", "dma_buf_phys_vec_to_sgt", "6.19+"),
    kernel("mm/hmm.c", "hmm_dma_map_pfn", "7.2"),
  ],
  needs: ["peer2peer"],
  onlyIf: "give peers memory of its device",
  hints: ["Is DMA_ATTR_MMIO set in the call that makes this address?", "Is the call made for the importer's device?"],
  status: checked,
  evidence: ["peer", "dma"],
  monitor: on({
    "cbret map"(event, state, verdict) {
      const meeting = handedOut(state, event);
      if (meeting?.inDevice !== true || meeting.type !== "host") return;
      verdict.exercised();
      for (const segment of event.segments) {
        const made = coveringMap(state, meeting.client, segment);
        if (made?.attributes.includes("mmio") === true) continue;
        const what = made === undefined ? "no mapping of the DMA API" : "a mapping without the MMIO mark";
        verdict.violated(
          `${hex(segment.address)}, which ${event.to} gives ${meeting.client} for memory of ${meeting.provider}, comes from ${what}`,
        );
      }
    },
  }),
  situation: { ...peers, platform: ["apart", "iommu"] },
};

export const p2p21: Rule = {
  id: "P2P-21",
  level: "MUST",
  obliged: ["exporter"],
  statement:
    "An importer that sends untranslated requests gets a bus address when its path has no upstream redirect and an IOVA when it has one.",
  intent: "With redirect on, the root port translates what it receives, so a bus address is taken for an IOVA.",
  sources: [thread("001", "untranslated traffic with and without ACS redirect")],
  needs: ["peer2peer"],
  onlyIf: "give peers memory of its device",
  hints: ["Which input decides the kind of address: the redirect state of the path or the mere presence of an IOMMU?"],
  status: checked,
  evidence: ["peer", "translate"],
  monitor: on({
    "cbret map"(event, state, verdict) {
      const meeting = handedOut(state, event);
      if (meeting?.inDevice !== true || meeting.clientFacts.iommu !== "translated") return;
      const { provider, client } = meeting;
      const way = wayBetween(state, provider, client);
      if (!way.below || meeting.clientFacts.ats || meeting.type === "unsupported") return;
      verdict.exercised();
      const odd = event.segments.find(({ address }) => hasTranslation(state, client, address) !== way.redirected);
      if (odd === undefined) return;
      const why = way.redirected ? "is redirected to the root, where only an IOVA means something" : "goes straight";
      verdict.violated(`what ${client} sends to ${hex(odd.address)}, an address of ${event.to}, ${why}`);
    },
  }),
  situation: { ...peers, platform: ["tree", "acs"] },
};

export const p2p22: Rule = {
  id: "P2P-22",
  level: "MUST",
  obliged: ["exporter"],
  statement:
    "The kind of address follows the map type alone, also for peers under different root ports or in different PCI segments.",
  intent: "Machines with one segment a slot are common, and shortcuts for the single-switch box fail on them.",
  sources: [thread("001", "cross-root-port peers, one root port and segment a slot")],
  needs: ["peer2peer"],
  onlyIf: "give peers memory of its device",
  hints: ["Is there a path that skips the IOMMU just because both devices are peers?"],
  status: checked,
  evidence: ["peer", "dma"],
  monitor: on({
    "cbret map"(event, state, verdict) {
      const meeting = handedOut(state, event);
      if (meeting?.inDevice !== true || meeting.type !== "host") return;
      const { provider, client } = meeting;
      if (wayBetween(state, provider, client).below) return;
      verdict.exercised();
      const past = event.segments.find((segment) => coveringMap(state, client, segment) === undefined);
      if (past !== undefined)
        verdict.violated(
          `${client} and ${provider} are under different root ports, and ${hex(past.address)} of ${event.to} is mapped by nobody`,
        );
    },
  }),
  situation: { ...peers, platform: ["tree", "busOffset"] },
};

export const p2p33: Rule = {
  id: "P2P-33",
  level: "MUST",
  obliged: ["importer"],
  statement: "Only the device of the attachment uses the bus addresses made for that attachment.",
  intent: "The same number seen from another bus position can belong to a different device.",
  sources: [derived("ATT-22")],
  needs: ["peer2peer"],
  hints: ["Does a driver with several devices attach once and pass the addresses around?"],
  status: checked,
  monitor: on({
    access(event, state, verdict) {
      const mapping = state.mappings.get(event.mapping ?? "");
      const made = mapping === undefined ? undefined : meetingOf(state, mapping.attachment);
      const used = state.attachments.get(event.attachment);
      if (mapping === undefined || made?.type !== "bus" || used === undefined) return;
      if (!mapping.segments.some(({ storage }) => isDeviceMemory(state, storage))) return;
      verdict.exercised();
      if (used.device !== made.client)
        verdict.violated(
          `${event.importer} has ${used.device} use bus addresses that were made for ${made.client}`,
          verdict.since("mappings", event.mapping ?? "", "attachment"),
        );
    },
  }),
  situation: {
    ...peers,
    platform: ["direct"],
    weights: { ...peers.weights, access: 6, submit: 6, complete: 4 },
    importers: ["pinnedRevocable", "pinnedRevocable", "subject", "pinned"],
  },
};

export const p2p35: Rule = {
  id: "P2P-35",
  level: "SHOULD",
  obliged: ["exporter"],
  statement:
    "The exporter compares the last byte of every bus segment with the importer's DMA mask and bus limit and refuses what does not fit, as EOPNOTSUPP at attach or EINVAL in the map.",
  intent:
    "The mapping layer makes no such test for bus addresses, and a device with a short mask just drops the upper bits.",
  sources: [
    derived("DMAMAP-03"),
    kernel("kernel/dma/direct.c", "dma_direct_map_sg", "6.12, 7.2"),
    kernel("drivers/dma-buf/dma-buf-mapping.c", "dma_buf_phys_vec_to_sgt", "6.19+"),
  ],
  needs: ["peer2peer"],
  onlyIf: "give peers memory of its device",
  hints: ["Is the mask compared with the bus address after the offset was added?"],
  status: checked,
  evidence: ["alloc"],
  monitor: on({
    "cbret map"(event, state, verdict) {
      const meeting = event.injected ? undefined : meetingOf(state, event.attachment);
      if (meeting?.inDevice !== true || meeting.type !== "bus") return;
      const place = placeOf(state, meeting.buffer);
      if (place === null) return;
      const last = place.physical + place.length - 1 + meeting.providerFacts.busOffset;
      if (last <= reachOf(meeting.clientFacts)) return;
      verdict.exercised();
      if (event.errno === 0)
        verdict.violated(
          `${event.to} gives ${meeting.client} bus addresses up to ${hex(last)}; it sends none beyond ${hex(reachOf(meeting.clientFacts))}`,
        );
    },
  }),
  situation: { ...peers, platform: ["direct", "busLimitBits"] },
};

export const p2p39: Rule = {
  id: "P2P-39",
  level: "MUST",
  obliged: ["exporter"],
  statement:
    "Unmap goes by the type recorded when the segment was mapped: none of the bus segments and each host segment exactly once is DMA-unmapped, even if a new query would now differ.",
  intent:
    "By the time of a late unmap the provider may be gone, and a fresh query would leak or double-free IOVA space.",
  sources: [
    derived("P2P-03, P2P-09 and MAP-36"),
    kernel("drivers/dma-buf/dma-buf-mapping.c", "dma_buf_free_sgt", "6.19+"),
    kernel("mm/hmm.c", "hmm_dma_unmap_pfn", "7.2"),
  ],
  needs: ["peer2peer"],
  onlyIf: "give peers memory of its device",
  hints: ["Where does the mapping store its type?", "Does the unmap path call the map-type query?"],
  status: checked,
  evidence: ["dma", "translate"],
  monitor: remember(() => new Map<string, Recorded>(), {
    "cbret map"(event, state, _verdict, tables) {
      const meeting = handedOut(state, event);
      if (meeting?.inDevice !== true || event.table === null) return;
      if (meeting.type === "unsupported") return;
      const { client, type } = meeting;
      tables.set(event.table, { client, type, event, mappings: mappingsOf(state, client, event.segments) });
    },
    dma(event, state, verdict, tables) {
      if (event.op !== "unmap" && event.op !== "iovaDestroy") return;
      const hook = innermost(state, event.task);
      const made = hook?.kind === "cb" && hook.hook === "unmap" ? tables.get(hook.table ?? "") : undefined;
      if (made?.type !== "bus") return;
      verdict.violated(
        `the unmap of ${made.event.table ?? "?"} ends a DMA mapping; its addresses are bus addresses`,
        made.event,
      );
    },
    "cbret unmap"(event, state, verdict, tables) {
      const made = tables.get(event.table ?? "");
      if (made === undefined || event.table === null) return;
      tables.delete(event.table);
      verdict.exercised();
      if (made.type !== "host") return;
      const left = mappingsOf(state, made.client, made.event.segments);
      // The same addresses may be another table's as well.
      if (made.mappings > 0 && left >= made.mappings && ![...tables.values()].some((other) => isAlike(other, made)))
        verdict.violated(`the unmap of ${event.table} leaves its mapping for ${made.client} in place`, made.event);
    },
  }),
  situation: {
    ...peers,
    weights: { export: 4, attach: 8, mapUnlocked: 20, unmapUnlocked: 4, closeDevice: 15, detach: 0.2, move: 0.2 },
    exporters: ["subject"],
    importers: ["scripted"],
    platform: ["apart"],
  },
};

export const rules: readonly Rule[] = [p2p01, p2p02, p2p03, p2p04, p2p21, p2p22, p2p33, p2p35, p2p39];
