import type { Rule } from "../rule.ts";
import { later } from "../rule-text.ts";
import { kernel, doc, run } from "../source.ts";

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
  status: later("FENCE"),
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
  status: later("FENCE"),
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
  status: later("FENCE"),
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
  status: later("FENCE"),
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
  status: later("FENCE"),
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
  status: later("FENCE"),
};

export const rules: readonly Rule[] = [fence01, fence02, fence10, fence11, fence30, fence39];
