import type { CallEvent } from "../../spec/event.ts";
import type { State } from "../../spec/state/state.ts";
import { mappingPhase } from "../shared/access-phase.ts";
import { on, remember } from "../monitor.ts";
import { checked } from "../rule-text.ts";
import type { Rule } from "../rule.ts";
import { doc, kernel, run } from "../source.ts";
import { objectsOf, submitOf } from "./jobs.ts";
import { onRequest } from "./requests.ts";

const both = ["6.12.117", "7.2.13"];

/** The import belongs to an importer that knows nothing of fences. */
function isStatic(state: State, imported: string): boolean {
  return state.attachments.get(state.imports.get(imported)?.attachment ?? "")?.ops === "static";
}

export const resv30: Rule = {
  id: "RESV-30",
  level: "MUST",
  obliged: ["importer"],
  statement:
    "An importer whose API is purely synchronous may add no fences, but then no device access of its own outlasts the API call.",
  intent: "Access without a fence after the return is invisible to everyone who wants to move or reuse the memory.",
  sources: [doc("include/linux/dma-buf.h", "dma_buf.resv, implicit synchronization rules")],
  hints: ["Does the call return when the work is queued, or when the hardware is idle?"],
  status: checked,
  evidence: ["call"],
  situation: { weights: { import: 3, submit: 5, complete: 3 }, importers: ["static"] },
  monitor: on({
    "ret submit"(event, state, verdict) {
      const job = state.jobs.get(event.job);
      if (event.errno === 0 && job?.fences.length === 0 && event.uses.some((use) => isStatic(state, use.import)))
        verdict.exercised();
    },
    access(event, state, verdict) {
      const job = event.job === null ? undefined : state.jobs.get(event.job);
      if (job === undefined || job.fences.length > 0) return;
      if (job.phase === "submitting" || job.phase === "started") return;
      if (state.attachments.get(event.attachment)?.ops !== "static") return;
      verdict.exercised();
      verdict.violated(
        `${event.job} touches ${event.attachment} after its submit has returned, and no fence stands for it`,
        verdict.since("jobs", event.job!, "phase"),
      );
    },
  }),
};

export const resv31: Rule = {
  id: "RESV-31",
  level: "MUST",
  obliged: ["importer"],
  statement:
    "Device access that a dynamic importer cannot stop inside its invalidate callback has a fence in the object that stays unsignaled until the access is over.",
  intent: "The exporter waits for these fences and then reuses the storage.",
  sources: [
    doc("include/linux/dma-buf.h", "dynamic importer rules"),
    doc("include/linux/dma-resv.h", "DMA_RESV_USAGE_BOOKKEEP"),
  ],
  needs: ["importerCallback", "importerFence"],
  temporal: ["T-21"],
  hints: [
    "Do page table or TLB updates of the mapping have a fence of their own?",
    "Is the job's fence in the object before the job can reach the hardware?",
  ],
  status: checked,
  evidence: ["call", "ret", "cb", "cbret", "signal"],
  situation: { weights: { import: 3, submit: 5, complete: 2, move: 4, invalidate: 3 }, importers: ["subject"] },
  monitor: on({
    access(event, state, verdict) {
      const mapping = state.mappings.get(event.mapping ?? "");
      if (mapping === undefined || state.attachments.get(mapping.attachment)?.ops !== "callback") return;
      const phase = mappingPhase(state, mapping);
      if ((phase !== "covered" && phase !== "retired") || event.access === "speculativeRead") return;
      verdict.exercised();
      if (phase === "retired")
        verdict.violated(
          `${event.importer} touches memory through ${event.mapping} after the invalidate, and no pending fence of its own was in the object when the callback returned`,
          verdict.since("mappings", event.mapping!, "grace"),
        );
    },
  }),
};

export const resv32: Rule = {
  id: "RESV-32",
  level: "MUST",
  obliged: ["importer"],
  statement: "A job that uses several buffers adds its fence to all of them while it holds all their locks at once.",
  intent: "Two jobs published buffer by buffer can each end up waiting for the other.",
  sources: [
    doc("Documentation/locking/ww-mutex-design.rst", "Motivation"),
    kernel("drivers/gpu/drm/drm_exec.c", "drm_exec_lock_obj and its users", "6.12, 7.2"),
  ],
  needs: ["importerFence"],
  hints: [
    "Is a buffer unlocked before the fence is added to the last one?",
    "Is the fence added only to the buffers named in this call, and not to those always in use?",
  ],
  status: checked,
  evidence: ["lock", "unlock"],
  situation: {
    weights: { export: 5, import: 5, submit: 8, complete: 4, release: 0.3, put: 0.1 },
    importers: ["subject", "dynamic"],
    exporters: ["subject"],
    buffers: 2,
    tasks: 3,
    pauses: 0.3,
  },
  monitor: remember(() => new Map<string, Set<string>>(), {
    "call addFence"(event, state, verdict, published) {
      const submit = submitOf(state, event);
      if (submit === undefined) return;
      const objects = [...objectsOf(state, submit).keys()];
      published.set(submit.job, (published.get(submit.job) ?? new Set()).add(event.resv));
      if (objects.length < 2) return;
      verdict.exercised();
      const unlocked = objects.find((resv) => state.reservations.get(resv)?.owner !== event.task);
      if (unlocked !== undefined)
        verdict.violated(
          `${event.by} adds the fence of ${submit.job} to ${event.resv} without holding ${unlocked}, which the job uses too`,
          submit,
          verdict.since("reservations", unlocked, "owner"),
        );
    },
    "ret submit"(event, state, verdict, published) {
      const submit = submitOf(state, { task: event.task, by: event.importer });
      const done = published.get(event.job);
      if (submit === undefined || done === undefined || event.errno !== 0) return;
      const objects = [...objectsOf(state, submit).keys()];
      const left = objects.find((resv) => !done.has(resv));
      if (objects.length > 1 && left !== undefined)
        verdict.violated(`${event.job} uses what is behind ${left} and has no fence there`, submit);
    },
  }),
};

export const resv33: Rule = {
  id: "RESV-33",
  level: "MUST",
  obliged: ["importer"],
  provokedBy: ["fenceOwner"],
  statement:
    "A fence can already complete without the reservation lock when it is added, because others see it and wait for it from then on.",
  intent: "A waiter that holds the lock and a fence that needs the lock never let each other go.",
  sources: [
    doc("drivers/dma-buf/dma-fence.c", "DOC: fence signalling annotation"),
    run(both, "lockless readers see and wait for a fence before the unlock"),
  ],
  needs: ["importerFence"],
  hints: [
    "Does anything between the add and the start of the job lock, allocate or fail?",
    "Does the path that signals the fence take a reservation lock?",
  ],
  status: checked,
  evidence: ["ret", "unlock"],
  situation: { weights: { import: 3, submit: 5, complete: 3 }, importers: ["subject"] },
  monitor: remember(() => new Map<string, { readonly added: CallEvent<"addFence">; readonly clock: number }>(), {
    "call addFence"(event, state, _verdict, published) {
      if (submitOf(state, event) !== undefined && !published.has(event.fence))
        published.set(event.fence, { added: event, clock: state.clock });
    },
    ...onRequest((request, event, state, verdict, published) => {
      const submit = submitOf(state, { task: event.task, by: request.by });
      if (submit === undefined) return;
      // Others may publish inside it too: an exporter that moves the buffer to map it.
      const early = state.jobs.get(submit.job)?.fences.find((name) => published.has(name));
      if (early !== undefined)
        verdict.violated(
          `${request.by} asks for the lock of ${request.lock} after it has published ${early}`,
          published.get(early)?.added,
        );
    }),
    "call signal"(event, state, verdict, published) {
      const early = published.get(event.fence);
      if (early === undefined) return;
      verdict.exercised();
      const task = state.tasks.get(event.task);
      // What a user asked for may well end a job under the lock; work that ends jobs by itself must not need it.
      if (event.atomic || task === undefined || task.frames.length > 0) return;
      const late = task.held.find(({ lock }) => (state.reservations.get(lock)?.hold ?? 0) > early.clock);
      if (late !== undefined)
        verdict.violated(
          `${event.by} signals ${event.fence} in work for which it first had to get the lock of ${late.lock}`,
          early.added,
          verdict.since("reservations", late.lock, "hold"),
        );
    },
  }),
};

export const resv41: Rule = {
  id: "RESV-41",
  level: "MUST",
  obliged: ["importer"],
  statement: "An object that wraps an imported buffer uses the exporter's reservation object and has none of its own.",
  intent: "Fences and locks in a second object are seen by no other user of the same memory.",
  sources: [
    kernel("drivers/gpu/drm/drm_prime.c", "drm_gem_prime_import_dev", "6.12, 7.2"),
    kernel("drivers/gpu/drm/amd/amdgpu/amdgpu_dma_buf.c", "amdgpu_dma_buf_create_obj", "6.12, 7.2"),
    kernel("drivers/gpu/drm/xe/xe_dma_buf.c", "xe_gem_prime_import", "6.12, 7.2"),
  ],
  hints: ["Is the wrapper's resv pointer set to that of the dma-buf before anything locks the wrapper?"],
  status: checked,
  evidence: ["ret"],
  situation: { weights: { import: 3, submit: 5, complete: 3 }, importers: ["subject"] },
  monitor: on({
    "call addFence"(event, state, verdict) {
      const submit = submitOf(state, event);
      if (submit === undefined) return;
      verdict.exercised();
      if (!objectsOf(state, submit).has(event.resv))
        verdict.violated(
          `${event.by} adds the fence of ${submit.job} to ${event.resv}, which belongs to none of the buffers`,
          submit,
        );
    },
  }),
};

export const rules: readonly Rule[] = [resv30, resv31, resv32, resv33, resv41];
