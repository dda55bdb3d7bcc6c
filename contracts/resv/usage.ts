import { covers } from "../../spec/roles/handles.ts";
import { on, remember } from "../monitor.ts";
import { checked } from "../rule-text.ts";
import type { Rule } from "../rule.ts";
import { doc, kernel, run } from "../source.ts";
import { callbackOf, Dependencies, implicitLevel, isImplicit, objectsOf, submitOf } from "./jobs.ts";
import { dueFences } from "./lists.ts";
import { watching } from "./watch.ts";

const both = ["6.12.117", "7.2.13"];

export const resv24: Rule = {
  id: "RESV-24",
  level: "MUST",
  obliged: ["framework"],
  statement:
    "A query for a usage gives the fences of that usage and of the stronger ones (KERNEL is the strongest, then WRITE, READ, BOOKKEEP), and none weaker; signaled ones may show up only in a walk under the lock.",
  intent: "With one class too few a job starts before the memory is ready, with one too many unrelated work stalls it.",
  sources: [
    doc("include/linux/dma-resv.h", "enum dma_resv_usage"),
    kernel("drivers/dma-buf/dma-resv.c", "dma_resv_iter_next, dma_resv_iter_walk_unlocked", "6.12, 7.2"),
    run(both, "four fences listed at each level, with and without the lock"),
  ],
  hints: ["Is the usage compared with the right sign, so that a query for READ also sees KERNEL and WRITE?"],
  status: checked,
  evidence: ["lock", "unlock", "signal"],
  monitor: watching(
    "getFences",
    (event, { ever, matched, pending, over }, _state, verdict) => {
      if (event.errno !== 0) return;
      if (ever.size > pending.size) verdict.exercised();
      const wrong = event.fences.find((name) => (ever.has(name) && !matched.has(name)) || over.has(name));
      if (wrong !== undefined)
        verdict.violated(
          `asked for ${event.usage}, ${event.resv} gives ${wrong}, which ${over.has(wrong) ? "had signaled" : "is only there with a weaker usage"}`,
          verdict.since("reservations", event.resv, "lists"),
        );
    },
    {
      "ret iterateFences"(event, state, verdict) {
        const resv = state.reservations.get(event.resv);
        if (resv === undefined || resv.owner !== event.task || resv.lists.flat().length === 0) return;
        verdict.exercised();
        const weak = event.entries.find((entry) => !covers(event.usage, entry.usage));
        const due = resv.changes.length === 0 ? dueFences(state, event.resv, event.usage) : [];
        const missing = due.find((name) => event.entries.every((entry) => entry.fence !== name));
        if (weak !== undefined)
          verdict.violated(`a walk for ${event.usage} over ${event.resv} shows ${weak.fence}, stored as ${weak.usage}`);
        else if (missing !== undefined)
          verdict.violated(
            `a walk for ${event.usage} over ${event.resv} leaves out ${missing}`,
            verdict.since("reservations", event.resv, "lists"),
          );
      },
    },
  ),
};

export const resv25: Rule = {
  id: "RESV-25",
  level: "MUST",
  obliged: ["importer"],
  statement:
    "Under implicit sync a new write waits for the READ level, hence for readers and writers, and a new read for the WRITE level.",
  intent: "The names mislead: asking for WRITE before a write skips the readers and overwrites what they still read.",
  sources: [
    kernel("include/linux/dma-resv.h", "dma_resv_usage_rw", "6.12, 7.2"),
    doc("include/linux/dma-buf.h", "dma_buf.resv, implicit synchronization rules"),
    run(both, "the helper for reading and for writing"),
  ],
  temporal: ["T-21"],
  needs: ["importerFence"],
  hints: [
    "Is the level chosen by dma_resv_usage_rw, or by the usage the job's own fence will get?",
    "Does the argument say whether the new job writes?",
  ],
  status: checked,
  evidence: ["ret", "unlock", "signal"],
  situation: { weights: { import: 3, submit: 5, complete: 3 }, importers: ["subject"] },
  monitor: remember(() => new Dependencies(), {
    lock(event, state, _verdict, dependencies) {
      const submit = event.errno === 0 ? submitOf(state, event) : undefined;
      const write = submit === undefined ? undefined : objectsOf(state, submit).get(event.lock);
      if (write !== undefined) dependencies.locked(state, submit!.job, event.lock, write ? "read" : "write");
    },
    "call addFence"(event, state, verdict, dependencies) {
      const submit = submitOf(state, event);
      const level = implicitLevel(event.usage);
      if (submit === undefined || level === null) return;
      if (dependencies.published(state, submit.job, event.resv, level)) verdict.exercised();
    },
    access(event, state, verdict, dependencies) {
      const unmet = event.job === null ? undefined : dependencies.unmet(state, event.job);
      if (unmet !== undefined)
        verdict.violated(
          `${event.job} touches ${event.attachment} before ${unmet}, which it has to wait for, has signaled`,
          verdict.since("jobs", event.job!, "fences"),
        );
    },
  }),
};

export const resv26: Rule = {
  id: "RESV-26",
  level: "MUST",
  obliged: ["importer"],
  statement:
    "Nobody accesses the memory before its KERNEL fences have signaled, except where a pin is known to have kept it in place.",
  intent: "Such a fence stands for a move or a clear that still fills the pages.",
  sources: [doc("include/linux/dma-resv.h", "DMA_RESV_USAGE_KERNEL")],
  hints: [
    "Does a job with explicit sync leave out these fences together with the implicit ones?",
    "Was the pin taken before the move, and has its own fence signaled?",
  ],
  status: checked,
  evidence: ["ret", "unlock", "signal"],
  situation: { weights: { import: 3, submit: 5, complete: 3, move: 3, addFence: 2 }, importers: ["subject"] },
  monitor: remember(() => new Dependencies(), {
    lock(event, state, _verdict, dependencies) {
      const submit = event.errno === 0 ? submitOf(state, event) : undefined;
      if (submit !== undefined && objectsOf(state, submit).has(event.lock))
        dependencies.locked(state, submit.job, event.lock, "kernel");
    },
    "call addFence"(event, state, verdict, dependencies) {
      const submit = submitOf(state, event);
      if (submit !== undefined && dependencies.published(state, submit.job, event.resv, "kernel")) verdict.exercised();
    },
    access(event, state, verdict, dependencies) {
      if (event.job === null || (state.attachments.get(event.attachment)?.pins ?? 0) > 0) return;
      const unmet = dependencies.unmet(state, event.job);
      if (unmet !== undefined)
        verdict.violated(
          `${event.job} touches ${event.attachment} before the KERNEL fence ${unmet} has signaled`,
          verdict.since("jobs", event.job, "fences"),
        );
    },
  }),
};

export const resv27: Rule = {
  id: "RESV-27",
  level: "MUST",
  obliged: ["importer", "exporter"],
  statement: "KERNEL usage is for fences of the kernel's own memory management, never for a job of user space.",
  intent: "Everybody has to wait for them, so a user's job in this class stalls all other users of the buffer.",
  sources: [doc("include/linux/dma-resv.h", "enum dma_resv_usage")],
  needs: ["importerFence"],
  hints: ["Which path adds the fence of a user submission, and with which usage?"],
  status: checked,
  evidence: ["ret"],
  situation: { weights: { import: 3, submit: 5, complete: 3 }, importers: ["subject"] },
  monitor: on({
    "call addFence"(event, state, verdict) {
      const submit = submitOf(state, event);
      if (submit === undefined) return;
      verdict.exercised();
      if (event.usage === "kernel")
        verdict.violated(
          `${event.by} adds ${event.fence} for the user's ${submit.job} to ${event.resv} as KERNEL`,
          submit,
        );
    },
  }),
};

export const resv28: Rule = {
  id: "RESV-28",
  level: "MUST",
  obliged: ["importer"],
  statement:
    "Only implicitly synchronised work gets READ or WRITE usage; what else still uses the memory, such as explicitly synchronised jobs, preemption and page table updates, gets BOOKKEEP.",
  intent: "Explicit work in a stronger class makes other processes wait for what they did not ask for.",
  sources: [doc("include/linux/dma-resv.h", "enum dma_resv_usage")],
  needs: ["importerFence"],
  hints: [
    "Is the usage chosen by how the job was synchronised, or by whether it writes?",
    "Is the work left without a fence because it is explicit?",
  ],
  status: checked,
  evidence: ["cb", "cbret"],
  monitor: on({
    "call addFence"(event, state, verdict) {
      const callback = callbackOf(state, event);
      if (callback === undefined) return;
      verdict.exercised();
      if (event.usage !== "bookkeep")
        verdict.violated(
          `${event.by} covers what is left to do after an invalidate with ${event.fence} as ${event.usage}`,
          callback,
        );
    },
  }),
};

export const resv29: Rule = {
  id: "RESV-29",
  level: "MUST",
  obliged: ["importer"],
  statement:
    "An implicitly synchronised job that the API calls a write is published as WRITE, one it calls a read as READ or as WRITE.",
  intent: "A write published as a read lets a compositor show a frame that is still being drawn.",
  sources: [doc("include/linux/dma-buf.h", "dma_buf.resv, implicit synchronization rules")],
  needs: ["importerFence"],
  hints: ["Where does the access kind come from, and what is assumed if user space does not say?"],
  status: checked,
  evidence: ["ret"],
  situation: { weights: { import: 3, submit: 5, complete: 3 }, importers: ["subject"] },
  monitor: on({
    "call addFence"(event, state, verdict) {
      const submit = submitOf(state, event);
      if (submit === undefined || !isImplicit(event.usage) || objectsOf(state, submit).get(event.resv) !== true) return;
      verdict.exercised();
      if (event.usage === "read")
        verdict.violated(`${submit.job} writes what is behind ${event.resv} and is published there as READ`, submit);
    },
  }),
};

export const rules: readonly Rule[] = [resv24, resv25, resv26, resv27, resv28, resv29];
