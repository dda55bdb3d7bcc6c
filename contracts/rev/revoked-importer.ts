import { EINVAL } from "../../spec/errno.ts";
import type { CallEvent, RetEvent } from "../../spec/event.ts";
import { frameOf, type State } from "../../spec/state/state.ts";
import { remember } from "../monitor.ts";
import { checked, untested } from "../rule-text.ts";
import type { Rule } from "../rule.ts";
import { doc, kernel } from "../source.ts";
import { missingSteps } from "./pinned-attachments.ts";

/** An importer ending its own use: the hold of the lock in which it unmapped. */
interface Stop {
  readonly attachment: string;
  hold: number | null;
}

/** What REV-55 remembers. */
class OwnEnds {
  readonly under = new Map<number, Stop>();
  /** Attachments whose importer has ended its use. */
  readonly over = new Map<string, RetEvent<"stop">>();

  /** The end under way in a task, of this attachment. */
  of(state: State, task: string, attachment: string | null): Stop | undefined {
    const call = frameOf(state.tasks.get(task), "stop");
    const stop = call === undefined ? undefined : this.under.get(call.seq);
    return stop?.attachment === attachment ? stop : undefined;
  }
}

/** What REV-54 remembers. */
class References {
  /** What each import's importer took, less what it gave back. */
  readonly taken = new Map<string, number>();
  /** Releases of imports whose use had ended before. */
  readonly late = new Map<number, CallEvent<"release">>();

  change(state: State, task: string, by: 1 | -1): void {
    const row = state.tasks.get(task);
    const name = frameOf(row, "import")?.import ?? frameOf(row, "release")?.import;
    if (name !== undefined) this.taken.set(name, (this.taken.get(name) ?? 0) + by);
  }
}

function holdOf(state: State, attachment: string | null): number {
  const buffer = state.attachments.get(attachment ?? "")?.buffer ?? "";
  return state.reservations.get(state.buffers.get(buffer)?.resv ?? "")?.hold ?? 0;
}

export const rev29: Rule = {
  id: "REV-29",
  level: "MUST",
  obliged: ["importer"],
  statement:
    "A handle such as an RDMA key whose memory was revoked is not issued again until its user has deregistered it, and access through it fails; an asynchronous event should tell the user.",
  intent: "A remote peer that still uses the old key would reach memory of somebody else.",
  sources: [
    doc("drivers/infiniband/core/umem_dmabuf.c", "ib_umem_dmabuf_get_pinned_revocable_and_lock", "7.2"),
    kernel("drivers/infiniband/hw/irdma/verbs.c", "irdma_dereg_mr", "7.2"),
  ],
  needs: ["pin", "importerCallback", "importerStop"],
  temporal: ["T-10"],
  hints: [
    "Is the key returned to the allocator by the revoke, or only by the deregistration?",
    "Does the hardware reject the key at once after the revoke?",
  ],
  status: checked,
  monitor: remember(() => new Map<string, string>(), {
    alloc(event, state, _verdict, keys) {
      const name = event.what === "key" ? frameOf(state.tasks.get(event.task), "import")?.import : undefined;
      if (name !== undefined && event.errno === 0) keys.set(event.id, name);
    },
    free(event, state, verdict, keys) {
      const owner = keys.get(event.id);
      if (owner === undefined) return;
      keys.delete(event.id);
      const task = state.tasks.get(event.task);
      const inside = frameOf(task, "release")?.import ?? frameOf(task, "import")?.import;
      if (inside !== owner)
        verdict.violated(`the key of ${owner} can be issued again, and its user has not given it up`);
    },
    "cbret invalidate"(event, state, verdict, keys) {
      const attachment = state.attachments.get(event.attachment);
      if (attachment?.stopped !== true) return;
      for (const owner of keys.values()) if (owner === attachment.import) verdict.exercised();
    },
    access(event, state, verdict) {
      const attachment = state.attachments.get(event.attachment);
      if (attachment?.stopped === true && event.answer === "ok")
        verdict.violated(`the key of ${event.attachment} still works after it was revoked`);
    },
  }),
};

export const rev54: Rule = {
  id: "REV-54",
  level: "MUST",
  obliged: ["importer"],
  statement:
    "Tearing down a revoked importer leaves alone the ranges the revoke already removed, and still drops the pin, the attachment and the buffer reference exactly once.",
  intent:
    "A second unmap hits addresses that may have a new owner, and a forgotten reference keeps the exporting driver alive.",
  sources: [
    kernel("drivers/iommu/iommufd/pages.c", "iopt_area_unfill_domain, iopt_unfill_domain, iopt_release_pages", "7.2"),
    kernel("drivers/infiniband/core/umem_dmabuf.c", "ib_umem_dmabuf_revoke_locked", "6.12, 7.2"),
  ],
  needs: ["pin", "importerCallback"],
  hints: [
    "Does teardown test the revoked mark before it unmaps, and only there?",
    "Who drops the pin, the callback or release, and does the other one know?",
  ],
  status: checked,
  monitor: remember(() => new References(), {
    "ret getRef"(event, state, _verdict, references) {
      references.change(state, event.task, 1);
    },
    "ret get"(event, state, _verdict, references) {
      if (event.errno === 0) references.change(state, event.task, 1);
    },
    "call put"(event, state, _verdict, references) {
      references.change(state, event.task, -1);
    },
    "call release"(event, state, _verdict, { late }) {
      const attachment = state.attachments.get(state.imports.get(event.import)?.attachment ?? "");
      if (attachment?.stopped === true) late.set(event.seq, event);
    },
    "call unmap"(event, state, verdict, { late }) {
      const release = frameOf(state.tasks.get(event.task), "release");
      if (release === undefined || !late.has(release.seq)) return;
      verdict.exercised();
      verdict.violated(`${release.import} was revoked, and its release unmaps once more`, release);
    },
    "ret release"(event, state, verdict, { late, taken }) {
      const name = state.imports.get(event.import)?.attachment ?? "";
      const attachment = state.attachments.get(name);
      if (!late.delete(event.call) || attachment === undefined) return;
      verdict.exercised();
      const references = taken.get(event.import) ?? 0;
      if (attachment.pins !== 0 || attachment.phase !== "detached" || references !== 0)
        verdict.violated(
          `the release of ${event.import}, which was revoked, left ${attachment.pins} pins, ${references} references and ${name} ${attachment.phase}`,
          verdict.since("attachments", name, "stopped"),
        );
    },
  }),
};

export const rev55: Rule = {
  id: "REV-55",
  level: "MUST",
  obliged: ["importer"],
  statement:
    "An importer that ends its use by itself stops its hardware first, unmaps and unpins in one hold of the reservation lock, refuses later maps with -EINVAL and ignores later invalidates.",
  intent: "Without the lock its own end races with a revoke of the exporter and both undo the same mapping.",
  sources: [
    kernel("drivers/infiniband/hw/mlx5/mr.c", "mlx5_ib_revoke_data_direct_mr", "6.12, 7.2"),
    kernel("drivers/infiniband/core/umem_dmabuf.c", "ib_umem_dmabuf_revoke", "6.12, 7.2"),
  ],
  needs: ["pin", "importerCallback", "importerStop"],
  hints: [
    "Does the importer's own revoke use the same marked path as the callback?",
    "Is the lock released between unmap and unpin?",
  ],
  status: checked,
  situation: { weights: { import: 4, stop: 8, submit: 4 }, importers: ["pinnedRevocable"], exporters: ["subject"] },
  monitor: remember(() => new OwnEnds(), {
    "call stop"(event, state, _verdict, { under }) {
      const name = state.imports.get(event.import)?.attachment ?? "";
      const attachment = state.attachments.get(name);
      if (attachment !== undefined && attachment.pins > 0) under.set(event.seq, { attachment: name, hold: null });
    },
    "call unmap"(event, state, verdict, ends) {
      const stop = ends.of(state, event.task, event.attachment);
      if (stop === undefined) return;
      stop.hold = holdOf(state, event.attachment);
      if (state.attachments.get(stop.attachment)?.stopped === true) return;
      verdict.exercised();
      verdict.violated(`${event.by} unmaps ${event.mapping ?? ""} while its device can still use it`);
    },
    "call unpin"(event, state, verdict, ends) {
      const stop = ends.of(state, event.task, event.attachment);
      if (stop === undefined || stop.hold === holdOf(state, event.attachment)) return;
      verdict.exercised();
      verdict.violated(
        `${event.by} unpins ${event.attachment} in another hold of the lock than the one in which it unmaps`,
      );
    },
    "ret stop"(event, state, verdict, { under, over }) {
      const stop = under.get(event.call);
      const attachment = state.attachments.get(stop?.attachment ?? "");
      if (!under.delete(event.call) || stop === undefined || attachment === undefined || event.errno !== 0) return;
      over.set(stop.attachment, event);
      verdict.exercised();
      const missing = missingSteps(attachment);
      if (missing !== undefined) verdict.violated(`the end of ${event.import} returned ${missing}`);
    },
    "call map"(event, _state, verdict, { over }) {
      const end = over.get(event.attachment ?? "");
      if (end === undefined) return;
      verdict.exercised();
      verdict.violated(`${event.by} maps again through ${event.attachment ?? ""}, whose use it has ended`, end);
    },
    "ret submit"(event, state, verdict, { over }) {
      const end = over.get(state.imports.get(event.uses[0]?.import ?? "")?.attachment ?? "");
      if (end === undefined || event.uses.length !== 1) return;
      verdict.exercised();
      if (event.errno !== EINVAL)
        verdict.violated(`a job on an import whose use was ended is not refused with EINVAL`, end);
    },
  }),
};

export const rev56: Rule = {
  id: "REV-56",
  level: "MUST",
  obliged: ["importer"],
  statement:
    "A revoked handle comes back to life only with a new buffer or translation: re-registering it on the old mapping fails with -EINVAL, decided under the reservation lock.",
  intent: "A change of access rights alone would put the lost addresses back into the hardware.",
  sources: [kernel("drivers/infiniband/hw/irdma/verbs.c", "re-registration of a memory region", "7.2")],
  from: "K7.1",
  needs: ["pin", "importerCallback", "importerStop"],
  hints: [
    "Does re-registration test the revoked mark when only flags or the protection domain change?",
    "Is the test made under the reservation lock?",
  ],
  status: untested("no operation registers a handle again"),
};

export const rules: readonly Rule[] = [rev29, rev54, rev55, rev56];
