import { EINVAL, EREMOTEIO, errnoName } from "../../spec/errno.ts";
import type { AccessEvent } from "../../spec/event.ts";
import { hex } from "../map/segments.ts";
import { on, remember } from "../monitor.ts";
import { handedOut, isDeviceMemory } from "../shared/platform.ts";
import { mattersFor, requests, useOf } from "./requests.ts";
import { peers } from "./situations.ts";
import type { Rule } from "../rule.ts";
import { checked, untested } from "../rule-text.ts";
import { derived, doc, kernel, thread } from "../source.ts";

export const p2p12: Rule = {
  id: "P2P-12",
  level: "MUST",
  obliged: ["importer"],
  statement:
    "An importer that sets allow_peer2peer works from DMA addresses and lengths alone and never asks for a page.",
  intent: "Device memory has no struct page; the null or mangled pointer in the table crashes the kernel.",
  sources: [doc("include/linux/dma-buf.h", "dma_buf_attach_ops, allow_peer2peer")],
  needs: ["peer2peer"],
  hints: ["Is sg_page or a page iterator used anywhere on the import path?"],
  status: untested(
    "a table of this interface has DMA addresses and lengths only: there is no page an importer could look at",
  ),
};

export const p2p13: Rule = {
  id: "P2P-13",
  level: "MUST",
  obliged: ["exporter", "framework"],
  statement: "No segment of peer memory ever reaches an importer that did not set allow_peer2peer.",
  intent: "Such an importer treats what it gets as RAM, with pages and caches.",
  sources: [doc("include/linux/dma-buf.h", "dma_buf_attach_ops, allow_peer2peer"), derived("ATT-10")],
  hints: ["Does the map move the buffer to system memory or fail when the flag is off?"],
  status: checked,
  evidence: ["alloc"],
  monitor: on({
    "cbret map"(event, state, verdict) {
      const row = state.attachments.get(event.attachment);
      if (row === undefined || row.allowPeer2peer || event.errno !== 0 || event.injected) return;
      verdict.exercised();
      const peer = event.segments.find(({ storage }) => isDeviceMemory(state, storage));
      if (peer !== undefined)
        verdict.violated(
          `${event.to} gives ${event.attachment} memory of its device at ${hex(peer.address)}; the importer allows none`,
          verdict.since("attachments", event.attachment, "allowPeer2peer"),
        );
    },
  }),
  situation: { weights: { attach: 3, map: 3, mapUnlocked: 3, move: 4 }, importers: ["scripted", "static"] },
};

export const p2p14: Rule = {
  id: "P2P-14",
  level: "MUST",
  obliged: ["importer"],
  statement:
    "Peer memory is not touched by kmap, read, write or direct I/O unless the whole stack below is known to move it by DMA only.",
  intent: "Code that copies by CPU treats I/O memory as RAM and corrupts data or hangs on the bus.",
  sources: [
    doc("Documentation/driver-api/pci/p2pdma.rst", "use of peer memory"),
    thread("002", "O_DIRECT only if the block stack knows that the request stays DMA-only"),
  ],
  needs: ["peer2peer"],
  hints: ["Can a checksum, bounce or fallback copy on this path read the data by CPU?"],
  status: untested(
    "an importer has no way to touch memory by CPU but vmap and mmap of the exporter, which knows what it maps",
  ),
};

export const p2p15: Rule = {
  id: "P2P-15",
  level: "MUST",
  obliged: ["exporter"],
  statement: "Memory published for peers has no side effect on any read or write.",
  intent:
    "Speculative and discarded reads are normal, so a doorbell or a clear-on-read register would fire by accident.",
  sources: [doc("Documentation/driver-api/pci/p2pdma.rst", "duties of a provider")],
  needs: ["peer2peer"],
  hints: ["Does the published range contain registers?"],
  status: untested("memory of a history has no registers: a read of it changes nothing that could be compared"),
};

export const p2p16: Rule = {
  id: "P2P-16",
  level: "SHOULD",
  obliged: ["exporter", "framework"],
  statement: "Each mapped segment says whether it is peer memory, and says it truly.",
  intent: "The importer has to pick its request mode by segment, and a DMA address alone does not tell.",
  sources: [thread("000", "importers need to know P2P addresses while mapping, to turn on ATS")],
  needs: ["peer2peer"],
  hints: ["Is the mark set from the provider rather than guessed from the address?"],
  status: checked,
  evidence: ["alloc"],
  monitor: on({
    "cbret map"(event, state, verdict) {
      if (handedOut(state, event) === undefined) return;
      verdict.exercised();
      const silent = event.segments.find(
        ({ storage, peer }) => isDeviceMemory(state, storage) !== (peer !== undefined),
      );
      if (silent === undefined) return;
      const what = silent.peer === undefined ? "memory of a peer without saying so" : "ordinary memory as a peer's";
      verdict.violated(`${event.to} gives ${event.attachment} ${what}, at ${hex(silent.address)}`);
    },
  }),
  situation: peers,
};

export const p2p17: Rule = {
  id: "P2P-17",
  level: "MUST",
  obliged: ["importer"],
  statement: "The importer decides by the segment's own mark, without taking all dma-bufs, or none, for peer memory.",
  intent: "A fixed guess wastes bandwidth on RAM or breaks real peer transfers.",
  sources: [thread("000", "mlx5 takes every dma-buf for P2P, named a hack")],
  hints: ["Is the request mode chosen by buffer type (dma-buf or user memory) instead of by segment?"],
  status: checked,
  monitor: remember(() => new Map<string, AccessEvent>(), {
    access(event, state, verdict, chosen) {
      const use = useOf(event, state);
      if (use === undefined || !mattersFor(state, use.device)) return;
      const own = `${event.importer} ${use.device} ${use.peer ? "peer" : "RAM"}`;
      const other = chosen.get(`${event.importer} ${use.device} ${use.peer ? "RAM" : "peer"}`);
      chosen.set(own, event);
      if (other === undefined) return;
      verdict.exercised();
      if (other.request === event.request)
        verdict.violated(`${event.importer} sends ${event.request ?? "?"} requests to RAM and to peers alike`, other);
    },
  }),
  situation: requests,
};

export const p2p38: Rule = {
  id: "P2P-38",
  level: "MUST",
  obliged: ["framework", "importer"],
  statement:
    "A page lookup returns peer pages only to a caller that opted in (else EREMOTEIO) and never for a long-term pin (EINVAL).",
  intent: "Unprepared callers would touch them by CPU, and a long pin would block the unbind of the provider.",
  sources: [
    doc("Documentation/driver-api/pci/p2pdma.rst", "opt-in of page lookups", "7.2"),
    kernel("mm/gup.c", "peer page tests of the lookup", "6.12, 7.2"),
  ],
  needs: ["peer2peer"],
  hints: ["Is the opt-in flag passed only from paths that really handle peer memory?"],
  status: checked,
  monitor: on({
    peer(event, _state, verdict) {
      if (event.op !== "pageLookup" || event.provider === "RAM" || (event.optIn && !event.longTerm)) return;
      verdict.exercised();
      const right = event.optIn ? EINVAL : EREMOTEIO;
      if (event.errno !== right)
        verdict.violated(
          `a ${event.longTerm ? "long-term " : ""}lookup of a page of ${event.provider} ${event.optIn ? "with" : "without"} opt-in answers ${errnoName(event.errno)} instead of ${errnoName(right)}`,
        );
    },
  }),
  situation: { weights: { pageLookup: 12 }, platform: [] },
};

export const rules: readonly Rule[] = [p2p12, p2p13, p2p14, p2p15, p2p16, p2p17, p2p38];
