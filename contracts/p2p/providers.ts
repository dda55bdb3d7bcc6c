import { EINVAL, ENOMEM, errnoName } from "../../spec/errno.ts";
import { deviceOf } from "../../spec/platform.ts";
import { holds, type State } from "../../spec/state/state.ts";
import { on, remember } from "../monitor.ts";
import { bufferOf } from "../shared/lookup.ts";
import { handedOut, isDeviceMemory } from "../shared/platform.ts";
import { HelperTables } from "./helper-tables.ts";
import { peers } from "./situations.ts";
import type { Rule } from "../rule.ts";
import { checked } from "../rule-text.ts";
import { doc, kernel, thread } from "../source.ts";

/** Attachments that have memory of an exporter's device mapped. */
function mappedFrom(state: State, exporter: string): readonly string[] {
  const found: string[] = [];
  for (const [name, row] of state.attachments) {
    const buffer = state.buffers.get(row.buffer);
    if (buffer?.exporter === exporter && row.hookMaps.length > 0 && isDeviceMemory(state, buffer.storage))
      found.push(name);
  }
  return found;
}

export const p2p10: Rule = {
  id: "P2P-10",
  level: "MUST",
  obliged: ["exporter"],
  statement:
    "Only a mappable memory BAR of a device whose driver has initialised peer support has a provider; asking for any other gives none, and an export without provider fails with EINVAL.",
  intent: "I/O ports and absent BARs have no bus window that a peer could address.",
  sources: [
    kernel("drivers/pci/p2pdma.c", "pcim_p2pdma_init", "6.19+"),
    kernel("drivers/pci/p2pdma.c", "pcim_p2pdma_provider", "6.19+"),
    kernel("drivers/vfio/pci/vfio_pci_dmabuf.c", "vfio_pci_core_get_dmabuf_phys", "6.19+"),
  ],
  from: "K6.19",
  needs: ["peer2peer"],
  hints: ["Is a null provider tested at export?", "Is init called before the first provider is asked for?"],
  provokedBy: ["framework"],
  status: checked,
  monitor: on({
    peer(event, state, verdict) {
      if (event.op !== "providerFor") return;
      const { bar } = deviceOf(state.platform, event.provider);
      const known = state.providers.get(event.provider)?.live === true;
      if (bar === "memory" && known) return;
      verdict.exercised();
      if (event.result === 0) return;
      const why = known ? `its BAR is ${bar}` : "no driver has made it known to peers";
      verdict.violated(`${event.provider} gets a provider, though ${why}`);
    },
    "ret exportRegion"(event, state, verdict) {
      const device = state.platform.exporters[event.exporter];
      if (device === undefined || state.exporters.get(event.exporter)?.closed === true) return;
      if (deviceOf(state.platform, device).bar === "memory" && state.providers.get(device)?.live === true) return;
      verdict.exercised();
      if (event.errno === 0) verdict.violated(`${event.exporter} exports a region of ${device}, which has no provider`);
    },
  }),
  situation: { weights: { providerFor: 8, providerInit: 4, exportRegion: 6, export: 4 }, platform: ["bar", "noPeers"] },
};

export const p2p11: Rule = {
  id: "P2P-11",
  level: "MUST",
  obliged: ["exporter"],
  provokedBy: ["importer"],
  statement:
    "When the unbind of a provider's driver completes, all DMA mappings through it are undone and no vmap or page-table entry of the CPU points at it.",
  intent: "Hot-unplug gives the window to the next device, and a forgotten mapping then writes into that one.",
  sources: [
    doc("drivers/pci/p2pdma.c", "kernel-doc of pcim_p2pdma_provider", "6.19+"),
    doc("Documentation/driver-api/pci/p2pdma.rst", "provider lifetime", "7.2"),
  ],
  // VFIO of 6.19 and 7.0 tells its importers and waits for nobody.
  from: "K7.1",
  needs: ["peer2peer", "revoke"],
  temporal: ["T-29"],
  hints: ["Does the remove path revoke and wait for the last unmap?", "Are the mmap entries zapped as well?"],
  status: checked,
  evidence: ["alloc"],
  monitor: remember(() => new Map<number, boolean>(), {
    "call closeDevice"(event, state, _verdict, busy) {
      busy.set(event.seq, mappedFrom(state, event.exporter).length > 0);
    },
    "ret closeDevice"(event, state, verdict, busy) {
      if (event.errno !== 0 || busy.get(event.call) !== true) return;
      verdict.exercised();
      const [left] = mappedFrom(state, event.exporter);
      if (left !== undefined)
        verdict.violated(
          `${event.exporter} is gone, and ${left} still has its memory mapped`,
          verdict.since("attachments", left, "hookMaps"),
        );
    },
  }),
  situation: {
    weights: { export: 3, import: 10, mapUnlocked: 10, attach: 6, closeDevice: 40, release: 0.2, revoke: 0.2 },
    platform: [],
    exporters: ["subject"],
    importers: ["scripted", "subject", "pinnedRevocable"],
  },
};

export const p2p25: Rule = {
  id: "P2P-25",
  level: "MUST",
  obliged: ["exporter"],
  statement: "All ranges passed to one call of the range helper belong to a single provider.",
  intent: "The helper takes one provider and one map type, so a foreign range gets the wrong offset or route.",
  sources: [kernel("drivers/dma-buf/dma-buf-mapping.c", "dma_buf_phys_vec_to_sgt", "6.19+")],
  from: "K6.19",
  needs: ["peer2peer"],
  onlyIf: "give peers memory of its device",
  hints: ["Can the buffer span two BARs or two devices?"],
  status: checked,
  monitor: on({
    helper(event, state, verdict) {
      if (event.op !== "physVecToSgt" || event.provider === null || event.ranges.length === 0) return;
      verdict.exercised();
      const foreign = event.ranges.find(({ storage }) => state.resources.get(storage)?.owner !== event.provider);
      if (foreign !== undefined)
        verdict.violated(`${event.by} passes ${foreign.storage} as memory of ${event.provider}; it belongs elsewhere`);
    },
  }),
  situation: { ...peers, weights: { ...peers.weights, exportRegion: 6 } },
};

export const p2p26: Rule = {
  id: "P2P-26",
  level: "MUST",
  obliged: ["exporter"],
  statement:
    "The range helper is called with the reservation lock held, an attachment, a provider and some range that is not empty, and only for MMIO; without attachment, provider or segment it fails with EINVAL.",
  intent: "Outside the lock a revoke can pass the map, and RAM treated as MMIO loses its cache handling.",
  sources: [kernel("drivers/dma-buf/dma-buf-mapping.c", "dma_buf_phys_vec_to_sgt", "6.19+")],
  from: "K6.19",
  needs: ["peer2peer"],
  onlyIf: "give peers memory of its device",
  hints: ["Who takes the reservation lock on this path?", "Can the range list be empty after trimming?"],
  provokedBy: ["framework"],
  status: checked,
  monitor: on({
    helper(event, state, verdict) {
      if (event.op !== "physVecToSgt") return;
      verdict.exercised();
      const resv = bufferOf(state, event.attachment)?.resv;
      const missing = event.attachment === null || event.provider === null || event.ranges.length === 0;
      if (missing && event.errno !== EINVAL)
        verdict.violated(
          `the helper answers ${errnoName(event.errno)} where attachment, provider or ranges are missing`,
        );
      else if (missing) verdict.violated(`${event.by} calls the helper without attachment, provider or ranges`);
      else if (resv !== undefined && !holds(state, event.task, resv))
        verdict.violated(`${event.by} has ranges mapped for ${event.attachment ?? "?"} without the reservation lock`);
      else if (event.ranges.some(({ storage }) => !isDeviceMemory(state, storage)))
        verdict.violated(`${event.by} has RAM mapped as if it were registers of ${event.provider ?? "?"}`);
    },
  }),
  situation: peers,
};

export const p2p27: Rule = {
  id: "P2P-27",
  level: "MUST",
  obliged: ["exporter"],
  statement:
    "What the range helper mapped is released exactly once by its own free function, and after a failure at any step neither a DMA mapping nor IOVA space remains.",
  intent: "Leaked IOVA space runs the importer's domain dry and stale entries keep device memory reachable.",
  sources: [
    kernel("drivers/dma-buf/dma-buf-mapping.c", "dma_buf_free_sgt", "6.19+"),
    kernel("drivers/dma-buf/dma-buf-mapping.c", "dma_buf_phys_vec_to_sgt", "6.19+"),
  ],
  from: "K6.19",
  needs: ["peer2peer"],
  onlyIf: "give peers memory of its device",
  hints: [
    "Is the space freed when the table allocation or the first link fails?",
    "Does the error path skip entries that were never mapped?",
  ],
  provokedBy: ["framework"],
  status: checked,
  evidence: ["dma"],
  monitor: remember(() => new HelperTables(), {
    helper: (event, state, verdict, tables) => tables.judge(event, state, verdict),
    "ret detach": (event, _state, verdict, tables) => tables.judgeDetach(event, verdict),
  }),
  situation: {
    ...peers,
    weights: { ...peers.weights, exportRegion: 8, export: 2 },
    exporters: ["subject", "static"],
    platform: ["apart"],
    failures: [
      { site: "helper-entries", errno: ENOMEM },
      { site: "iova-link", errno: ENOMEM },
      { site: "iova-sync", errno: ENOMEM },
      { site: "iova-alloc", errno: ENOMEM },
      { site: "dma-map", errno: ENOMEM },
    ],
  },
};

export const p2p28: Rule = {
  id: "P2P-28",
  level: "MUST",
  obliged: ["exporter"],
  statement:
    "An exporter whose memory is reachable only directly asks for the map type itself and refuses HOST with EOPNOTSUPP before it calls the range helper.",
  intent: "The helper takes both routes silently, so the importer would get an address that cannot work.",
  sources: [doc("drivers/dma-buf/dma-buf-mapping.c", "kernel-doc of dma_buf_phys_vec_to_sgt", "6.19+")],
  from: "K6.19",
  needs: ["peer2peer"],
  onlyIf: "give peers memory of its device",
  hints: ["Is the query repeated for each importer device?"],
  status: checked,
  evidence: ["alloc"],
  monitor: on({
    "cbret map"(event, state, verdict) {
      const meeting = handedOut(state, event);
      if (meeting?.type !== "host" || !meeting.providerFacts.directOnly) return;
      verdict.exercised();
      if (meeting.inDevice)
        verdict.violated(
          `${event.to} lets ${meeting.client} come through the host bridge to memory of ${meeting.provider} that answers no one from there`,
          verdict.since("buffers", meeting.attachment.buffer, "storage"),
        );
    },
  }),
  situation: { ...peers, platform: ["directOnly", "apart"] },
};

export const p2p29: Rule = {
  id: "P2P-29",
  level: "MUST",
  obliged: ["exporter"],
  provokedBy: ["importer"],
  statement:
    "As long as peers can use mappings of it, the exporting device is powered and decodes its memory; otherwise it revokes first.",
  intent: "Reads from a sleeping device return all ones or raise a fatal bus error.",
  sources: [
    kernel("drivers/vfio/pci/vfio_pci_core.c", "runtime power management calls", "6.19+"),
    kernel("drivers/gpu/drm/xe/xe_dma_buf.c", "xe_dma_buf_attach", "6.12, 7.2"),
  ],
  needs: ["peer2peer", "revoke"],
  hints: [
    "Does an attachment or mapping hold a power reference?",
    "Does clearing the decode bit revoke before the write?",
  ],
  status: checked,
  evidence: ["alloc"],
  monitor: on({
    device(event, state, verdict) {
      if (event.change !== "memoryOff" || event.exporter === null) return;
      for (const [name, row] of state.attachments) {
        const buffer = state.buffers.get(row.buffer);
        if (buffer?.exporter !== event.exporter || !isDeviceMemory(state, buffer.storage)) continue;
        if (row.phase !== "attached" || row.allowPeer2peer === false) continue;
        verdict.exercised();
        if (row.hookMaps.length > 0 && buffer.access === "accessible")
          verdict.violated(
            `the memory of ${event.exporter} goes off while ${name} has it mapped and may use it`,
            verdict.since("attachments", name, "hookMaps"),
          );
      }
    },
  }),
  situation: {
    weights: { ...peers.weights, setMemory: 8, reset: 6 },
    exporters: ["subject"],
    importers: ["scripted", "subject"],
  },
};

export const p2p32: Rule = {
  id: "P2P-32",
  level: "MUST",
  obliged: ["exporter"],
  statement:
    "Secure memory has a provider of its own kind, and each importer that does not understand that kind fails cleanly at match, attach or map.",
  intent: "An unaware access to such memory ends in a machine check.",
  sources: [thread("000", "secure memory as a p2p_provider that fits nothing else")],
  needs: ["peer2peer"],
  onlyIf: "give peers memory of its device",
  hints: ["What does an ordinary DMA-only importer get for this buffer?"],
  status: checked,
  evidence: ["alloc"],
  monitor: on({
    "cbret map"(event, state, verdict) {
      const meeting = handedOut(state, event);
      if (meeting?.providerFacts.bar !== "secure") return;
      verdict.exercised();
      if (meeting.inDevice)
        verdict.violated(
          `${event.to} gives ${meeting.client} addresses of the secure memory of ${meeting.provider}`,
          verdict.since("buffers", meeting.attachment.buffer, "storage"),
        );
    },
  }),
  situation: {
    ...peers,
    weights: { ...peers.weights, export: 3, attach: 8, mapUnlocked: 12, unmapUnlocked: 3 },
    platform: ["bar"],
    exporters: ["subject", "dynamic"],
    importers: ["scripted", "scripted", "scripted", "subject", "pinnedRevocable"],
    callbacks: true,
  },
};

export const rules: readonly Rule[] = [p2p10, p2p11, p2p25, p2p26, p2p27, p2p28, p2p29, p2p32];
