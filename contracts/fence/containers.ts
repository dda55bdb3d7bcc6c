import type { Rule } from "../rule.ts";
import { later } from "../rule-text.ts";
import { kernel, doc, run } from "../source.ts";

export const fence25: Rule = {
  id: "FENCE-25",
  level: "MUST",
  obliged: ["framework", "caller"],
  statement:
    "An array built from non-container fences signals when all its members have (where a series offers the 'any' mode and it is chosen, when the first one has); allocation failure gives null.",
  intent:
    "A job that depends on several buffers waits for one fence, and a nested container would recurse in interrupt context.",
  sources: [
    kernel("drivers/dma-buf/dma-fence-array.c", "dma_fence_array_init", "6.12, 7.2"),
    run(["6.12.117", "7.2.13"], "all mode on both; any mode only on 6.12; containers as members warn"),
  ],
  hints: [
    "Are containers unwrapped before they become members?",
    "Is the pending count set from the member count before any member callback can run?",
  ],
  status: later("FENCE"),
};

export const fence28: Rule = {
  id: "FENCE-28",
  level: "MUST",
  obliged: ["framework"],
  statement:
    "Merging flattens containers, leaves out signaled members, keeps the newest pending fence of each context, and returns a signaled stub with the newest timestamp for none left, that fence itself for one, and an array for more (null without memory).",
  intent: "Merges are merged again for every frame, so anything not dropped piles up without end.",
  sources: [
    kernel("drivers/dma-buf/dma-fence-unwrap.c", "__dma_fence_unwrap_merge", "6.12, 7.2"),
    run(["6.12.117", "7.2.13"], "none, one, duplicates, two of one context, array with chain"),
  ],
  hints: [
    "Are entries sorted by context before duplicates are dropped?",
    "Is the timestamp for the empty case the maximum over the members?",
  ],
  status: later("FENCE"),
};

export const fence42: Rule = {
  id: "FENCE-42",
  level: "MUST",
  obliged: ["framework"],
  statement:
    "An array enabled before it signals ends with the first error seen (members already signaled when it is enabled by index, the others by time of signal); one that was only queried ends with status 1, and its error field means nothing before the signal.",
  intent: "Consumers cancel dependent work on that error, so which one they get must not depend on chance.",
  sources: [
    kernel("drivers/dma-buf/dma-fence-array.c", "dma_fence_array_enable_signaling", "6.12, 7.2"),
    kernel("drivers/dma-buf/dma-fence-array.c", "dma_fence_array_set_pending_error", "6.12, 7.2"),
    kernel("drivers/dma-buf/dma-fence-array.c", "dma_fence_array_signaled", "6.12, 7.2"),
    run(["6.12.117", "7.2.13"], "member 1 fails -7, then member 0 -5: -7, 1 or -5 by who looked first"),
  ],
  hints: [
    "Is the first error kept by compare-and-exchange, so that later ones lose?",
    "Is the placeholder error cleared when all members succeeded?",
  ],
  status: later("FENCE"),
};

export const fence43: Rule = {
  id: "FENCE-43",
  level: "MUST",
  obliged: ["framework", "caller"],
  statement:
    "A signaled chain node has status 1 even if fences in it failed, and whoever needs the error asks the contained fence.",
  intent: "A consumer that trusts the node's status takes a failed frame for a good one.",
  sources: [
    kernel("drivers/dma-buf/dma-fence-chain.c", "dma_fence_chain_irq_work", "6.12, 7.2"),
    kernel("drivers/dma-buf/dma-fence-chain.c", "dma_fence_chain_enable_signaling", "6.12, 7.2"),
    run(["6.12.117", "7.2.13"], "failed members, by query and by callback: 1"),
  ],
  hints: ["Does the consumer unwrap the chain before it reads errors?"],
  status: later("FENCE"),
};

export const fence44: Rule = {
  id: "FENCE-44",
  level: "MUST",
  obliged: ["framework"],
  statement:
    "The last needed member's signal alone gets all waiters and callbacks of an array or chain served, never before it, possibly some time after it.",
  intent:
    "The signal travels through deferred work; if that work is lost the waiter sleeps for ever, and if it runs early data is unfinished.",
  sources: [
    kernel("drivers/dma-buf/dma-fence-array.c", "irq_dma_fence_array_work", "6.12, 7.2"),
    kernel("drivers/dma-buf/dma-fence-chain.c", "dma_fence_chain_irq_work", "6.12, 7.2"),
  ],
  hints: [
    "Does the deferred work hold a reference to the container until it ran?",
    "Does a chain re-arm on the next unsignaled member after each signal?",
  ],
  status: later("FENCE"),
};

export const fence46: Rule = {
  id: "FENCE-46",
  level: "MUST",
  obliged: ["framework", "caller"],
  statement:
    "A merge carries no error of members that had already signaled, so merging only failed signaled fences yields status 1, and callers who care read the members' status first.",
  intent: "A pipeline that merges late silently turns a GPU reset into success.",
  sources: [
    kernel("drivers/dma-buf/dma-fence-unwrap.c", "__dma_fence_unwrap_merge", "6.12, 7.2"),
    kernel("drivers/dma-buf/dma-fence.c", "dma_fence_allocate_private_stub", "6.12, 7.2"),
    run(["6.12.117", "7.2.13"], "two failed signaled fences merge to status 1"),
  ],
  hints: ["Is each input's status read before the merge where the outcome matters?"],
  status: later("FENCE"),
};

export const fence49: Rule = {
  id: "FENCE-49",
  level: "MUST",
  obliged: ["framework", "caller"],
  statement:
    "Successful creation of an array or chain node takes over the caller's references (and the array's member list) and drops each once when it is destroyed, while a failed array creation takes nothing.",
  intent: "One put too many frees a fence under other users, one too few leaks the job behind it.",
  sources: [
    doc("drivers/dma-buf/dma-fence-array.c", "dma_fence_array_create"),
    kernel("drivers/dma-buf/dma-fence-chain.c", "dma_fence_chain_init", "6.12, 7.2"),
    kernel("drivers/dma-buf/dma-fence-chain.c", "dma_fence_chain_release", "6.12, 7.2"),
    run(["6.12.117", "7.2.13"], "references counted for array and chain, idle and enabled"),
  ],
  hints: [
    "Is a fence put after it was handed to a successful create?",
    "Does the error path free both the members and their list?",
  ],
  status: later("FENCE"),
};

export const rules: readonly Rule[] = [fence25, fence28, fence42, fence43, fence44, fence46, fence49];
