import { EDEADLK, EINVAL, ENOMEM, ERESTARTSYS } from "../../spec/errno.ts";
import type { RetEvent } from "../../spec/event.ts";
import type { State } from "../../spec/state/state.ts";
import { on, remember, type Verdict } from "../monitor.ts";
import type { Rule } from "../rule.ts";
import { checked, untested } from "../rule-text.ts";
import { kernel, doc, run } from "../source.ts";
import { openCall, queuedOn, signalCall } from "./frames.ts";
import { pendingParts } from "./parts.ts";

/** FENCE-22: what is wrong with the result of a wait, null if nothing is. `before`: the fence was signaled when it began. */
function wrongWait(event: RetEvent<"waitFence">, signaled: boolean, before: boolean): string | null {
  const { result, timeout } = event;
  if (timeout < 0) return result === -EINVAL ? null : "expected -EINVAL";
  if (result > 0) {
    if (!signaled) return "the fence is unsignaled";
    return result <= Math.max(1, timeout) ? null : "more than the time there was";
  }
  if (before) return "the fence had signaled";
  if (result === 0) return null;
  return result === -ERESTARTSYS && event.interruptible ? null : "no such error is possible";
}

/** FENCE-47: as above. `first`: index of the first fence that was signaled when the wait began or woke up. */
function wrongWaitAny(event: RetEvent<"waitAny">, state: State, first: number, noMemory: boolean): string | null {
  const { result, index, timeout, fences } = event;
  if (timeout < 0 || fences.length === 0) return result === -EINVAL ? null : "expected -EINVAL";
  if (result > 0) {
    const named = fences[index];
    if (named === undefined || state.fences.get(named)?.signaled === false) return "the index names no signaled fence";
    if (first >= 0 && first < index) return `${fences[first]} comes first in the list`;
    return result <= Math.max(1, timeout) ? null : "more than the time there was";
  }
  if (result === -ENOMEM) return noMemory ? null : "memory was there";
  if (first >= 0 && result === 0) return `${fences[first]} had signaled`;
  if (result === 0) return null;
  return result === -ERESTARTSYS && event.interruptible && timeout !== 0 ? null : "no such error is possible";
}

function firstSignaled(state: State, fences: readonly string[]): number {
  return fences.findIndex((fence) => state.fences.get(fence)?.signaled === true);
}

function isWaitedFor(state: State, fence: string): boolean {
  for (const { waiting } of state.tasks.values()) if (waiting?.kind === "fence" && waiting.fence === fence) return true;
  return false;
}

/** FENCE-41: an unsignaled fence whose owner would notice being enabled. */
function canBeEnabled(state: State, name: string): boolean {
  const fence = state.fences.get(name);
  return fence?.kind === "plain" && !fence.signaled && !fence.enabled && fence.hooks.includes("enableSignaling");
}

function mustBeEnabled(name: string, who: string, state: State, verdict: Verdict): void {
  if (state.fences.get(name)?.hooks.includes("enableSignaling") !== true) return;
  verdict.exercised();
  if (canBeEnabled(state, name))
    verdict.violated(`${who} has not enabled ${name}`, verdict.since("fences", name, "context"));
}

export const fence18: Rule = {
  id: "FENCE-18",
  level: "MUST",
  obliged: ["framework", "fenceOwner"],
  statement:
    "A signaled query never says true before the work is complete; after completion it may say false until signaling was enabled or the owner was asked.",
  intent: "Consumers touch the memory as soon as it says true, while a late false only costs time.",
  sources: [
    doc("include/linux/dma-fence.h", "dma_fence_is_signaled"),
    run(["6.12.117", "7.2.13"], "completion without a signal: the query stays false and enables nothing"),
  ],
  hints: [
    "Is the completion counter read from memory that the hardware writes after its last data write?",
    "Can an old counter value after a reset or wrap-around look newer than the fence?",
  ],
  status: checked,
  monitor: remember(() => new Set<string>(), {
    "cbret signaled": (event, state, verdict, complete) => {
      verdict.exercised();
      if (!event.answer) return;
      complete.add(event.fence);
      const job = state.fences.get(event.fence)?.job ?? null;
      if (job !== null && state.jobs.get(job)?.phase === "running")
        verdict.violated(
          `the owner of ${event.fence} says that it is complete while ${job} is running`,
          verdict.since("jobs", job, "phase"),
        );
    },
    "cbret enableSignaling": (event, _state, _verdict, complete) => {
      if (!event.answer) complete.add(event.fence);
    },
    signal: (event, state, verdict, complete) => {
      const fence = state.fences.get(event.fence);
      // One that is released unsignaled is FENCE-23's.
      if (fence?.kind !== "plain" || fence.refs <= 0 || complete.has(event.fence)) return;
      verdict.exercised();
      if (signalCall(state, event) === undefined)
        verdict.violated(
          `${event.fence} becomes signaled although its owner neither signaled it nor said that it is complete`,
        );
    },
    "ret isSignaled": (event, state, verdict) => {
      const fence = state.fences.get(event.fence);
      if (fence === undefined || fence.signaled) return;
      verdict.exercised();
      if (event.answer) verdict.violated(`${event.fence} is reported signaled and has not signaled`);
    },
  }),
};

export const fence22: Rule = {
  id: "FENCE-22",
  level: "MUST",
  obliged: ["framework"],
  provokedBy: ["fenceOwner"],
  statement:
    "A timed wait returns a positive remaining time (1 for timeout 0) only when signaled, 0 on expiry, -ERESTARTSYS on interruption and -EINVAL for a negative timeout; an untimed wait returns 0 on success, and any other negative code that an owner's wait hook invents counts as signaled.",
  intent: "Callers that mix up expiry and success use memory that the device is still writing.",
  sources: [
    kernel("drivers/dma-buf/dma-fence.c", "dma_fence_wait_timeout", "6.12, 7.2"),
    kernel("drivers/dma-buf/dma-fence.c", "dma_fence_default_wait", "6.12, 7.2"),
    doc("include/linux/dma-fence.h", "dma_fence_ops wait"),
    run(["6.12.117", "7.2.13"], "timeouts 0, 5, -1; signaled; untimed; interrupted; own wait operation"),
  ],
  hints: [
    "Is 0 of the timed form taken for success?",
    "Does a fence that signaled with zero time left still give 1?",
    "Does your own wait operation return the remaining time and not a status?",
  ],
  status: checked,
  monitor: remember(() => new Set<number>(), {
    "call waitFence": (event, state, _verdict, signaled) => {
      if (state.fences.get(event.fence)?.signaled === true) signaled.add(event.seq);
    },
    blocked: (event, state, verdict) => {
      const call = openCall(state, event.task);
      if (call?.op !== "waitFence" || call.timeout !== 0) return;
      verdict.exercised();
      verdict.violated(`a wait for ${call.fence} with timeout 0 sleeps`, call);
    },
    "ret waitFence": (event, state, verdict, signaled) => {
      const fence = state.fences.get(event.fence);
      if (fence === undefined || (fence.hooks.includes("wait") && event.timeout >= 0)) return;
      verdict.exercised();
      const wrong = wrongWait(event, fence.signaled, signaled.has(event.call));
      if (wrong !== null)
        verdict.violated(
          `a wait for ${event.fence} with timeout ${event.timeout} returns ${event.result}: ${wrong}`,
          verdict.since("fences", event.fence, "signaled"),
        );
    },
  }),
};

export const fence29: Rule = {
  id: "FENCE-29",
  level: "MUST",
  obliged: ["framework", "fenceOwner"],
  statement:
    "Every deadline hint on an unsignaled fence reaches its owner (through containers and objects to each matching unsignaled member), none after the signal, and no result depends on hints; later ones are for the owner to ignore and past ones mean now.",
  intent:
    "Hints only raise clocks; one that is filtered wrongly costs frames, and one that changes results costs correctness.",
  sources: [
    doc("Documentation/driver-api/dma-buf.rst", "DMA Fence Deadline Hints"),
    kernel("drivers/dma-buf/dma-fence.c", "dma_fence_set_deadline", "6.12, 7.2"),
    run(["6.12.117", "7.2.13"], "1000, 2000, 500, -5 all reach the hook in this order, none after the signal"),
  ],
  hints: [
    "Does your hook keep the earliest deadline itself, since nobody filters for it?",
    "Does it cope with being called many times and with times in the past?",
  ],
  status: checked,
  situation: { weights: { fenceInit: 2, setFenceDeadline: 12 } },
  monitor: remember(() => new Map<number, Set<string>>(), {
    "call setFenceDeadline": (event, state, _verdict, owed) => {
      const parts = [...pendingParts(state, event.fence)];
      owed.set(event.seq, new Set(parts.filter((part) => state.fences.get(part)?.hooks.includes("setDeadline"))));
    },
    "cb fenceDeadline": (event, state, verdict, owed) => {
      const call = openCall(state, event.task);
      verdict.exercised();
      if (state.fences.get(event.fence)?.signaled === true)
        verdict.violated(
          `the owner of ${event.fence} gets a deadline after the signal`,
          verdict.since("fences", event.fence, "signaled"),
        );
      if (call?.op === "setFenceDeadline" && call.deadline === event.deadline) owed.get(call.seq)?.delete(event.fence);
    },
    "ret setFenceDeadline": (event, state, verdict, owed) => {
      const pending = pendingParts(state, event.fence);
      for (const part of owed.get(event.call) ?? []) {
        if (!pending.has(part)) continue;
        verdict.exercised();
        verdict.violated(`the deadline ${event.deadline} of ${event.fence} does not reach the owner of ${part}`);
      }
    },
  }),
};

export const fence40: Rule = {
  id: "FENCE-40",
  level: "MUST",
  obliged: ["fenceOwner"],
  statement:
    "After an owner's signaled operation has once returned true for a fence, it returns true for that fence ever after.",
  intent:
    "The framework asks at several places, and a wavering answer would make one waiter go on and leave another asleep.",
  sources: [
    doc("include/linux/dma-fence.h", "dma_fence_ops signaled"),
    run(["6.12.117", "7.2.13"], "framework latches the first true"),
  ],
  hints: [
    "Is the answer computed from a ring position or counter that can wrap or be reset?",
    "Is the hardware state powered off and then read as zero?",
  ],
  status: untested("the framework latches the first yes and never asks again, so no history shows a second answer"),
};

export const fence41: Rule = {
  id: "FENCE-41",
  level: "MUST",
  obliged: ["framework"],
  statement:
    "Waiting (even with timeout 0) and adding a callback enable signaling first, whereas a plain query and a zero-timeout wait-any never do.",
  intent:
    "Without enabling, some owners send no interrupt and a sleeper stays asleep; enabling on every query would cause an interrupt storm.",
  sources: [
    kernel("drivers/dma-buf/dma-fence.c", "dma_fence_wait_timeout", "6.12, 7.2"),
    kernel("drivers/dma-buf/dma-fence.c", "dma_fence_add_callback", "6.12, 7.2"),
    kernel("drivers/dma-buf/dma-fence.c", "dma_fence_wait_any_timeout", "6.12, 7.2"),
    doc("include/linux/dma-fence.h", "dma_fence_is_signaled"),
    run(["6.12.117", "7.2.13"], "wait and add-callback enable, queries and zero-timeout wait-any do not"),
  ],
  hints: ["Is enabling skipped on the fast path with timeout 0?", "Does the query call the enabling status form?"],
  status: checked,
  monitor: on({
    blocked: (event, state, verdict) => {
      const call = openCall(state, event.task);
      if (call?.op === "waitFence") mustBeEnabled(call.fence, "a sleeping wait", state, verdict);
    },
    "ret waitFence": (event, state, verdict) => {
      if (event.timeout >= 0) mustBeEnabled(event.fence, "a wait", state, verdict);
    },
    "ret addCallback": (event, state, verdict) => {
      if (event.fence !== null && event.errno === 0) mustBeEnabled(event.fence, "adding a callback", state, verdict);
    },
    "ret isSignaled": (event, state, verdict) => {
      if (canBeEnabled(state, event.fence)) verdict.exercised();
    },
    "cb enableSignaling": (event, state, verdict) => {
      const call = openCall(state, event.task);
      const query =
        call?.op === "isSignaled" || call?.op === "getStatus" || (call?.op === "waitAny" && call.timeout === 0);
      if (!query) return;
      verdict.exercised();
      verdict.violated(`${call.op}, a bare query, enables ${event.fence}`, call);
    },
  }),
};

export const fence47: Rule = {
  id: "FENCE-47",
  level: "MUST",
  obliged: ["framework"],
  statement:
    "Wait-any returns a positive value (1 for timeout 0) with the index of the first signaled fence in the list, 0 on expiry, or -EINVAL, -ENOMEM or -ERESTARTSYS; it leaves no callback behind, never uses an owner's wait operation, and with timeout 0 neither enables nor reports interruption.",
  intent: "Callers index their job table with the result and free the fences' memory after the call.",
  sources: [
    kernel("drivers/dma-buf/dma-fence.c", "dma_fence_wait_any_timeout", "6.12, 7.2"),
    run(["6.12.117", "7.2.13"], "timeout 0 with a signal pending gives 0; own wait operation unused"),
  ],
  hints: [
    "Are callbacks removed on the timeout, interruption and allocation failure paths too?",
    "Is the index read although the result was 0 or negative?",
  ],
  status: checked,
  situation: { weights: { waitAny: 8, fenceInit: 2, fencePut: 3 }, interrupts: true },
  monitor: remember(
    () => ({ first: new Map<number, number>(), waited: new Set<string>(), refused: new Set<number>() }),
    {
      "call waitAny": (event, state, _verdict, { first }) => {
        first.set(event.seq, firstSignaled(state, event.fences));
      },
      resumed: (event, state, _verdict, { first }) => {
        const call = openCall(state, event.task);
        if (call?.op === "waitAny" && first.get(call.seq) === -1)
          first.set(call.seq, firstSignaled(state, call.fences));
      },
      alloc: (event, state, _verdict, { refused }) => {
        const call = openCall(state, event.task);
        if (event.errno !== 0 && call?.op === "waitAny") refused.add(call.seq);
      },
      "cb fenceWait": (event, state, verdict) => {
        const call = openCall(state, event.task);
        if (call?.op !== "waitAny") return;
        verdict.exercised();
        verdict.violated(`a wait for any uses the wait operation of ${event.fence}`, call);
      },
      "ret waitAny": (event, state, verdict, { first, waited, refused }) => {
        verdict.exercised();
        for (const fence of event.fences) waited.add(fence);
        const wrong = wrongWaitAny(event, state, first.get(event.call) ?? -1, refused.has(event.call));
        if (wrong !== null)
          verdict.violated(
            `a wait for any of ${event.fences.length} fences with timeout ${event.timeout} returns ${event.result}, index ${event.index}: ${wrong}`,
          );
      },
      signal: (event, state, verdict, { waited }) => {
        const fence = state.fences.get(event.fence);
        if (event.error !== -EDEADLK || fence === undefined || fence.refs > 0 || !waited.has(event.fence)) return;
        // Released while something is queued on it: nobody else has anything there.
        verdict.exercised();
        if (queuedOn(state, event.fence).length === 0 && !isWaitedFor(state, event.fence))
          verdict.violated(`a wait for any left its callback on ${event.fence}`);
      },
    },
  ),
};

export const rules: readonly Rule[] = [fence18, fence22, fence29, fence40, fence41, fence47];
