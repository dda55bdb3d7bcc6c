import { EDEADLK, EINVAL, errnoName } from "../../spec/errno.ts";
import type { HistoryEvent, RetEvent, SignalEvent } from "../../spec/event.ts";
import type { State } from "../../spec/state/state.ts";
import { on, remember, type Verdict } from "../monitor.ts";
import type { Rule } from "../rule.ts";
import { checked } from "../rule-text.ts";
import { kernel, doc, run } from "../source.ts";
import { openCall, signalCall } from "./frames.ts";

function isSignaled(state: State, fence: string): boolean {
  return state.fences.get(fence)?.signaled === true;
}

function keep(seen: Map<string, HistoryEvent>, fence: string, event: HistoryEvent): void {
  if (!seen.has(fence)) seen.set(fence, event);
}

/** FENCE-01: a query that began after the fence was seen signaled. */
function answered(
  event: RetEvent<"isSignaled" | "getStatus">,
  signaled: boolean,
  verdict: Verdict,
  seen: Map<string, HistoryEvent>,
): void {
  const before = seen.get(event.fence);
  if (before !== undefined && before.seq < event.call) {
    verdict.exercised();
    if (!signaled) verdict.violated(`${event.fence} was seen signaled and is found unsignaled later`, before);
  } else if (signaled) keep(seen, event.fence, event);
}

/** FENCE-02: what a call answers that found the fence signaled. */
function secondAnswer(
  event: RetEvent<"signal" | "signalTimestamp">,
  verdict: Verdict,
  second: ReadonlyMap<number, boolean>,
): void {
  if (second.get(event.call) !== true) return;
  verdict.exercised();
  const expected = verdict.profile.secondSignal === "EINVAL" ? EINVAL : 0;
  if (event.errno !== expected)
    verdict.violated(
      `a second signal of ${event.fence} answers ${errnoName(event.errno)}, expected ${errnoName(expected)}`,
      verdict.since("fences", event.fence, "signaled"),
    );
}

/** FENCE-39: whether a signaler was told rightly that it was the first. `first`: the call that made the fence signal. */
function toldFirst(
  event: RetEvent<"signal" | "signalTimestamp" | "checkAndSignal">,
  told: boolean,
  verdict: Verdict,
  first: ReadonlyMap<string, number>,
): void {
  verdict.exercised();
  if (told === (first.get(event.fence) === event.call)) return;
  verdict.violated(
    told
      ? `${event.by} is told that it was the first to signal ${event.fence}, which somebody else did`
      : `${event.by} was the first to signal ${event.fence} and is told that it was not`,
    verdict.since("fences", event.fence, "signaled"),
  );
}

export const fence01: Rule = {
  id: "FENCE-01",
  level: "MUST",
  obliged: ["fenceOwner"],
  provokedBy: ["framework"],
  statement: "Once any query or waiter has seen a fence signaled, every later query of that fence says signaled.",
  intent: "A consumer that has freed or reused memory on the word of a fence cannot take that back.",
  sources: [
    doc("drivers/dma-buf/dma-fence.c", "DMA fences overview"),
    run(["6.12.117", "7.2.13"], "an owner that says done and then not done is not asked again"),
  ],
  hints: [
    "Is a fence object reinitialised for the next job while someone may still hold it?",
    "Does a reset move the hardware counter backwards under fences already reported done?",
  ],
  status: checked,
  monitor: remember(() => new Map<string, HistoryEvent>(), {
    signal: (event, _state, _verdict, seen) => keep(seen, event.fence, event),
    "ret isSignaled": (event, _state, verdict, seen) => answered(event, event.answer, verdict, seen),
    "ret getStatus": (event, _state, verdict, seen) => answered(event, event.status !== 0, verdict, seen),
  }),
};

export const fence02: Rule = {
  id: "FENCE-02",
  level: "MUST",
  obliged: ["framework"],
  statement:
    "Signaling an already signaled fence leaves callbacks, timestamp and error as the first signal made them (up to 6.19 it answers -EINVAL, from 7.0 the plain form is silent and the checking form returns true).",
  intent:
    "Interrupt handler, timeout handler and teardown often all signal the same fence, and a second round of callbacks would free things twice.",
  sources: [
    kernel("drivers/dma-buf/dma-fence.c", "dma_fence_signal_timestamp_locked", "6.12, 7.2"),
    kernel("drivers/dma-buf/dma-fence.c", "dma_fence_check_and_signal", "7.0+"),
    run(["6.12.117", "7.2.13"], "two signals, one callback, first timestamp kept"),
  ],
  hints: [
    "Is the signaled bit tested and set in one atomic step before callbacks are taken off the list?",
    "Does the timestamp form write the stamp before it knows that it is the first signal?",
  ],
  status: checked,
  monitor: remember(() => new Map<number, boolean>(), {
    "call signal": (event, state, _verdict, second) => {
      second.set(event.seq, isSignaled(state, event.fence));
    },
    "call signalTimestamp": (event, state, _verdict, second) => {
      second.set(event.seq, isSignaled(state, event.fence));
    },
    signal: (event, state, verdict) => {
      if (!isSignaled(state, event.fence)) return;
      verdict.exercised();
      verdict.violated(`${event.fence} signals a second time`, verdict.since("fences", event.fence, "signaled"));
    },
    "ret signal": (event, _state, verdict, second) => secondAnswer(event, verdict, second),
    "ret signalTimestamp": (event, _state, verdict, second) => secondAnswer(event, verdict, second),
  }),
};

export const fence10: Rule = {
  id: "FENCE-10",
  level: "MUST",
  obliged: ["fenceOwner"],
  statement:
    "Errors are set only while the fence is unsignaled and lie between -4095 and -1; the last one set is the fence's status.",
  intent:
    "The kernel merely warns about a late or positive error and stores it, so two readers of one fence would report different outcomes.",
  sources: [
    kernel("include/linux/dma-fence.h", "dma_fence_set_error", "6.12, 7.2"),
    run(["6.12.117", "7.2.13"], "5 and 0 are stored and returned as they are; a late error changes the status"),
  ],
  hints: [
    "Is the error set before the signal call on every path, also in the timeout handler?",
    "Is a positive code or a bare boolean handed in as error?",
  ],
  status: checked,
  monitor: on({
    "call setError": (event, state, verdict) => {
      verdict.exercised();
      if (isSignaled(state, event.fence))
        verdict.violated(
          `${event.by} sets the error of ${event.fence} to ${event.error} after the signal`,
          verdict.since("fences", event.fence, "signaled"),
        );
      else if (event.error >= 0 || event.error < -4095)
        verdict.violated(
          `${event.by} gives ${event.fence} the error ${event.error}, which is no negative error number`,
        );
    },
  }),
};

export const fence11: Rule = {
  id: "FENCE-11",
  level: "MUST",
  obliged: ["framework"],
  provokedBy: ["fenceOwner"],
  statement:
    "The status query answers 0 while the fence is unsignaled, 1 after a signal without error, and the stored error after a signal with one.",
  intent: "Sync files and drivers decide from this one number whether work is pending, done or failed.",
  sources: [
    doc("drivers/dma-buf/dma-fence.c", "dma_fence_get_status"),
    kernel("drivers/dma-buf/dma-fence.c", "dma_fence_get_status", "6.12, 7.2"),
    run(["6.12.117", "7.2.13"], "status over the life of a fence"),
  ],
  hints: [
    "Is the error returned although the fence is not signaled yet?",
    "Does the query ask the owner under the fence lock, so that it may itself complete the fence?",
  ],
  status: checked,
  monitor: on({
    signal: (event, state, verdict) => {
      const fence = state.fences.get(event.fence);
      if (fence?.kind !== "plain" || fence.signaled || fence.error === 0) return;
      verdict.exercised();
      if (event.error !== fence.error && event.error !== -EDEADLK)
        verdict.violated(
          `${event.fence} signals with the error ${event.error}; ${fence.error} was set`,
          verdict.since("fences", event.fence, "error"),
        );
    },
    "ret getStatus": (event, state, verdict) => {
      const fence = state.fences.get(event.fence);
      if (fence === undefined) return;
      verdict.exercised();
      // What a container reports is FENCE-42's and FENCE-43's affair.
      const expected = fence.signaled ? fence.error || 1 : 0;
      const right = fence.kind === "plain" ? event.status === expected : (event.status !== 0) === fence.signaled;
      if (!right)
        verdict.violated(
          `the status of ${event.fence} is ${event.status}, expected ${expected}`,
          verdict.since("fences", event.fence, fence.signaled ? "signaled" : "context"),
          verdict.since("fences", event.fence, "error"),
        );
    },
  }),
};

export const fence30: Rule = {
  id: "FENCE-30",
  level: "MUST",
  obliged: ["framework", "caller"],
  statement:
    "A fence's timestamp is taken once, at its first signal (the supplied value, or a time inside that call; a container's when it is itself found or made signaled), never changes, and is asked only of signaled fences.",
  intent:
    "Frame pacing and profiling compare these stamps; one that moves or precedes the signal makes latencies negative.",
  sources: [
    kernel("drivers/dma-buf/dma-fence.c", "dma_fence_signal_timestamp_locked", "6.12, 7.2"),
    kernel("include/linux/dma-fence.h", "dma_fence_timestamp", "6.12, 7.2"),
    run(["6.12.117", "7.2.13"], "unsignaled: warning and current time; supplied 0 and -5 kept"),
  ],
  hints: [
    "Is the stamp stored before the signaled bit becomes visible, or can a reader see the bit first?",
    "Is the stamp of a container copied from a member instead of taken at its own signal?",
  ],
  status: checked,
  monitor: remember(() => ({ stamps: new Map<string, SignalEvent>(), latest: null as SignalEvent | null }), {
    signal: (event, state, verdict, memory) => {
      if (!memory.stamps.has(event.fence)) memory.stamps.set(event.fence, event);
      const call = signalCall(state, event);
      // The stub of a merge takes the time of its parts (FENCE-28).
      const around = openCall(state, event.task)?.op;
      if (around === "merge" || around === "mergeSyncFiles") return;
      verdict.exercised();
      if (call?.op === "signalTimestamp") {
        if (event.time !== call.timestamp)
          verdict.violated(`${event.fence} is stamped ${event.time} instead of the ${call.timestamp} supplied`, call);
        return;
      }
      if (memory.latest !== null && event.time < memory.latest.time)
        verdict.violated(
          `${event.fence} is stamped ${event.time}, before the ${memory.latest.time} of ${memory.latest.fence}, which signaled earlier`,
          memory.latest,
        );
      memory.latest = event;
    },
    "call timestamp": (event, state, verdict) => {
      const fence = state.fences.get(event.fence);
      if (verdict.misuse || fence === undefined) return;
      verdict.exercised();
      if (!fence.signaled)
        verdict.violated(`${event.by} asks for the timestamp of ${event.fence}, which is unsignaled`);
    },
    "ret timestamp": (event, _state, verdict, { stamps }) => {
      const stamp = stamps.get(event.fence);
      if (stamp === undefined) return;
      verdict.exercised();
      if (event.time !== stamp.time)
        verdict.violated(`the timestamp of ${event.fence} is ${event.time}; it signaled at ${stamp.time}`, stamp);
    },
  }),
};

export const fence39: Rule = {
  id: "FENCE-39",
  level: "MUST",
  obliged: ["framework"],
  statement:
    "When several actors signal one fence, no two learn that they were first, and exactly one does if all use a form that reports it.",
  intent: "Whoever is told that it was first does the cleanup of the job; two of them do it twice, none leaks it.",
  sources: [
    kernel("drivers/dma-buf/dma-fence.c", "dma_fence_signal", "6.12"),
    kernel("drivers/dma-buf/dma-fence.c", "dma_fence_check_and_signal", "7.2"),
    run(["6.12.117", "7.2.13"], "0 then -EINVAL on 6.12; false then true on 7.2"),
  ],
  hints: ["Is the result derived from the atomic test-and-set itself or from a separate query before it?"],
  status: checked,
  monitor: remember(() => new Map<string, number>(), {
    signal: (event, state, _verdict, first) => {
      if (!first.has(event.fence)) first.set(event.fence, signalCall(state, event)?.seq ?? -1);
    },
    "ret signal": (event, _state, verdict, first) => {
      if (verdict.profile.secondSignal === "EINVAL") toldFirst(event, event.errno === 0, verdict, first);
    },
    "ret signalTimestamp": (event, _state, verdict, first) => {
      if (verdict.profile.secondSignal === "EINVAL") toldFirst(event, event.errno === 0, verdict, first);
    },
    "ret checkAndSignal": (event, _state, verdict, first) => toldFirst(event, !event.answer, verdict, first),
  }),
};

export const rules: readonly Rule[] = [fence01, fence02, fence10, fence11, fence30, fence39];
