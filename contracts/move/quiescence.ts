import type { CallEvent, HistoryEvent } from "../../spec/event.ts";
import type { State } from "../../spec/state/state.ts";
import { entriesOf, faulting, tablesOf } from "../fault/lookup.ts";
import { remember, type Verdict } from "../monitor.ts";
import { checked } from "../rule-text.ts";
import type { Rule } from "../rule.ts";
import { accessPhase } from "../shared/access-phase.ts";
import { isMadeBy } from "../shared/fences.ts";
import { possiblyPending } from "../shared/possible-lists.ts";
import { derived, kernel, thread } from "../source.ts";
import { callbackIn, ownCallback } from "./callback.ts";
import { onJobAccess } from "./job-access.ts";
import { FencedUsers } from "./own-users.ts";
import { pageTables, pageTablesInTasks, pageTablesWithoutMemory } from "./situations.ts";

/** Whether a fence of an importer may be pending in an object. */
function hasOwnFence(state: State, resv: string, importer: string): boolean {
  return possiblyPending(state, resv, "bookkeep").some((fence) => isMadeBy(state, fence, importer));
}

/** MOVE-33: nobody behind the importer is led to what it gives back. */
function tookOut(
  event: CallEvent<"unmap"> | CallEvent<"unmapUnlocked"> | CallEvent<"unmapPhysical">,
  state: State,
  verdict: Verdict,
): void {
  for (const table of tablesOf(state, event.attachment ?? "")) {
    verdict.exercised();
    const [left] = entriesOf(state, table);
    if (left !== undefined)
      verdict.violated(
        `${event.by} gives back what page ${left.page} of ${table} still leads its own users to`,
        verdict.since("entries", `${table}:${left.page}`, "target"),
      );
  }
}

export const move31: Rule = {
  id: "MOVE-31",
  level: "MUST",
  obliged: ["importer"],
  statement:
    "An importer that stops its device by invalidating page or translation tables has finished that, or has a fence for it in the reservation object, when the callback returns.",
  intent: "There are no job fences in fault mode, so an invalidate still under way is access nobody waits for.",
  sources: [
    kernel("drivers/gpu/drm/xe/xe_bo.c", "xe_bo_trigger_rebind, fault-mode branch", "6.12, 7.2"),
    kernel("drivers/infiniband/hw/mlx5/odp.c", "mlx5_ib_dmabuf_invalidate_cb", "6.12, 7.2"),
  ],
  needs: ["importerCallback"],
  hints: [
    "Do you wait for the answer of the device to the flush, or only send it?",
    "Can a page fault in flight install the old address after the flush?",
  ],
  situation: pageTables,
  status: checked,
  monitor: remember(() => new Map<number, Set<string>>(), {
    device(event, state, _verdict, begun) {
      if (event.job === null) return;
      if (event.change === "jobEnd") for (const jobs of begun.values()) jobs.delete(event.job);
      const callback = event.change === "jobStart" ? callbackIn(state, event.task) : undefined;
      if (callback === undefined || event.exporter !== null) return;
      const jobs = begun.get(callback.event.seq) ?? new Set();
      begun.set(callback.event.seq, jobs.add(event.job));
    },
    "cbret invalidate"(event, state, verdict, begun) {
      const jobs = begun.get(event.cb);
      const callback = callbackIn(state, event.task);
      if (jobs === undefined || callback === undefined) return;
      begun.delete(event.cb);
      verdict.exercised();
      const [job] = jobs;
      if (job !== undefined && !hasOwnFence(state, callback.resv, event.to))
        verdict.violated(
          `the callback of ${event.attachment} returns while ${job}, which it gave to the device, is not done, and no fence of ${event.to} is pending in ${callback.resv}`,
          callback.event,
        );
    },
  }),
};

export const move32: Rule = {
  id: "MOVE-32",
  level: "MUST",
  obliged: ["importer"],
  statement:
    "If the callback cannot update all contexts that use the attachment, each one left out is marked and is updated before its next job.",
  intent: "One forgotten page table goes on with the old address after the memory has a new owner.",
  sources: [kernel("drivers/gpu/drm/amd/amdgpu/amdgpu_dma_buf.c", "amdgpu_dma_buf_move_notify", "6.12, 7.2")],
  needs: ["importerCallback"],
  hints: [
    "Is the mark set before the attempt to update, so that a skipped context keeps it?",
    "Does every submit path test the mark, those without an explicit buffer list included?",
  ],
  situation: pageTablesInTasks,
  status: checked,
  monitor: onJobAccess(({ event, name, start, callback, staleBy, skipped }, _state, verdict) => {
    if (skipped === null || start.seq < callback.seq) return;
    verdict.exercised();
    if (staleBy !== null)
      verdict.violated(
        `the callback of ${event.attachment} could not have ${skipped.lock} and left that for later, but ${name} begins with ${event.mapping ?? ""} all the same`,
        staleBy,
        skipped,
      );
  }),
};

export const move33: Rule = {
  id: "MOVE-33",
  level: "MUST",
  obliged: ["importer"],
  statement:
    "An importer that passes the mapping on (re-export, second-level tables, a guest) has stopped or fenced its own users before it unmaps or lets its fence signal.",
  intent: "The exporter sees the first importer only and takes his word for everyone behind him.",
  sources: [
    thread("004", "dma-buf defines its rules and users such as KVM adapt to them"),
    derived("MOVE-09 and MAP-16, applied to each link of the chain"),
  ],
  needs: ["importerCallback"],
  hints: [
    "Does the callback invalidate the inner buffer too, before the outer unmap?",
    "Are fences of inner users copied to the outer reservation object?",
  ],
  status: checked,
  situation: {
    weights: { ...faulting, bindSlot: 10, guestAccess: 20, move: 8, revoke: 4 },
    importers: ["faulting", "guest"],
  },
  monitor: remember(() => new FencedUsers(), {
    "call unmap": tookOut,
    "call unmapUnlocked": tookOut,
    "call unmapPhysical": tookOut,
    "cb invalidate": (event, state, _verdict, users) => users.begun(event, state),
    "cbret invalidate": (event, state, _verdict, users) => users.returned(event, state),
    signal: (event, state, verdict, users) => users.signaled(event, state, verdict),
  }),
};

export const move36: Rule = {
  id: "MOVE-36",
  level: "MUST",
  obliged: ["importer"],
  statement:
    "Whatever fails inside the callback, be it memory or the device, the importer still brings its access to an end (by waiting, resetting the device or publishing a fence) and does not unmap before.",
  intent: "The callback cannot report an error, so an ignored one becomes device access to freed memory.",
  sources: [
    derived("MOVE-07: the callback has no result"),
    kernel("drivers/infiniband/hw/irdma/verbs.c", "irdma_umem_dmabuf_revoke (requests a reset)", "7.2"),
  ],
  needs: ["importerCallback"],
  hints: [
    "What does the callback do if it cannot allocate the fence?",
    "Is the result of the flush or detach command looked at before unmap?",
  ],
  situation: pageTablesWithoutMemory,
  status: checked,
  monitor: remember(() => new Map<string, HistoryEvent>(), {
    alloc(event, state, _verdict, failures) {
      const callback = event.errno === 0 ? undefined : ownCallback(state, event);
      if (callback !== undefined) failures.set(callback.event.attachment, event);
    },
    ret(event, state, _verdict, failures) {
      const callback = event.errno === 0 ? undefined : ownCallback(state, event);
      if (callback !== undefined) failures.set(callback.event.attachment, event);
    },
    "cbret invalidate"(event, _state, verdict, failures) {
      if (failures.has(event.attachment)) verdict.exercised();
    },
    access(event, state, verdict, failures) {
      const failure = failures.get(event.attachment);
      const phase = failure === undefined ? undefined : accessPhase(state, event);
      const mapping = state.mappings.get(event.mapping ?? "");
      if (mapping?.stale !== true) return;
      if (phase !== "unmapped" && (phase !== "retired" || event.access === "speculativeRead")) return;
      verdict.exercised();
      verdict.violated(
        `something failed inside the callback of ${event.attachment}, and its device goes on through ${event.mapping ?? ""}, ${phase === "unmapped" ? "which has been unmapped" : "with no fence of its own pending"}`,
        failure,
        verdict.since("mappings", event.mapping ?? "", phase === "unmapped" ? "live" : "grace"),
      );
    },
  }),
};

export const rules: readonly Rule[] = [move31, move32, move33, move36];
