import type { Rule } from "../rule.ts";
import { later } from "../rule-text.ts";
import { kernel, doc, derived, run } from "../source.ts";

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
  status: later("FENCE"),
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
  status: later("FENCE"),
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
  status: later("FENCE"),
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
  status: later("FENCE"),
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
  status: later("FENCE"),
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
  status: later("FENCE"),
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
  status: later("FENCE"),
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
  status: later("FENCE"),
};

export const rules: readonly Rule[] = [fence12, fence13, fence14, fence15, fence16, fence36, fence37, fence38];
