import { ENODEV, EOPNOTSUPP, errnoName } from "../../spec/errno.ts";
import type { BufferState, State } from "../../spec/state/state.ts";
import { on, remember } from "../monitor.ts";
import type { Rule } from "../rule.ts";
import { checked } from "../rule-text.ts";
import { placementOf } from "../shared/lookup.ts";
import { doc, kernel, thread } from "../source.ts";
import { hookOf } from "./hook-of.ts";

const amdgpu = "drivers/gpu/drm/amd/amdgpu/amdgpu_dma_buf.c";
const xe = "drivers/gpu/drm/xe/xe_dma_buf.c";

function onOff(flag: boolean): string {
  return flag ? "on" : "off";
}

/** Whether only a peer can ever reach the storage: device memory of an exporter that has no pin and so never moves. */
function isFixedInDevice(state: State, buffer: BufferState): boolean {
  return !buffer.dynamic && placementOf(state, buffer) === "device";
}

export const att07: Rule = {
  id: "ATT-07",
  level: "MUST",
  obliged: ["framework"],
  statement:
    "When the attach hook runs, the attachment's peer-to-peer flag already has the importer's value, which is false for an importer without ops.",
  intent: "The exporter decides about placement in that hook, from a flag that must not be a leftover.",
  sources: [kernel("drivers/dma-buf/dma-buf.c", "dma_buf_dynamic_attach", "6.12, 7.2")],
  hints: ["Is the flag copied from the ops before the exporter's hook is called?"],
  monitor: on({
    "cb attach": ({ attachment, peer2peer }, state, verdict) => {
      const row = state.attachments.get(attachment);
      if (row === undefined) return;
      verdict.exercised();
      if (peer2peer === row.allowPeer2peer) return;
      const since = verdict.since("attachments", attachment, "allowPeer2peer");
      verdict.violated(`${attachment} enters the attach hook with peer-to-peer ${onOff(peer2peer)}`, since);
    },
  }),
  status: checked,
};

export const att08: Rule = {
  id: "ATT-08",
  level: "MUST",
  obliged: ["exporter"],
  statement:
    "The attach hook may take peer-to-peer away from an attachment but never turns it on where the importer left it off.",
  intent: "The importer would be given bus addresses that its device or its code cannot use.",
  sources: [
    kernel(amdgpu, "amdgpu_dma_buf_attach", "6.12, 7.2"),
    kernel(xe, "xe_dma_buf_attach", "6.12, 7.2"),
    doc("include/linux/dma-buf.h", "struct dma_buf_attachment, peer2peer"),
  ],
  needs: ["peer2peer", "attachHook"],
  hints: ["Is the result of the distance query assigned to the flag instead of only clearing it?"],
  monitor: on({
    "cbret attach": ({ to, attachment, peer2peer }, state, verdict) => {
      const row = state.attachments.get(attachment);
      if (row === undefined || row.allowPeer2peer) return;
      verdict.exercised();
      if (!peer2peer) return;
      const since = verdict.since("attachments", attachment, "allowPeer2peer");
      verdict.violated(`${to} turns peer-to-peer on for ${attachment}, whose importer left it off`, since);
    },
  }),
  status: checked,
};

export const att09: Rule = {
  id: "ATT-09",
  level: "MUST",
  obliged: ["exporter"],
  statement:
    "Where peer access is the only way to the storage, an attachment without the peer-to-peer flag gets EOPNOTSUPP.",
  intent: "There is no other place to move to, so this importer could only be given addresses it must not use.",
  sources: [
    kernel("drivers/vfio/pci/vfio_pci_dmabuf.c", "vfio_pci_dma_buf_attach", "6.19+"),
    kernel(xe, "xe_dma_buf_attach", "6.12, 7.2"),
  ],
  needs: ["peer2peer", "attachHook"],
  hints: [
    "Is the flag tested after the topology check that may have cleared it?",
    "Is a static importer refused here as well?",
  ],
  monitor: on({
    "cbret attach": ({ to, buffer, attachment, peer2peer, errno, injected }, state, verdict) => {
      const row = state.buffers.get(buffer);
      if (row === undefined || peer2peer || injected || !isFixedInDevice(state, row)) return;
      verdict.exercised();
      // That it is revoked may be found first.
      if (errno === EOPNOTSUPP || errno === ENODEV) return;
      const since = verdict.since("buffers", buffer, "storage");
      const answer = `answers ${errnoName(errno)} to ${attachment}, which has no peer-to-peer flag`;
      verdict.violated(`the storage of ${buffer} stays in its device, and ${to} ${answer}`, since);
    },
  }),
  situation: { weights: { attach: 4 }, exporters: ["static"], importers: ["scripted"] },
  status: checked,
};

export const att10: Rule = {
  id: "ATT-10",
  level: "MUST",
  obliged: ["exporter"],
  statement:
    "After clearing the peer-to-peer flag of an attachment the exporter maps for it only storage that is no peer memory, or fails with EBUSY or EOPNOTSUPP.",
  intent:
    "The flag was cleared because there is no path; addresses of the other device end in lost or misrouted writes.",
  sources: [kernel(amdgpu, "amdgpu_dma_buf_map", "6.12, 7.2"), kernel(xe, "xe_dma_buf_map", "6.12, 7.2")],
  needs: ["peer2peer", "attachHook"],
  hints: [
    "Does map look at the attachment's flag when the buffer is already pinned in device memory (PIN-19)?",
    "Is the migration to system memory finished before its addresses are returned?",
  ],
  monitor: on({
    "cbret map": ({ to, attachment, errno, injected, segments }, state, verdict) => {
      if (injected || state.attachments.get(attachment)?.peer2peer !== false) return;
      verdict.exercised();
      const peer = segments.find(({ storage }) => state.resources.get(storage ?? "")?.placement === "device");
      if (errno !== 0 || peer === undefined) return;
      const since = verdict.since("attachments", attachment, "peer2peer");
      verdict.violated(`${to} maps device memory ${peer.storage} for ${attachment}, which is no peer`, since);
    },
  }),
  situation: { weights: { attach: 3, map: 3, mapUnlocked: 3, move: 3 }, importers: ["scripted"] },
  status: checked,
};

export const att22: Rule = {
  id: "ATT-22",
  level: "MUST",
  obliged: ["exporter", "importer"],
  statement: "A mapping is made for the device named in its attachment, and no other device uses its addresses.",
  intent: "Behind an IOMMU each device has its own addresses, and those of another one name foreign memory or nothing.",
  sources: [
    doc("include/linux/dma-buf.h", "struct dma_buf_ops, map_dma_buf"),
    thread("001", "the exporter maps for the importer's device"),
  ],
  hints: [
    "Does the map hook pass the attachment's device, not the exporter's, to the DMA API?",
    "Does an importer with several devices attach once for each?",
  ],
  monitor: on({
    "cbret map": ({ to, attachment, segments }, state, verdict) => {
      const device = state.attachments.get(attachment)?.device;
      if (device === undefined || segments.length === 0) return;
      verdict.exercised();
      const bad = segments.find(({ storage }) => storage === null);
      if (bad === undefined) return;
      const since = verdict.since("attachments", attachment, "device");
      verdict.violated(`${to} maps for ${attachment} address ${bad.address}, which means nothing to ${device}`, since);
    },
    access: ({ importer, attachment, mapping }, state, verdict) => {
      const made = state.attachments.get(state.mappings.get(mapping ?? "")?.attachment ?? "");
      const used = state.attachments.get(attachment);
      if (mapping === null || made === undefined || used === undefined) return;
      verdict.exercised();
      if (made.device === used.device) return;
      const since = verdict.since("mappings", mapping, "attachment");
      verdict.violated(`${importer} uses ${mapping}, made for ${made.device}, on ${used.device}`, since);
    },
  }),
  status: checked,
};

export const att31: Rule = {
  id: "ATT-31",
  level: "MUST",
  obliged: ["exporter"],
  statement:
    "An exporter that powers its device for an attachment keeps it on from attach to detach, and clears peer-to-peer or fails where it cannot.",
  intent: "An access to memory of a sleeping device returns all ones or hangs the bus.",
  sources: [
    kernel(xe, "xe_dma_buf_attach, xe_dma_buf_detach", "6.12, 7.2"),
    kernel(amdgpu, "amdgpu_dma_buf_attach, amdgpu_dma_buf_detach", "6.12, 7.2"),
  ],
  needs: ["attachHook"],
  hints: [
    "Is the result of the power-up checked in the attach hook?",
    "Is the power reference held for mapped attachments only, or really until detach?",
  ],
  monitor: remember(() => new Map<string, string>(), {
    alloc: ({ task, id, what, errno, by }, state, _verdict, poweredFor) => {
      const hook = hookOf(state, task, by, "attach");
      if (hook !== undefined && errno === 0 && what === "power") poweredFor.set(id, hook.attachment);
    },
    free: ({ task, id, by }, state, verdict, poweredFor) => {
      const attachment = poweredFor.get(id);
      if (attachment === undefined || state.resources.get(id)?.live !== true) return;
      verdict.exercised();
      if (hookOf(state, task, by, "detach")?.attachment === attachment) return;
      // An attach that fails gives back what it took.
      if (state.attachments.get(attachment)?.hooked !== true) return;
      const since = verdict.since("attachments", attachment, "hooked");
      verdict.violated(`${by} lets its device sleep (${id}) while ${attachment} is attached`, since);
    },
  }),
  status: checked,
};

export const rules: readonly Rule[] = [att07, att08, att09, att10, att22, att31];
