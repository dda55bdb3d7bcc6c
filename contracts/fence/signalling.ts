import type { CbRetEvent, DeviceEvent, LockEvent, WaitFor } from "../../spec/event.ts";
import type { State } from "../../spec/state/state.ts";
import { on, remember, type Verdict } from "../monitor.ts";
import { noCycle } from "../order/cycles.ts";
import type { Rule } from "../rule.ts";
import { checked } from "../rule-text.ts";
import { kernel, doc, run } from "../source.ts";

function inSection(state: State, task: string): boolean {
  return (state.tasks.get(task)?.signalling.length ?? 0) > 0;
}

function heldReservation(state: State, task: string): string | undefined {
  return state.tasks.get(task)?.held.find((held) => held.lockClass === "reservation")?.lock;
}

function waitWords(wait: WaitFor): string {
  switch (wait.kind) {
    case "lock":
      return `the lock ${wait.lock}`;
    case "fence":
      return wait.fence;
    case "unmapped":
      return `every unmap of ${wait.buffer}`;
    case "other":
      return wait.what;
  }
}

/** FENCE-17: the owner has said that the fence is complete, and whoever enabled it goes on or sleeps. */
function stillUnsignaled(hook: CbRetEvent<"enableSignaling">, verdict: Verdict): void {
  verdict.violated(`${hook.fence} stays unsignaled although enabling it failed: its owner calls it complete`, hook);
}

export const fence06: Rule = {
  id: "FENCE-06",
  level: "MUST",
  obliged: ["fenceOwner"],
  statement:
    "No reservation lock is taken, by any form of the call including trylock, between begin and end of a signalling section.",
  intent: "Lock holders wait for fences; if the fence waits for their lock, neither moves.",
  sources: [
    doc("drivers/dma-buf/dma-fence.c", "fence signalling annotation"),
    kernel("drivers/dma-buf/dma-fence.c", "dma_fence_begin_signalling", "6.12, 7.2"),
    run(["6.12.117", "7.2.13"], "blocking lock reported by lockdep, trylock not"),
  ],
  temporal: ["T-23"],
  hints: [
    "Does the completion worker free buffers or update mappings under a reservation lock?",
    "Is a trylock used to quieten lockdep?",
  ],
  status: checked,
  monitor: on({
    "call endSignalling": (event, state, verdict) => {
      if (inSection(state, event.task)) verdict.exercised();
    },
    lock: (event, state, verdict) => {
      if (event.lockClass !== "reservation" || !inSection(state, event.task)) return;
      verdict.exercised();
      verdict.violated(
        `${event.by} asks for the lock ${event.lock} (${event.form}) in a signalling section`,
        verdict.since("tasks", event.task, "signalling"),
      );
    },
  }),
};

export const fence07: Rule = {
  id: "FENCE-07",
  level: "MUST",
  obliged: ["fenceOwner"],
  statement:
    "The path to signaling allocates only in the atomic way that may fail, and waits for nothing that may itself be in reclaim.",
  intent: "Reclaim may be waiting for this very fence, so a blocking allocation here waits for itself.",
  sources: [
    doc("drivers/dma-buf/dma-fence.c", "fence cross-driver contract"),
    run(["6.12.117", "7.2.13"], "waits inside a section are not reported by lockdep, so only a history shows them"),
  ],
  temporal: ["T-23"],
  hints: [
    "Is all memory that completion needs allocated at submission?",
    "Does the path take a mutex under which others allocate?",
  ],
  status: checked,
  monitor: on({
    "call endSignalling": (event, state, verdict) => {
      if (inSection(state, event.task)) verdict.exercised();
    },
    alloc: (event, state, verdict) => {
      if (!inSection(state, event.task)) return;
      verdict.exercised();
      verdict.violated(
        `${event.by} allocates ${event.what} in a signalling section, which may wait for reclaim`,
        verdict.since("tasks", event.task, "signalling"),
      );
    },
    blocked: (event, state, verdict) => {
      if (event.wait.kind === "fence" || !inSection(state, event.task)) return;
      verdict.exercised();
      verdict.violated(
        `${event.task} sleeps in a signalling section, for ${waitWords(event.wait)}`,
        verdict.since("tasks", event.task, "signalling"),
      );
    },
  }),
};

export const fence08: Rule = {
  id: "FENCE-08",
  level: "MUST",
  obliged: ["fenceOwner"],
  statement:
    "A fence whose work is done signals although another actor holds a reservation lock and waits for that fence.",
  intent: "Waiting under the lock is allowed to everyone, so a fence that needs the lock free never comes.",
  sources: [
    doc("drivers/dma-buf/dma-fence.c", "fence cross-driver contract"),
    run(["6.12.117", "7.2.13"], "one actor waits with the lock held, another signals at once"),
  ],
  temporal: ["T-23"],
  hints: [
    "Does the completion handler or its worker queue behind a task that takes the lock?",
    "Is the next step of a multi-step job started under the lock?",
  ],
  status: checked,
  monitor: on({
    blocked: (event, state, verdict) => {
      if (event.wait.kind === "fence" && heldReservation(state, event.task) !== undefined) verdict.exercised();
    },
    end: (event, state, verdict) => {
      for (const { task, wait } of event.waiting) {
        const lock = heldReservation(state, task);
        if (wait.kind === "fence" && lock !== undefined)
          verdict.violated(
            `${task} holds ${lock} and waits for ${wait.fence}, which signals no more although all work is done`,
            verdict.since("tasks", task, "held"),
            verdict.since("tasks", task, "waiting"),
          );
      }
    },
  }),
};

export const fence09: Rule = {
  id: "FENCE-09",
  level: "MUST",
  obliged: ["framework", "caller"],
  statement: "Ending an inner signalling section with its own cookie leaves the outer section open.",
  intent:
    "If the inner end closed everything, the rest of the outer path would go unchecked and its deadlocks unnoticed.",
  sources: [
    kernel("drivers/dma-buf/dma-fence.c", "dma_fence_end_signalling", "6.12, 7.2"),
    run(["6.12.117", "7.2.13"], "a blocking allocation after the inner end is still reported, after the outer end not"),
  ],
  hints: [
    "Is the cookie of each begin kept in its own variable and passed to the matching end?",
    "Is a section ended on an error path that did not begin it?",
  ],
  status: checked,
  monitor: on({
    "call endSignalling": (event, state, verdict) => {
      const open = state.tasks.get(event.task)?.signalling ?? [];
      if (verdict.misuse) return;
      verdict.exercised();
      if (open.length === 0) verdict.violated(`${event.by} ends a signalling section, and none is open`);
      else if (open.at(-1) !== event.cookie)
        verdict.violated(
          `${event.by} ends the innermost of ${open.length} signalling sections with the cookie of another`,
          verdict.since("tasks", event.task, "signalling"),
        );
    },
    "ret beginSignalling": (event, state, verdict) => {
      if (!inSection(state, event.task)) return;
      verdict.exercised();
      if (!event.cookie)
        verdict.violated(
          "an inner signalling section gets the cookie of an outer one, so that its end closes both",
          verdict.since("tasks", event.task, "signalling"),
        );
    },
  }),
};

export const fence17: Rule = {
  id: "FENCE-17",
  level: "MUST",
  obliged: ["framework"],
  provokedBy: ["fenceOwner"],
  statement:
    "When the owner's enable operation reports failure, the fence is signaled before the enabling call returns.",
  intent: "False means that the work is already over, and nobody would signal the fence afterwards.",
  sources: [
    kernel("drivers/dma-buf/dma-fence.c", "__dma_fence_enable_signaling", "6.12, 7.2"),
    run(["6.12.117", "7.2.13"], "enable, wait and add-callback on a fence whose enable fails: signaled, no error"),
  ],
  hints: [
    "Is the return value of the enable operation ignored on one of the paths (wait, callback, explicit enable)?",
    "Does your enable return false for 'could not arm the interrupt' rather than 'already done'?",
  ],
  status: checked,
  monitor: remember(() => new Map<string, CbRetEvent<"enableSignaling">>(), {
    "cbret enableSignaling": (event, _state, verdict, refused) => {
      if (event.answer) return;
      verdict.exercised();
      refused.set(event.fence, event);
    },
    signal: (event, _state, _verdict, refused) => {
      refused.delete(event.fence);
    },
    ret: (event, _state, verdict, refused) => {
      for (const hook of refused.values())
        if (hook.task === event.task && event.call < hook.cb) stillUnsignaled(hook, verdict);
    },
    blocked: (event, _state, verdict, refused) => {
      for (const hook of refused.values()) if (hook.task === event.task) stillUnsignaled(hook, verdict);
    },
  }),
};

export const fence33: Rule = {
  id: "FENCE-33",
  level: "MUST",
  obliged: ["fenceOwner", "caller"],
  statement:
    "No fence depends on the end of a reservation-lock hold, of reclaim or of a notifier callback, and only GPU drivers wait for fences in the last two.",
  intent: "All three places may legally wait for fences, so any dependency back closes a cycle.",
  sources: [
    doc("drivers/dma-buf/dma-fence.c", "fence cross-driver contract"),
    run(["6.12.117", "7.2.13"], "wait with a reservation lock held is silent"),
  ],
  temporal: ["T-23"],
  hints: [
    "Does job completion need a lock that your notifier or shrinker holds while it waits?",
    "Does a non-GPU importer wait for fences in its notifier callback?",
  ],
  status: checked,
  across: noCycle("FENCE-33"),
  monitor: remember(() => ({ ends: new Map<string, DeviceEvent>(), locks: new Map<string, LockEvent>() }), {
    device: (event, _state, _verdict, { ends }) => {
      if (event.change === "jobEnd" && event.job !== null) ends.set(event.job, event);
    },
    lock: (event, _state, _verdict, { locks }) => {
      if (event.lockClass === "reservation" && event.form !== "try" && event.errno === 0) locks.set(event.task, event);
    },
    signal: (event, state, verdict, { ends, locks }) => {
      const fence = state.fences.get(event.fence);
      if (fence?.job === undefined || fence.job === null || !fence.published) return;
      verdict.exercised();
      const end = ends.get(fence.job);
      const lock = locks.get(event.task);
      if (end !== undefined && lock !== undefined && lock.step === event.step && lock.seq > end.seq)
        verdict.violated(
          `${event.fence} signals only after its owner got ${lock.lock}, though ${fence.job} ended before; who holds that lock may wait for the fence`,
          end,
          lock,
        );
    },
  }),
};

export const fence35: Rule = {
  id: "FENCE-35",
  level: "MUST",
  obliged: ["framework"],
  statement:
    "The owner's enable operation is called at most once per fence, only before it signaled, with the fence lock held and in atomic context (7.2: interrupts off).",
  intent:
    "Owners take a reference or arm an interrupt there; a second call leaks it, a late one arms an interrupt that never fires.",
  sources: [
    kernel("drivers/dma-buf/dma-fence.c", "__dma_fence_enable_signaling", "6.12, 7.2"),
    doc("include/linux/dma-fence.h", "dma_fence_ops enable_signaling"),
    run(["6.12.117", "7.2.13"], "two enables, callback, wait: one call"),
  ],
  hints: [
    "Is the enabled flag tested and set atomically under the fence lock?",
    "Is the signaled state checked after the lock was taken?",
  ],
  status: checked,
  monitor: on({
    "cb enableSignaling": (event, state, verdict) => {
      const fence = state.fences.get(event.fence);
      if (fence === undefined) return;
      verdict.exercised();
      if (fence.enables > 0)
        verdict.violated(`${event.fence} is enabled a second time`, verdict.since("fences", event.fence, "enables"));
      else if (fence.signaled)
        verdict.violated(
          `${event.fence} is enabled after its signal`,
          verdict.since("fences", event.fence, "signaled"),
        );
      else if (!event.atomic) verdict.violated(`${event.fence} is enabled outside atomic context`);
    },
  }),
};

export const rules: readonly Rule[] = [fence06, fence07, fence08, fence09, fence17, fence33, fence35];
