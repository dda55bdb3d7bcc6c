import { EOPNOTSUPP, EREMOTEIO, errnoName } from "../../spec/errno.ts";
import { deviceOf } from "../../spec/platform.ts";
import type { Profile } from "../../spec/profile.ts";
import type { State } from "../../spec/state/state.ts";
import { on, remember } from "../monitor.ts";
import {
  isMixed,
  isTopologyError,
  meetingOf,
  peerObstacle,
  placeOf,
  ramObstacle,
  type Meeting,
} from "../shared/platform.ts";
import { mattersFor, requests, useOf } from "./requests.ts";
import { peers } from "./situations.ts";
import type { Rule } from "../rule.ts";
import { checked, untested } from "../rule-text.ts";
import { derived, kernel, thread } from "../source.ts";

/** Whether nothing but the lack of ATS can be held against a peer. */
function isFree(meeting: Meeting, state: State, profile: Profile): boolean {
  const { clientFacts, buffer } = meeting;
  if (clientFacts.ats || ramObstacle(clientFacts, false) !== null) return false;
  // Where the memory will lie is not known before it does.
  const roomy = clientFacts.dmaMask === 2 ** 52 - 1 && clientFacts.busLimitBits === 0 && !clientFacts.untrusted;
  return (
    roomy && peerObstacle(meeting, profile, placeOf(state, buffer)) === null && meeting.providerFacts.bar === "memory"
  );
}

export const p2p18: Rule = {
  id: "P2P-18",
  level: "SHOULD",
  obliged: ["importer"],
  statement: "An importer with ATS sends translated requests to peer segments behind a switch when its IOMMU is on.",
  intent: "Without them the operator has to choose between peer bandwidth and isolation.",
  sources: [thread("000", "ATS keeps full P2P bandwidth with full IOMMU security")],
  needs: ["peer2peer"],
  hints: ["Which of the three inputs (peer mark, IOMMU, switch) does the choice of request type ignore?"],
  status: checked,
  monitor: on({
    access(event, state, verdict) {
      const use = useOf(event, state);
      if (use?.peer !== true || !mattersFor(state, use.device)) return;
      verdict.exercised();
      if (event.request === "untranslated")
        verdict.violated(
          `${event.importer} lets the IOMMU translate what goes to a peer of ${use.device}, past the switch above it`,
        );
    },
  }),
  situation: requests,
};

export const p2p19: Rule = {
  id: "P2P-19",
  level: "SHOULD",
  obliged: ["importer"],
  statement: "For ordinary CPU memory the importer leaves ATS off.",
  intent: "Translated requests cost throughput that RAM access need not pay.",
  sources: [thread("000", "ATS has a significant performance cost")],
  hints: ["Is ATS switched on for the whole buffer as soon as one segment is peer memory?"],
  status: checked,
  monitor: on({
    access(event, state, verdict) {
      const use = useOf(event, state);
      if (use === undefined || use.peer || !deviceOf(state.platform, use.device).ats) return;
      verdict.exercised();
      if (event.request === "translated")
        verdict.violated(`${event.importer} has ${use.device} send translated requests to ordinary memory`);
    },
  }),
  situation: requests,
};

export const p2p20: Rule = {
  id: "P2P-20",
  level: "MUST",
  obliged: ["framework", "exporter"],
  statement: "Peer mappings of type BUS or HOST succeed for importers without ATS.",
  intent: "Many production systems do peer transfers without ATS and would lose them.",
  sources: [thread("000", "ATS is situational; both sides of the argument")],
  needs: ["peer2peer"],
  onlyIf: "give peers memory of its device",
  hints: ["Does attach or map test for ATS support?"],
  status: checked,
  evidence: ["alloc"],
  monitor: remember(() => new Set<string>(), {
    peer(event, _state, _verdict, refused) {
      if (event.op === "providerInit" && event.errno !== 0) refused.add(event.by);
    },
    "cbret attach"(event, state, verdict, refused) {
      const meeting = event.injected ? undefined : meetingOf(state, event.attachment);
      // Who could not make the memory known to peers has none for them, also where somebody else made it known since.
      if (meeting === undefined || refused.has(event.to)) return;
      if (!meeting.attachment.allowPeer2peer || !isFree(meeting, state, verdict.profile)) return;
      verdict.exercised();
      if (event.errno === 0 && !event.peer2peer)
        verdict.violated(
          `${event.to} takes peer-to-peer away from ${event.attachment}; ${meeting.client} lacks nothing but ATS`,
        );
    },
    "cbret map"(event, state, verdict, refused) {
      const meeting = event.injected ? undefined : meetingOf(state, event.attachment);
      if (meeting?.inDevice !== true || !meeting.attachment.peer2peer || refused.has(event.to)) return;
      if (!isFree(meeting, state, verdict.profile)) return;
      verdict.exercised();
      if (event.errno === EOPNOTSUPP || event.errno === EREMOTEIO)
        verdict.violated(
          `${event.to} refuses ${event.attachment} with ${errnoName(event.errno)}; ${meeting.client} lacks nothing but ATS`,
        );
    },
  }),
  situation: peers,
};

export const p2p24: Rule = {
  id: "P2P-24",
  level: "SHOULD",
  obliged: ["exporter"],
  statement: "Once attach accepted a pair and left peer-to-peer on, no later map fails because of topology.",
  intent: "An importer learns too late that it should have asked for a fallback, in a path without one.",
  sources: [derived("ATT-05"), kernel("drivers/vfio/pci/vfio_pci_dmabuf.c", "vfio_pci_dma_buf_attach", "7.2")],
  needs: ["peer2peer"],
  onlyIf: "give peers memory of its device",
  hints: [
    "Does attach ask the map type or only look at the flag?",
    "Does attach ask the distance, which takes a PCI parent, where the map type wants a PCI function?",
  ],
  status: checked,
  evidence: ["alloc"],
  monitor: on({
    "cbret map"(event, state, verdict) {
      const meeting = event.injected ? undefined : meetingOf(state, event.attachment);
      if (meeting?.inDevice !== true || !meeting.attachment.peer2peer) return;
      verdict.exercised();
      if (!isTopologyError(event.errno) || meeting.type !== "unsupported") return;
      // A driver that is gone since is no topology.
      if (state.providers.get(meeting.provider)?.live === false) return;
      verdict.violated(
        `${event.to} accepted ${event.attachment} as a peer, and its map fails with ${errnoName(event.errno)}: there is no way`,
        verdict.since("attachments", event.attachment, "peer2peer"),
      );
    },
  }),
  situation: { ...peers, platform: ["tree", "acs", "function"] },
};

export const p2p30: Rule = {
  id: "P2P-30",
  level: "MUST",
  obliged: ["exporter"],
  statement:
    "While a private link between importer and exporter reaches the storage, no DMA mapping of it exists for that importer and a map request fails with EINVAL.",
  intent: "Two routes to the same bytes are ordered by nobody, and the unused one wastes bus windows.",
  sources: [kernel("drivers/gpu/drm/amd/amdgpu/amdgpu_dma_buf.c", "amdgpu_dma_buf_map", "7.2")],
  needs: ["privateInterconnect"],
  hints: ["Does the map test for the private link again after the buffer may have moved back to device memory?"],
  status: untested("there is no operation that asks for an address over a private interconnect, past map"),
};

export const p2p31: Rule = {
  id: "P2P-31",
  level: "MUST",
  obliged: ["importer"],
  statement:
    "Access over a private link follows the reservation lock, the fences and the invalidate callback exactly as DMA access does.",
  intent: "The exporter frees or moves the memory by these rules, whichever wire the importer uses.",
  sources: [
    thread("000", "lock, fence and move_notify hold however the memory is described"),
    kernel("drivers/iommu/iommufd/pages.c", "dma-buf backed areas", "7.2"),
  ],
  needs: ["privateInterconnect"],
  hints: ["Does the callback also cut the private route?", "Is link traffic covered by a fence in the object?"],
  status: untested("there is no operation that asks for an address over a private interconnect, past map"),
};

export const p2p36: Rule = {
  id: "P2P-36",
  level: "SHOULD",
  obliged: ["exporter"],
  statement:
    "If the importer's device is in shared state and the exporter's is private or locked, attach refuses, preferably with EOPNOTSUPP, and no bus address is made.",
  intent: "The first access can push the exporting device into an error state it does not leave.",
  sources: [thread("001", "shared importer of a locked device's BAR must not be allowed; bus address helper and CC")],
  needs: ["peer2peer"],
  onlyIf: "give peers memory of its device",
  hints: ["Are the confidential states of both devices compared before BUS is accepted?"],
  status: checked,
  monitor: on({
    "cbret attach"(event, state, verdict) {
      const meeting = event.injected ? undefined : meetingOf(state, event.attachment);
      if (meeting?.type !== "bus" || !meeting.attachment.allowPeer2peer || !isMixed(meeting)) return;
      // Memory that stays in RAM is no peer's.
      if (!meeting.inDevice && !meeting.buffer.dynamic) return;
      verdict.exercised();
      if (event.errno === 0 && event.peer2peer)
        verdict.violated(
          `${event.to} takes ${event.attachment} for a peer: ${meeting.client} is shared, ${meeting.provider} private`,
        );
    },
  }),
  situation: { ...peers, platform: ["cc", "direct"] },
};

export const rules: readonly Rule[] = [p2p18, p2p19, p2p20, p2p24, p2p30, p2p31, p2p36];
