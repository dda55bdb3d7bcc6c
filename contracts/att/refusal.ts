import { isMixed, meetingOf } from "../shared/platform.ts";
import { EINVAL, ENOSYS, EOPNOTSUPP, errnoName } from "../../spec/errno.ts";
import type { CbRetEvent, RetEvent } from "../../spec/event.ts";
import { pageSize } from "../../spec/roles/handles.ts";
import { accessFrame } from "../../spec/state/observe/rows.ts";
import { frameOf, type State } from "../../spec/state/state.ts";
import { on, remember, type Verdict } from "../monitor.ts";
import { negotiating } from "../neg/situations.ts";
import type { Rule } from "../rule.ts";
import { checked } from "../rule-text.ts";
import { attachmentsOf, pinsOn, placementOf } from "../shared/lookup.ts";
import { commit, derived, doc, kernel, proposal, thread } from "../source.ts";
import { RefusedKinds } from "./refused-kind.ts";

const vfio = "drivers/vfio/pci/vfio_pci_dmabuf.c";

/** Whether access is gone for certain: neither given back nor about to be. */
function isRevoked(state: State, buffer: string): boolean {
  const access = state.buffers.get(buffer)?.access;
  return access === "revoked" || access === "revokedForever";
}

/** ATT-26. */
function tries(
  event: RetEvent<"map"> | RetEvent<"mapUnlocked"> | RetEvent<"mapPhysical">,
  state: State,
  verdict: Verdict,
  refused: RefusedKinds,
): void {
  if (event.errno === 0) refused.touchedThrough(event, event.by, event.attachment, state, verdict);
}

/** ATT-26: the same for the kernel's own mapping. */
function triesForKernel(
  event: RetEvent<"vmap"> | RetEvent<"vmapUnlocked">,
  state: State,
  verdict: Verdict,
  refused: RefusedKinds,
): void {
  if (event.errno === 0) refused.touched(event, event.by, event.buffer, state, verdict);
}

export const att05: Rule = {
  id: "ATT-05",
  level: "SHOULD",
  obliged: ["exporter"],
  statement:
    "Attach fails when the device can neither reach the storage nor any place it could move to, or cannot be served within its DMA constraints (EBUSY if already allocated elsewhere and fixed, else EOPNOTSUPP or EINVAL).",
  intent: "User space can choose another buffer at attach; at the first job it is too late.",
  sources: [
    doc("include/linux/dma-buf.h", "struct dma_buf_ops, attach"),
    thread("001", "an exporter has to judge the importer's device"),
  ],
  needs: ["attachHook"],
  hints: [
    "Does the attach hook look at mask, segment limits and place of the importer's device?",
    "Is EBUSY used only where the storage already exists and cannot move?",
  ],
  monitor: on({
    "cbret attach": ({ task, to, buffer, attachment, peer2peer, errno, injected }, state, verdict) => {
      const row = state.buffers.get(buffer);
      const attach = frameOf(state.tasks.get(task), "attach");
      if (row === undefined || attach === undefined || injected) return;
      const stuck = !peer2peer && pinsOn(state, buffer) > 0 && placementOf(state, row) === "device";
      const narrow = attach.maxSegment < pageSize;
      if (!stuck && !narrow) return;
      verdict.exercised();
      if (errno !== 0) return;
      const why = stuck ? `${buffer} is pinned in device memory` : `it takes ${attach.maxSegment} bytes in a piece`;
      verdict.violated(`${to} accepts ${attachment}, though it can never be served: ${why}`, attach);
    },
  }),
  situation: {
    weights: { export: 2, import: 20, attach: 20, move: 5, release: 0.2 },
    exporters: ["subject", "dynamic"],
    importers: ["scripted", "pinnedRevocable"],
  },
  status: checked,
};

export const att06: Rule = {
  id: "ATT-06",
  level: "SHOULD",
  obliged: ["exporter"],
  statement:
    "An exporter of storage at a fixed address rejects, best with EOPNOTSUPP, a device whose DMA mask can never contain that address.",
  intent: "Every map would fail for ever, which looks like a passing shortage to an importer that retries.",
  sources: [thread("001", "MMIO beyond the importer's DMA mask")],
  needs: ["attachHook"],
  hints: ["Is the last byte of the storage compared with the importer's mask in the attach hook?"],
  monitor: on({
    "cbret attach": ({ task, to, buffer, attachment, errno, injected }, state, verdict) => {
      const size = state.buffers.get(buffer)?.size;
      const attach = frameOf(state.tasks.get(task), "attach");
      if (size === undefined || attach === undefined || injected || size - 1 <= attach.dmaMask) return;
      verdict.exercised();
      if (errno !== 0) return;
      const reach = `${attach.device} has addresses up to ${attach.dmaMask} only`;
      verdict.violated(`${to} accepts ${attachment} for ${size} bytes, though ${reach}`, attach);
    },
  }),
  situation: { sizes: [2 ** 22], weights: { attach: 5, import: 5 } },
  status: checked,
};

export const att23: Rule = {
  id: "ATT-23",
  level: "MUST",
  obliged: ["exporter"],
  statement:
    "Attach to a revoked buffer should fail with ENODEV, and since that test is made without the lock, map repeats it and fails if the attach slipped through.",
  intent: "A revoke can fall between the test and the list insertion, and such an importer never gets its callback.",
  sources: [kernel(vfio, "vfio_pci_dma_buf_attach", "6.19+"), kernel(vfio, "vfio_pci_dma_buf_map", "6.19+")],
  from: "K6.19",
  needs: ["revoke"],
  hints: [
    "Does map read the flag under the reservation lock although attach read it before?",
    "Is another refusal in front, such as the missing peer-to-peer flag, hiding this one?",
  ],
  monitor: remember(() => ({ revokedAt: new Set<number>(), late: new Set<string>() }), {
    "cb attach": (event, state, _verdict, { revokedAt }) => {
      if (isRevoked(state, event.buffer)) revokedAt.add(event.seq);
    },
    "cbret attach": ({ to, cb, buffer, attachment, errno, injected }, state, verdict, { revokedAt }) => {
      if (injected || !revokedAt.has(cb) || !isRevoked(state, buffer)) return;
      verdict.exercised();
      if (errno !== 0) return;
      const since = verdict.since("buffers", buffer, "access");
      verdict.violated(`${to} accepts ${attachment} although ${buffer} is revoked`, since);
    },
    list: ({ attachment, listed }, state, _verdict, { late }) => {
      if (listed && isRevoked(state, state.attachments.get(attachment)?.buffer ?? "")) late.add(attachment);
    },
    "cb map": (event, state, _verdict, { revokedAt }) => {
      if (isRevoked(state, state.attachments.get(event.attachment)?.buffer ?? "")) revokedAt.add(event.seq);
    },
    "cbret map": ({ to, cb, attachment, errno, injected }, state, verdict, { revokedAt, late }) => {
      const buffer = state.attachments.get(attachment)?.buffer ?? "";
      if (injected || !late.has(attachment) || !revokedAt.has(cb) || !isRevoked(state, buffer)) return;
      verdict.exercised();
      if (errno !== 0) return;
      const since = verdict.since("buffers", buffer, "access");
      verdict.violated(`${attachment} slipped in beside the revoke of ${buffer}, and ${to} maps for it`, since);
    },
  }),
  situation: { weights: { revoke: 8, attach: 8, unrevoke: 0.3 }, exporters: ["subject"], importers: ["scripted"] },
  status: checked,
};

export const att24: Rule = {
  id: "ATT-24",
  level: "MUST",
  obliged: ["exporter"],
  statement:
    "An exporter that has to finish a revoke in bounded time answers EOPNOTSUPP to the attach of an importer without the invalidation callback.",
  intent: "Such an importer is never asked to let go, so a device reset could wait for its unmap for ever.",
  sources: [
    kernel(vfio, "vfio_pci_dma_buf_attach", "7.1+"),
    doc("drivers/dma-buf/dma-buf.c", "dma_buf_attach_revocable", "7.1+"),
    derived("bounded revoke: the kernel-doc only says that the query can be used for this"),
    commit("VFIO refuses importers that cannot be revoked", "20260131-dmabuf-revoke-v7-7-463d956bd527@nvidia.com"),
  ],
  from: "K7.1",
  needs: ["revoke"],
  hints: [
    "Does the attach hook ask dma_buf_attach_revocable()?",
    "Are static importers refused as well, not only ops without callback?",
  ],
  monitor: on({
    "call invalidate": ({ task, buffer, by }, state, verdict) => {
      const row = state.buffers.get(buffer);
      const revoke = row === undefined ? undefined : accessFrame(state.tasks.get(task), row, buffer);
      if (revoke === undefined || revoke.op === "unrevoke") return;
      for (const [name, { listed, ops }] of attachmentsOf(state, buffer)) {
        verdict.exercised();
        if (!listed || ops === "callback") continue;
        const since = verdict.since("attachments", name, "ops");
        verdict.violated(
          `${by} accepted ${name}, which has no callback, and now has to revoke ${buffer}`,
          since,
          revoke,
        );
      }
    },
  }),
  situation: { weights: { attach: 6, revoke: 6, reset: 3 }, exporters: ["subject"], importers: ["scripted", "static"] },
  status: checked,
};

export const att25: Rule = {
  id: "ATT-25",
  level: "MUST",
  obliged: ["exporter"],
  statement:
    "A device in shared state cannot attach to BAR memory of a device in private state; the attach fails, best with EOPNOTSUPP, and no access is tried.",
  intent: "The platform answers such an access with a fault that can take down the machine, not just the job.",
  sources: [thread("001", "shared importer and locked exporter under confidential computing")],
  needs: ["peer2peer"],
  onlyIf: "give peers memory of its device",
  hints: [
    "Are the confidential states of both devices compared in the attach hook?",
    "Is the shared bit set or cleared in an address to make the access seem to work?",
  ],
  status: checked,
  evidence: ["alloc"],
  monitor: on({
    "cbret attach"(event, state, verdict) {
      const meeting = event.injected ? undefined : meetingOf(state, event.attachment);
      if (meeting?.inDevice !== true || !meeting.attachment.allowPeer2peer || !isMixed(meeting)) return;
      verdict.exercised();
      if (event.errno === 0 && event.peer2peer)
        verdict.violated(
          `${event.to} lets ${meeting.client}, which is shared, attach to memory of ${meeting.provider}, which is private`,
          verdict.since("buffers", event.buffer, "storage"),
        );
    },
  }),
  situation: {
    weights: { attach: 6, import: 6, move: 4 },
    platform: ["cc"],
    exporters: ["subject", "dynamic", "static"],
    importers: ["scripted", "subject"],
  },
};

export const att26: Rule = {
  id: "ATT-26",
  level: "MUST",
  obliged: ["importer", "framework"],
  statement:
    "An importer that cannot handle a kind of memory ends with EOPNOTSUPP, or EINVAL when nothing matches, at attach or negotiation, before anything touches the memory.",
  intent: "Reading secure memory by the wrong way is a machine check, so trying is not an option.",
  sources: [
    thread("000", "memory of a special provider fails cleanly"),
    proposal("mapping-type negotiation, match step (2026)"),
  ],
  needs: ["negotiation"],
  hints: [
    "Does the importer list the kinds it accepts instead of the ones it rejects?",
    "Is there a fallback that maps the memory as ordinary pages?",
  ],
  status: checked,
  situation: { weights: { ...negotiating, bindSlot: 20, guestAccess: 5 }, importers: ["guest", "scripted"] },
  monitor: remember(() => new RefusedKinds(), {
    "ret negotiate"(event, state, verdict, refused) {
      const isRefused = !event.accept.some((model) => event.offered.includes(model));
      refused.negotiated(event, state, isRefused);
      if (!isRefused) return;
      verdict.exercised();
      if (event.errno !== EOPNOTSUPP && event.errno !== EINVAL)
        verdict.violated(
          `${event.importer} accepts nothing of what ${event.buffer} offers, and the answer is ${errnoName(event.errno)}`,
        );
    },
    "ret map": tries,
    "ret mapUnlocked": tries,
    "ret mapPhysical": tries,
    "ret vmap": triesForKernel,
    "ret vmapUnlocked": triesForKernel,
    access: (event, state, verdict, refused) =>
      refused.touchedThrough(event, event.importer, event.attachment, state, verdict),
  }),
};

export const att29: Rule = {
  id: "ATT-29",
  level: "MUST",
  obliged: ["exporter"],
  statement:
    "An exporter that cannot build a mapping says so with an error (ENOSYS) at attach, or at the latest at map.",
  intent: "An importer given an empty or garbage table programs its device with random addresses.",
  sources: [
    kernel("drivers/gpu/drm/drm_prime.c", "drm_gem_map_attach", "6.12, 7.2"),
    kernel("drivers/gpu/drm/drm_prime.c", "drm_gem_map_dma_buf", "7.2"),
    commit("drm prime: ask for the table helper only where the default map hook is used", "207395da5a97"),
  ],
  hints: [
    "Does the default map hook check that the object can give a table?",
    "Is the refusal limited to exporters that use the default hook?",
  ],
  monitor: remember(() => new Map<string, CbRetEvent<"map">>(), {
    "cbret map": (event, state, verdict, proofs) => {
      const buffer = state.attachments.get(event.attachment)?.buffer ?? "";
      if (event.errno !== 0 || event.injected) return;
      verdict.exercised();
      const bytes = event.segments.reduce((sum, { length }) => sum + length, 0);
      if (bytes === 0) verdict.violated(`${event.to} maps nothing for ${event.attachment} and does not say so`);
      else proofs.set(buffer, event);
    },
    "cbret attach": ({ to, buffer, attachment, errno, injected }, _state, verdict, proofs) => {
      const proof = proofs.get(buffer);
      if (injected || proof === undefined) return;
      verdict.exercised();
      if (errno === ENOSYS)
        verdict.violated(`${to} refuses ${attachment} with ENOSYS, although it can map ${buffer}`, proof);
    },
  }),
  status: checked,
};

export const rules: readonly Rule[] = [att05, att06, att23, att24, att25, att26, att29];
