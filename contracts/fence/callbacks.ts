import type { CallName } from "../../spec/calls.ts";
import { EINVAL, ENOENT, errnoName } from "../../spec/errno.ts";
import type { RetEvent } from "../../spec/event.ts";
import { on, remember, type Verdict } from "../monitor.ts";
import type { Rule } from "../rule.ts";
import { checked } from "../rule-text.ts";
import { kernel, doc, derived, run } from "../source.ts";
import { openCall, openHook } from "./frames.ts";

/** Calls that take the spinlock of the fence they name. */
const takesFenceLock: ReadonlySet<CallName> = new Set<CallName>([
  "addCallback",
  "removeCallback",
  "signal",
  "signalTimestamp",
  "checkAndSignal",
  "enableSignaling",
  "getStatus",
  "waitFence",
]);

type Registration = "queued" | "refused" | "ran" | "removed";

/** FENCE-13: what became of each callback on each fence, also where a caller uses one structure for two. */
class Registrations {
  private readonly fences = new Map<string, Map<string, Registration>>();

  get(fence: string, callback: string): Registration | undefined {
    return this.fences.get(fence)?.get(callback);
  }

  set(fence: string | null, callback: string | null, registration: Registration): void {
    if (fence === null || callback === null) return;
    const row = this.fences.get(fence) ?? new Map<string, Registration>();
    this.fences.set(fence, row.set(callback, registration));
  }

  queuedOn(fence: string): readonly string[] {
    return [...(this.fences.get(fence) ?? [])].filter(([, row]) => row === "queued").map(([name]) => name);
  }
}

/** FENCE-13: a fence has signaled, so nothing may be queued on it. */
function stillQueued(fence: string, verdict: Verdict, registrations: Registrations): void {
  const [callback] = registrations.queuedOn(fence);
  if (callback === undefined) return;
  verdict.exercised();
  verdict.violated(
    `${callback} was queued on ${fence} and has not run at its signal`,
    verdict.since("callbacks", callback, "state"),
    verdict.since("fences", fence, "signaled"),
  );
}

export const fence12: Rule = {
  id: "FENCE-12",
  level: "MUST",
  obliged: ["framework"],
  statement:
    "Adding a callback fails without queueing it when the fence is marked signaled or its enable operation fails (-ENOENT), or an argument is null (-EINVAL).",
  intent: "The caller must learn at once that nobody will call it, or it waits for ever.",
  sources: [
    kernel("drivers/dma-buf/dma-fence.c", "dma_fence_add_callback", "6.12, 7.2"),
    run(["6.12.117", "7.2.13"], "each case; a later remove returns false"),
  ],
  hints: [
    "Is the signaled bit tested again under the lock before the callback is queued?",
    "Is the callback's list node initialised on failure, so that remove returns false?",
  ],
  status: checked,
  monitor: remember(() => ({ signaled: new Set<number>(), failed: new Set<number>(), refused: new Set<string>() }), {
    "call addCallback": (event, state, _verdict, { signaled, refused }) => {
      if (event.callback !== null) refused.delete(event.callback);
      if (event.fence !== null && state.fences.get(event.fence)?.signaled === true) signaled.add(event.seq);
    },
    "cbret enableSignaling": (event, state, _verdict, { failed }) => {
      const call = openCall(state, event.task);
      if (!event.answer && call?.op === "addCallback" && call.fence === event.fence) failed.add(call.seq);
    },
    "ret addCallback": (event, state, verdict, { signaled, failed, refused }) => {
      verdict.exercised();
      const { fence, callback } = event;
      if (event.errno !== 0 && callback !== null) refused.add(callback);
      if (fence === null || callback === null) {
        if (event.errno !== EINVAL) verdict.violated(`adding to or of nothing answers ${errnoName(event.errno)}`);
        return;
      }
      const row = state.fences.get(fence);
      if (row === undefined) return;
      const mustFail = signaled.has(event.call) || failed.has(event.call);
      if (mustFail ? event.errno !== ENOENT : event.errno !== 0 && !(event.errno === ENOENT && row.signaled))
        verdict.violated(
          `adding ${callback} to ${fence} answers ${errnoName(event.errno)} while the fence is ${row.signaled ? "signaled" : "pending"}`,
          verdict.since("fences", fence, mustFail ? "signaled" : "context"),
        );
    },
    "cb callback": (event, _state, verdict, { refused }) => {
      if (!refused.has(event.callback)) return;
      verdict.exercised();
      verdict.violated(`${event.callback} runs although adding it to ${event.fence} failed`);
    },
  }),
};

export const fence13: Rule = {
  id: "FENCE-13",
  level: "MUST",
  obliged: ["framework"],
  statement: "A queued callback runs exactly once, at the signal, unless it is removed first and then never.",
  intent: "A lost callback hangs its owner and a repeated one frees its memory twice.",
  sources: [
    kernel("drivers/dma-buf/dma-fence.c", "dma_fence_add_callback", "6.12, 7.2"),
    kernel("drivers/dma-buf/dma-fence.c", "dma_fence_signal_timestamp_locked", "6.12, 7.2"),
    run(["6.12.117", "7.2.13"], "three callbacks, one removed, two signals: two run once"),
  ],
  hints: [
    "Is the list detached under the lock before callbacks run?",
    "Can a callback added during the signal be skipped?",
  ],
  status: checked,
  monitor: remember(() => new Registrations(), {
    "call addCallback": (event, _state, _verdict, memory) => memory.set(event.fence, event.callback, "queued"),
    "ret addCallback": (event, _state, _verdict, memory) => {
      if (event.errno !== 0) memory.set(event.fence, event.callback, "refused");
    },
    "ret removeCallback": (event, _state, _verdict, memory) => {
      if (event.answer) memory.set(event.fence, event.callback, "removed");
    },
    "cb callback": (event, _state, verdict, memory) => {
      const was = memory.get(event.fence, event.callback);
      verdict.exercised();
      if (was === "ran" || was === "removed")
        verdict.violated(
          `${event.callback} runs on ${event.fence} ${was === "ran" ? "a second time" : "after it was removed"}`,
          verdict.since("callbacks", event.callback, "state"),
        );
      memory.set(event.fence, event.callback, "ran");
    },
    "ret signal": (event, _state, verdict, memory) => stillQueued(event.fence, verdict, memory),
    "ret signalTimestamp": (event, _state, verdict, memory) => stillQueued(event.fence, verdict, memory),
    "ret checkAndSignal": (event, _state, verdict, memory) => stillQueued(event.fence, verdict, memory),
    end: (_event, state, verdict, memory) => {
      for (const [name, fence] of state.fences) if (fence.signaled) stillQueued(name, verdict, memory);
    },
  }),
};

export const fence14: Rule = {
  id: "FENCE-14",
  level: "MUST",
  obliged: ["caller"],
  statement: "A callback structure is queued on no more than one fence at a time.",
  intent: "The structure holds a single list link, so a second registration silently corrupts the first list.",
  sources: [
    doc("drivers/dma-buf/dma-fence.c", "dma_fence_add_callback"),
    run(["6.12.117", "7.2.13"], "same structure on two fences: silent, runs for both; reuse after it ran is fine"),
  ],
  hints: [
    "Is one structure reused for the next fence before the previous one ran or was removed?",
    "Do two threads share the structure of one object?",
  ],
  status: checked,
  monitor: on({
    "call addCallback": (event, state, verdict) => {
      if (event.callback === null) return;
      verdict.exercised();
      const row = state.callbacks.get(event.callback);
      if (row?.state === "pending")
        verdict.violated(
          `${event.by} adds ${event.callback} to ${event.fence ?? "no fence"} while it is queued on ${row.fence}`,
          verdict.since("callbacks", event.callback, "state"),
        );
    },
  }),
};

export const fence15: Rule = {
  id: "FENCE-15",
  level: "MUST",
  obliged: ["framework", "caller"],
  statement:
    "Remove returns true only when it took a still queued callback off, and it is called with the fence that the callback was added to and never with a structure that was not added.",
  intent:
    "Callers free the callback's memory on the strength of this answer, and naming the wrong fence unlinks it under the wrong lock.",
  sources: [
    kernel("drivers/dma-buf/dma-fence.c", "dma_fence_remove_callback", "6.12, 7.2"),
    run(
      ["6.12.117", "7.2.13"],
      "twice: true, false; after the run: false; wrong fence: true, and the callback is lost",
    ),
  ],
  hints: [
    "Can the fence pointer be replaced between add and remove?",
    "Is the structure initialised when add was never reached?",
  ],
  status: checked,
  monitor: on({
    "call removeCallback": (event, state, verdict) => {
      if (verdict.misuse) return;
      verdict.exercised();
      const row = state.callbacks.get(event.callback);
      if (row === undefined)
        verdict.violated(`${event.by} removes ${event.callback} from ${event.fence}, to which nobody added it`);
      else if (row.fence !== event.fence)
        verdict.violated(
          `${event.by} removes ${event.callback} from ${event.fence}, but it was added to ${row.fence}`,
          verdict.since("callbacks", event.callback, "fence"),
        );
    },
    "ret removeCallback": (event, state, verdict) => {
      const row = state.callbacks.get(event.callback);
      if (row?.fence !== event.fence) return;
      verdict.exercised();
      if (event.answer !== (row.state === "pending"))
        verdict.violated(
          `removing ${event.callback} answers ${event.answer} although it ${row.state === "pending" ? "was queued" : `had been ${row.state}`}`,
          verdict.since("callbacks", event.callback, "state"),
        );
    },
  }),
};

export const fence16: Rule = {
  id: "FENCE-16",
  level: "MUST",
  obliged: ["caller"],
  statement: "A fence callback never sleeps, takes no reservation lock and makes no allocation that may wait.",
  intent: "It runs in whatever context signals, often a hard interrupt with spinlocks held.",
  sources: [
    doc("drivers/dma-buf/dma-fence.c", "dma_fence_add_callback"),
    doc("include/linux/dma-fence.h", "dma_fence_func_t"),
  ],
  hints: [
    "Is the real work moved to a worker?",
    "Does dropping the last reference in the callback free something that needs a sleeping lock?",
  ],
  status: checked,
  monitor: on({
    "cb callback": (_event, _state, verdict) => verdict.exercised(),
    lock: (event, state, verdict) => {
      const callback = openHook(state, event.task, "callback");
      if (callback !== undefined && event.lockClass === "reservation")
        verdict.violated(
          `${callback.callback} asks for the lock ${event.lock} inside the signal of ${callback.fence}`,
          callback,
        );
    },
    blocked: (event, state, verdict) => {
      const callback = openHook(state, event.task, "callback");
      if (callback !== undefined)
        verdict.violated(`${callback.callback} sleeps inside the signal of ${callback.fence}`, callback);
    },
    alloc: (event, state, verdict) => {
      const callback = openHook(state, event.task, "callback");
      if (callback !== undefined && event.by !== "framework")
        verdict.violated(
          `${callback.callback} allocates ${event.what} inside the signal of ${callback.fence}`,
          callback,
        );
    },
  }),
};

export const fence36: Rule = {
  id: "FENCE-36",
  level: "MUST",
  obliged: ["framework"],
  provokedBy: ["fenceOwner"],
  statement: "Inside a callback the fence already shows signaled with the error and timestamp it will keep.",
  intent: "Callbacks pass the outcome on at once, and a value read too early would be passed on wrong.",
  sources: [
    kernel("drivers/dma-buf/dma-fence.c", "dma_fence_signal_timestamp_locked", "6.12, 7.2"),
    doc("include/linux/dma-fence.h", "dma_fence_set_error"),
  ],
  hints: [
    "Are bit and timestamp stored before the callback list is walked?",
    "Does the owner set its error only after calling signal?",
  ],
  status: checked,
  monitor: on({
    "cb callback": (event, state, verdict) => {
      const fence = state.fences.get(event.fence);
      if (fence === undefined) return;
      verdict.exercised();
      if (!fence.signaled)
        verdict.violated(
          `${event.callback} runs before ${event.fence} is signaled`,
          verdict.since("callbacks", event.callback, "state"),
        );
    },
    "ret isSignaled": (event, state, verdict) => {
      const callback = openHook(state, event.task, "callback");
      if (callback?.fence === event.fence && !event.answer)
        verdict.violated(`${callback.callback} finds ${event.fence} unsignaled, which it is called for`, callback);
    },
  }),
};

export const fence37: Rule = {
  id: "FENCE-37",
  level: "MUST",
  obliged: ["framework"],
  statement: "When remove has returned, whatever it answered, the callback is neither running nor going to run.",
  intent: "The caller reuses or frees the structure right after.",
  sources: [
    kernel("drivers/dma-buf/dma-fence.c", "dma_fence_remove_callback", "6.12, 7.2"),
    derived("callbacks and remove both hold the fence lock"),
  ],
  hints: [
    "Do callbacks run under the lock that remove takes?",
    "Is a callback handed to a worker that remove does not know of?",
  ],
  status: checked,
  monitor: remember(() => new Map<string, RetEvent<"removeCallback">>(), {
    "call addCallback": (event, _state, _verdict, removed) => {
      if (event.callback !== null) removed.delete(event.callback);
    },
    "ret removeCallback": (event, state, verdict, removed) => {
      const row = state.callbacks.get(event.callback);
      if (row?.fence !== event.fence) return;
      verdict.exercised();
      removed.set(event.callback, event);
      if (row.state === "running" && openHook(state, event.task, "callback")?.callback !== event.callback)
        verdict.violated(
          `${event.callback} is still running when its removal returns`,
          verdict.since("callbacks", event.callback, "state"),
        );
    },
    "cb callback": (event, _state, verdict, removed) => {
      const ret = removed.get(event.callback);
      if (ret !== undefined) verdict.violated(`${event.callback} runs after its removal has returned`, ret);
    },
  }),
};

export const fence38: Rule = {
  id: "FENCE-38",
  level: "MUST",
  obliged: ["caller"],
  statement: "A callback never calls add, remove, signal, enable, status or wait on the fence it is called for.",
  intent: "The fence's spinlock is held during the callback, so these calls deadlock on the same processor.",
  sources: [
    kernel("drivers/dma-buf/dma-fence.c", "dma_fence_signal_timestamp_locked", "6.12, 7.2"),
    kernel("drivers/dma-buf/dma-fence.c", "dma_fence_get_status", "6.12, 7.2"),
    run(["6.12.117", "7.2.13"], "status and remove in the callback: recursion reported; is-signaled is fine"),
  ],
  hints: [
    "Does the callback re-arm itself on the same fence?",
    "Is the error read with the locking status query instead of the field?",
  ],
  status: checked,
  monitor: on({
    "cb callback": (_event, _state, verdict) => verdict.exercised(),
    call: (event, state, verdict) => {
      if (!takesFenceLock.has(event.op) || !("fence" in event) || event.fence === null) return;
      const frames = state.tasks.get(event.task)?.frames ?? [];
      const inside = frames.find(
        (frame) => frame.kind === "cb" && frame.hook === "callback" && frame.fence === event.fence,
      );
      if (inside !== undefined)
        verdict.violated(`${event.by} calls ${event.op} on ${event.fence} inside a callback of that fence`, inside);
    },
  }),
};

export const rules: readonly Rule[] = [fence12, fence13, fence14, fence15, fence16, fence36, fence37, fence38];
