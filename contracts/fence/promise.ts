import type { DeviceEvent } from "../../spec/event.ts";
import { frameOf } from "../../spec/state/state.ts";
import { faulting } from "../fault/lookup.ts";
import { on, remember } from "../monitor.ts";
import type { Rule } from "../rule.ts";
import { accessPhase } from "../shared/access-phase.ts";
import { isMadeBy, isOver } from "../shared/fences.ts";
import { checked, untested } from "../rule-text.ts";
import { kernel, doc, derived } from "../source.ts";
import { Unsubmitted } from "./unsubmitted.ts";

export const fence03: Rule = {
  id: "FENCE-03",
  level: "MUST",
  obliged: ["fenceOwner"],
  statement: "Every published fence signals within a bounded time, whatever user space does or fails to do.",
  intent:
    "The kernel waits for fences under locks and in memory reclaim; one that never signals hangs unrelated processes.",
  sources: [doc("drivers/dma-buf/dma-fence.c", "fence cross-driver contract")],
  temporal: ["T-22"],
  hints: [
    "Which event signals the fence when the job is dropped, cancelled or never reaches the ring?",
    "Can the fence wait for a process that is stopped or killed?",
  ],
  status: checked,
  monitor: on({
    signal: (event, state, verdict) => {
      const fence = state.fences.get(event.fence);
      if (fence?.published === true && !fence.signaled) verdict.exercised();
    },
    end: (_event, state, verdict) => {
      for (const [name, fence] of state.fences) {
        if (!fence.published || fence.released || isOver(state, name)) continue;
        verdict.exercised();
        verdict.violated(
          `${name} of ${fence.by} was published and never signals, although nothing is left to wait for`,
          verdict.since("fences", name, "published"),
        );
      }
    },
  }),
};

export const fence04: Rule = {
  id: "FENCE-04",
  level: "MUST",
  obliged: ["fenceOwner"],
  statement:
    "After a hang the recovery stops the queue from taking more work and signals every fence still in flight within the recovery budget, preferably each with an error.",
  intent:
    "A wedged engine must not turn into a wedged kernel, and consumers must be able to tell lost work from finished work.",
  sources: [
    doc("drivers/dma-buf/dma-fence.c", "fence cross-driver contract"),
    kernel("include/linux/dma-fence.h", "dma_fence_set_error", "6.12, 7.2"),
  ],
  hints: [
    "Does the timeout handler walk all pending jobs or only the one that hung?",
    "Can a new job enter the ring between the stop and the forced signals?",
    "Is an error such as -ETIME or -ECANCELED set before the forced signal?",
  ],
  status: checked,
  situation: { weights: { submit: 4, import: 3, hang: 20 }, importers: ["subject"] },
  monitor: remember(() => new Map<string, DeviceEvent>(), {
    device: (event, state, verdict, hung) => {
      if (event.change !== "jobHang" || event.job === null) return;
      hung.set(event.job, event);
      if (state.jobs.get(event.job)?.fences.length !== 0) verdict.exercised();
    },
    end: (_event, state, verdict, hung) => {
      for (const [job, event] of hung)
        for (const name of state.jobs.get(job)?.fences ?? [])
          if (!isOver(state, name))
            verdict.violated(
              `the device hung in ${job}, and the recovery of ${state.fences.get(name)?.by ?? "its owner"} never signals ${name}`,
              event,
            );
    },
  }),
};

export const fence05: Rule = {
  id: "FENCE-05",
  level: "MUST",
  obliged: ["fenceOwner"],
  provokedBy: ["exporter", "importer"],
  statement:
    "At the moment a fence is published, all work it stands for has been submitted and none of that work, nor its end, waits for a user-controlled event (a timeout does not make such a fence acceptable).",
  intent: "Memory management depends on fences; if user space decides when one signals, it can deadlock the kernel.",
  sources: [doc("Documentation/driver-api/dma-buf.rst", "Indefinite DMA Fences")],
  hints: [
    "Is the fence handed out before the job is queued?",
    "Can the job poll a memory location or wait for a user fence before it ends?",
  ],
  status: checked,
  monitor: remember(() => new Unsubmitted(), {
    "call addFence": (event, state, _verdict, unsubmitted) => unsubmitted.published(event, state),
    "call replaceFences": (event, state, _verdict, unsubmitted) => unsubmitted.published(event, state),
    unlock: (event, state, verdict, unsubmitted) => unsubmitted.unlocked(event, state, verdict),
    signal: (event, _state, _verdict, unsubmitted) => unsubmitted.signaled(event),
    device: (event, _state, verdict, unsubmitted) => unsubmitted.device(event, verdict),
  }),
};

export const fence32: Rule = {
  id: "FENCE-32",
  level: "MUST",
  obliged: ["importer"],
  provokedBy: ["fenceOwner"],
  statement:
    "No published fence completes only after a device page fault that needs memory is served (faults that are mere migration hints excepted).",
  intent: "Serving the fault may need reclaim, reclaim may wait for the fence, and both then wait for ever.",
  sources: [doc("Documentation/driver-api/dma-buf.rst", "Recoverable Hardware Page Faults Implications")],
  hints: [
    "Can a job in fault mode reach the path that creates a dma fence for it?",
    "Is a preemption fence published instead of an end-of-job fence for long-running work?",
  ],
  needs: ["faultPath"],
  status: checked,
  situation: { weights: { ...faulting, submit: 20, complete: 10 }, importers: ["faulting"] },
  monitor: on({
    "ret touch"(event, state, verdict) {
      if (event.answer !== "fault") return;
      const job = frameOf(state.tasks.get(event.task), "submit")?.job ?? "";
      if (!state.jobs.has(job)) return;
      verdict.exercised();
      const waiting = state.jobs.get(job)?.fences.find((fence) => !isOver(state, fence));
      if (waiting !== undefined)
        verdict.violated(
          `${waiting} was published for ${job}, which now waits until its device's page fault is served`,
          verdict.since("fences", waiting, "published"),
        );
    },
  }),
};

export const fence34: Rule = {
  id: "FENCE-34",
  level: "MUST",
  obliged: ["importer"],
  provokedBy: ["fenceOwner"],
  statement:
    "A fence published for an unmap or TLB flush signals no earlier than the last device access that could use the old translation.",
  intent: "The exporter gives the pages to someone else at that signal, so one late access corrupts foreign memory.",
  sources: [derived("MOVE-09 and RESV-34")],
  temporal: ["T-21"],
  needs: ["importerFence"],
  hints: [
    "Does the fence signal when the flush is queued, or when the hardware has acknowledged it?",
    "Are prefetch engines and second-level TLBs flushed too?",
  ],
  status: checked,
  situation: { weights: { submit: 4, move: 4, evict: 2, complete: 3 } },
  monitor: on({
    access: (event, state, verdict) => {
      const mapping = event.mapping === null ? undefined : state.mappings.get(event.mapping);
      const attachment = state.attachments.get(event.attachment);
      if (mapping?.grace == null || attachment === undefined || event.access === "speculativeRead") return;
      const phase = accessPhase(state, event);
      if (phase !== "covered" && phase !== "retired") return;
      const own = mapping.grace.filter((name) => isMadeBy(state, name, attachment.importer));
      if (own.length === 0) return;
      verdict.exercised();
      if (own.every((name) => isOver(state, name)) && phase === "retired")
        verdict.violated(
          `${event.importer} still reaches memory through ${event.mapping}, whose invalidation ${own.join(", ")} has declared over`,
          ...own.map((name) => verdict.since("fences", name, "signaled")),
        );
    },
  }),
};

export const fence50: Rule = {
  id: "FENCE-50",
  level: "MUST",
  obliged: ["fenceOwner"],
  statement: "An unserved page fault of one job delays no fence of another job on that device beyond the time bound.",
  intent:
    "Fault-capable and fenced work share engines; without preemption, reserved resources or a flush between both kinds the fault blocks the fences.",
  sources: [doc("Documentation/driver-api/dma-buf.rst", "Recoverable Hardware Page Faults Implications")],
  hints: [
    "Can a faulted context be preempted while its fault is pending?",
    "Are the units that fenced work needs reserved, or flushed before fault-capable work starts?",
  ],
  status: untested("no device of the model runs fault-capable and fenced jobs on one engine"),
};

export const rules: readonly Rule[] = [fence03, fence04, fence05, fence32, fence34, fence50];
