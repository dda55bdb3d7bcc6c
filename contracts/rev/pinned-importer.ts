import type { CbEvent, DeviceEvent } from "../../spec/event.ts";
import type { AttachmentState, State } from "../../spec/state/state.ts";
import { remember } from "../monitor.ts";
import { checked } from "../rule-text.ts";
import type { Rule } from "../rule.ts";
import { commit, derived, doc, kernel } from "../source.ts";
import { missingSteps, PinnedAttachments } from "./pinned-attachments.ts";

/** Whether the importer is still busy creating what the attachment belongs to. */
function isCreating(state: State, attachment: AttachmentState | undefined): boolean {
  return state.imports.get(attachment?.import ?? "")?.phase === "importing";
}

/** The innermost callback of an attachment that the task is in. */
function callbackOf(state: State, task: string, attachment: string): CbEvent | undefined {
  return state.tasks
    .get(task)
    ?.frames.findLast(
      (frame): frame is CbEvent<"invalidate"> =>
        frame.kind === "cb" && frame.hook === "invalidate" && frame.attachment === attachment,
    );
}

export const rev25: Rule = {
  id: "REV-25",
  level: "MAY",
  obliged: ["importer"],
  statement:
    "A pinned importer may take the first invalidate as final, and then it never maps again through that attachment and ignores every later notification.",
  intent: "Such importers have no restart path, and one that changes its mind half way uses addresses nobody guards.",
  sources: [
    doc("drivers/dma-buf/dma-buf.c", "dma_buf_invalidate_mappings", "7.2"),
    kernel("drivers/infiniband/core/umem_dmabuf.c", "ib_umem_dmabuf_revoke_locked", "6.12, 7.2"),
    kernel("drivers/iommu/iommufd/pages.c", "iopt_revoke_notify", "7.2"),
  ],
  needs: ["pin", "importerCallback", "importerStop"],
  temporal: ["T-10"],
  hints: [
    "Is the revoked mark of the attachment tested on every path that maps?",
    "Can anything clear the mark before detach?",
  ],
  status: checked,
  monitor: remember(() => new PinnedAttachments(), {
    "cb invalidate"(event, state, verdict, pinned) {
      if (pinned.ended.has(event.attachment)) verdict.exercised();
      else if ((state.attachments.get(event.attachment)?.pins ?? 0) > 0) pinned.held.add(event.attachment);
    },
    "cbret invalidate"(event, state, _verdict, pinned) {
      const attachment = state.attachments.get(event.attachment);
      const held = pinned.held.delete(event.attachment);
      if (held && attachment?.pins === 0 && attachment.maps.length === 0) pinned.ended.set(event.attachment, event);
    },
    "call map"(event, _state, verdict, { ended }) {
      const end = ended.get(event.attachment ?? "");
      if (end === undefined) return;
      verdict.exercised();
      verdict.violated(`${event.by} maps again through ${event.attachment ?? ""}, which it gave up for good`, end);
    },
    "call pin"(event, _state, verdict, { ended }) {
      const end = ended.get(event.attachment);
      if (end === undefined) return;
      verdict.exercised();
      verdict.violated(`${event.by} pins again through ${event.attachment}, which it gave up for good`, end);
    },
    "ret submit"(event, state, verdict, { ended }) {
      const used = event.uses.some((use) => ended.has(state.imports.get(use.import)?.attachment ?? ""));
      if (used) verdict.exercised();
    },
  }),
};

export const rev26: Rule = {
  id: "REV-26",
  level: "MUST",
  obliged: ["importer"],
  statement:
    "A pinned importer that accepts revoke first stops its hardware, then unmaps, then unpins, and all of it before its invalidate callback returns and under the lock the call came with.",
  intent:
    "Pinned users have no fences for the exporter to wait for: what still runs after the callback runs on lost memory.",
  sources: [
    doc("drivers/infiniband/core/umem_dmabuf.c", "ib_umem_dmabuf_get_pinned_revocable_and_lock", "7.2"),
    kernel("drivers/infiniband/core/umem_dmabuf.c", "ib_umem_dmabuf_revoke_locked", "6.12, 7.2"),
    kernel("drivers/infiniband/hw/irdma/verbs.c", "irdma_umem_dmabuf_revoke", "7.2"),
    commit("Pinned revocable import for RDMA drivers", "ff85a2ebacbd"),
  ],
  needs: ["pin", "importerCallback", "importerStop"],
  temporal: ["T-10"],
  hints: [
    "Does the stop of the hardware wait for its completion before the unmap?",
    "Is any of the three steps handed to a worker?",
    "What happens if the hardware refuses to stop: is a device reset asked for?",
  ],
  status: checked,
  monitor: remember(() => new PinnedAttachments(), {
    "ret pin"(event, state, _verdict, pinned) {
      pinned.pinReturned(state, event);
    },
    "cb invalidate"(event, state, _verdict, pinned) {
      const attachment = state.attachments.get(event.attachment);
      if (!pinned.atCreation.has(event.attachment) || attachment === undefined || attachment.pins === 0) return;
      if (!isCreating(state, attachment)) pinned.held.add(event.attachment);
    },
    "call unmap"(event, state, verdict, { held }) {
      const name = event.attachment ?? "";
      const callback = held.has(name) ? callbackOf(state, event.task, name) : undefined;
      if (callback === undefined || state.attachments.get(name)?.stopped === true) return;
      verdict.exercised();
      verdict.violated(`${event.by} unmaps ${event.mapping ?? ""} while its device can still use it`, callback);
    },
    "call unpin"(event, state, verdict, { held }) {
      const [mapping] = state.attachments.get(event.attachment)?.maps ?? [];
      const callback = held.has(event.attachment) ? callbackOf(state, event.task, event.attachment) : undefined;
      if (callback === undefined || mapping === undefined) return;
      verdict.exercised();
      verdict.violated(`${event.by} unpins ${event.attachment} before it unmaps ${mapping}`, callback);
    },
    "cbret invalidate"(event, state, verdict, { held }) {
      const attachment = state.attachments.get(event.attachment);
      if (!held.delete(event.attachment) || attachment === undefined) return;
      verdict.exercised();
      const missing = missingSteps(attachment);
      if (missing !== undefined)
        verdict.violated(`the callback of ${event.attachment}, which was pinned, returned ${missing}`);
    },
  }),
};

export const rev27: Rule = {
  id: "REV-27",
  level: "MUST",
  obliged: ["importer"],
  statement:
    "The driver's revoke hook runs at most once an attachment, whether the exporter's invalidate, the release of the user object or the importer itself comes first, and the reservation lock decides which.",
  intent: "Stopping or freeing the same hardware object twice corrupts it.",
  sources: [
    doc("drivers/infiniband/core/umem_dmabuf.c", "ib_umem_dmabuf_get_pinned_revocable_and_lock", "7.2"),
    kernel(
      "drivers/infiniband/core/umem_dmabuf.c",
      "ib_umem_dmabuf_revoke_locked, ib_umem_dmabuf_release",
      "6.12, 7.2",
    ),
  ],
  needs: ["pin", "importerCallback", "importerStop"],
  temporal: ["T-10"],
  hints: [
    "Is the mark tested and set under the reservation lock on all three paths?",
    "Does release call the hook again after an invalidate has already run it?",
  ],
  status: checked,
  monitor: remember(() => new Map<string, DeviceEvent>(), {
    device(event, state, verdict, stops) {
      if (event.change !== "stop" || event.attachment === null) return;
      const before = stops.get(event.attachment);
      stops.set(event.attachment, event);
      if (before === undefined) return;
      verdict.exercised();
      verdict.violated(`the hardware behind ${event.attachment} is stopped a second time`, before);
    },
    "cb invalidate"(event, _state, verdict, stops) {
      if (stops.has(event.attachment)) verdict.exercised();
    },
    "call release"(event, state, verdict, stops) {
      if (stops.has(state.imports.get(event.import)?.attachment ?? "")) verdict.exercised();
    },
    "call stop"(event, state, verdict, stops) {
      if (stops.has(state.imports.get(event.import)?.attachment ?? "")) verdict.exercised();
    },
  }),
};

export const rev28: Rule = {
  id: "REV-28",
  level: "MUST",
  obliged: ["importer"],
  statement:
    "The driver's revoke hook is set before the lock held since creation is released, and after everything the hook uses is ready.",
  intent:
    "An invalidate in the gap finds no hook and leaves the hardware running, or a hook that walks half built objects.",
  sources: [
    doc("drivers/infiniband/core/umem_dmabuf.c", "ib_umem_dmabuf_get_pinned_revocable_and_lock", "7.2"),
    kernel("drivers/infiniband/hw/irdma/verbs.c", "irdma_reg_user_mr_dmabuf", "7.2"),
  ],
  needs: ["pin", "importerCallback", "importerStop"],
  temporal: ["T-10", "T-11"],
  hints: [
    "Is the lock dropped between creation and setting the hook?",
    "Is the hardware object programmed only after the hook is set?",
  ],
  status: checked,
  situation: {
    weights: { import: 10, release: 4, revoke: 8, unrevoke: 8 },
    importers: ["pinnedRevocable"],
    tasks: 2,
    exporters: ["subject"],
  },
  monitor: remember(() => new PinnedAttachments(), {
    "ret pin"(event, state, _verdict, pinned) {
      pinned.pinReturned(state, event);
    },
    "ret map"(event, _state, _verdict, pinned) {
      if (event.errno === 0 && event.attachment !== null) pinned.mapped.add(event.attachment);
    },
    device(event, state, verdict, { mapped }) {
      const name = event.attachment ?? "";
      const callback = event.change === "stop" ? callbackOf(state, event.task, name) : undefined;
      if (callback === undefined || mapped.has(name)) return;
      verdict.violated(`the callback of ${name} stops hardware that creation has not set up yet`, callback);
    },
    "cb invalidate"(event, state, verdict, pinned) {
      const attachment = state.attachments.get(event.attachment);
      if (!isCreating(state, attachment)) return;
      verdict.exercised();
      // Without a mapping creation has failed before it got to the hardware, and only undoes what it took.
      if (!pinned.atCreation.has(event.attachment) || attachment?.pins === 0 || attachment?.maps.length === 0) return;
      pinned.held.add(event.attachment);
    },
    "cbret invalidate"(event, state, verdict, { held }) {
      const attachment = state.attachments.get(event.attachment);
      const missing = held.delete(event.attachment) && attachment !== undefined ? missingSteps(attachment) : undefined;
      if (missing !== undefined)
        verdict.violated(
          `creation let go of the lock before the hook of ${event.attachment} was set: the callback returned ${missing}`,
        );
    },
  }),
};

export const rev53: Rule = {
  id: "REV-53",
  level: "MUST",
  obliged: ["importer"],
  statement:
    "An invalidate that comes after attach but before the first pin or map leaves a pinned importer either started normally or failed with no pin, no mapping and no attachment.",
  intent:
    "The creation path and the revoked mark disagree about who has to undo the pin, and the memory stays pinned for ever.",
  sources: [
    derived("balanced pins (PIN-04) and a complete importer at attach (ATT-12)"),
    kernel("drivers/infiniband/core/umem_dmabuf.c", "ib_umem_dmabuf_get_pinned_revocable_and_lock", "6.12, 7.2"),
    kernel("drivers/iommu/iommufd/pages.c", "iopt_revoke_notify", "7.2"),
  ],
  needs: ["pin", "importerCallback", "importerStop"],
  hints: [
    "Does release return early because the mark is set although a pin was taken afterwards?",
    "Is the mark looked at under the lock before pin is called?",
    "Does the callback use a stored attachment pointer that is not yet assigned?",
  ],
  status: checked,
  situation: {
    weights: { import: 25, release: 10, lock: 6, invalidate: 25 },
    importers: ["pinnedRevocable"],
    tasks: 2,
    exporters: ["subject"],
  },
  monitor: remember(() => new PinnedAttachments(), {
    "cb invalidate"(event, state, _verdict, pinned) {
      const attachment = state.attachments.get(event.attachment);
      if (!isCreating(state, attachment) || attachment === undefined || pinned.mapped.has(event.attachment)) return;
      if (attachment.pins === 0) pinned.held.add(event.attachment);
    },
    "ret map"(event, _state, _verdict, pinned) {
      if (event.errno === 0 && event.attachment !== null) pinned.mapped.add(event.attachment);
    },
    "ret import"(event, state, verdict, { held }) {
      for (const name of held) {
        const attachment = state.attachments.get(name);
        if (attachment?.import !== event.import) continue;
        held.delete(name);
        verdict.exercised();
        const { pins, phase } = attachment;
        const maps = attachment.maps.length;
        const since = verdict.since("attachments", name, "invalidations");
        if (event.errno !== 0 && (pins !== 0 || maps !== 0 || (phase !== "detached" && phase !== "failed")))
          verdict.violated(
            `import failed after an early message and left ${pins} pins, ${maps} mappings, ${name} ${phase}`,
            since,
          );
        if (event.errno === 0 && pins > 0 && maps === 0)
          verdict.violated(`import after an early message left ${name} pinned and without a mapping`, since);
      }
    },
  }),
};

export const rules: readonly Rule[] = [rev25, rev26, rev27, rev28, rev53];
