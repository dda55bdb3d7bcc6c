import { later } from "../rule-text.ts";
import type { Rule } from "../rule.ts";
import { doc, kernel, run } from "../source.ts";

const both = ["6.12.117", "7.2.13"];

export const resv36: Rule = {
  id: "RESV-36",
  level: "MUST",
  obliged: ["framework"],
  provokedBy: ["fenceOwner"],
  statement:
    "A wait with a timeout, locked or not, enables each fence before it sleeps on it and answers a positive rest only when all matching fences of its start, or what lawfully replaced them, have signaled; otherwise 0 or -ERESTARTSYS.",
  intent: "Its caller frees or reuses the memory on a positive answer.",
  sources: [
    kernel("drivers/dma-buf/dma-resv.c", "dma_resv_wait_timeout", "6.12, 7.2"),
    kernel("drivers/dma-buf/dma-fence.c", "dma_fence_default_wait", "6.12, 7.2"),
    run(both, "fences replaced and appended during the wait, pending signals, an owner's own wait"),
  ],
  hints: [
    "Is the rest of the timeout carried from one fence to the next?",
    "Does the owner of a fence have a wait operation that answers a positive value too early?",
  ],
  status: later("RESV"),
};

export const resv37: Rule = {
  id: "RESV-37",
  level: "MUST",
  obliged: ["framework"],
  provokedBy: ["fenceOwner"],
  statement:
    "A wait with timeout zero does not sleep and answers 1 if all matching fences are signaled, else 0, or -ERESTARTSYS if interruptible with a signal pending; it stops at, and enables, only the first unsignaled fence, and an owner's own wait operation decides for its fence.",
  intent: "Drivers poll with it where they must not sleep.",
  sources: [
    kernel("drivers/dma-buf/dma-resv.c", "dma_resv_wait_timeout", "6.12, 7.2"),
    kernel("drivers/dma-buf/dma-fence.c", "dma_fence_default_wait", "6.12, 7.2"),
    run(both, "empty, two unsignaled fences, and a pending signal in both forms"),
  ],
  hints: [
    "Does an empty or all signaled object answer 1 and not 0?",
    "Does the walk enable fences behind the first unsignaled one?",
  ],
  status: later("RESV"),
};

export const resv38: Rule = {
  id: "RESV-38",
  level: "MUST",
  obliged: ["framework"],
  provokedBy: ["fenceOwner"],
  statement:
    "The signaled test never blocks, enables nothing and answers true only if no matching fence present throughout was incomplete; like all lockless readers it may ask the owner and thereby signal a fence, and it may stay false for one nobody asked to signal.",
  intent: "A wrong true lets memory be reused under a running job, and callers use the test in atomic context.",
  sources: [
    kernel("drivers/dma-buf/dma-resv.c", "dma_resv_test_signaled, dma_resv_iter_walk_unlocked", "6.12, 7.2"),
    run(both, "four levels, with a silent owner and with one that answers"),
  ],
  hints: [
    "Does a restart of the walk forget an unsignaled fence it has seen?",
    "Does the caller loop on the test without ever enabling the fence?",
  ],
  status: later("RESV"),
};

export const resv43: Rule = {
  id: "RESV-43",
  level: "MUST",
  obliged: ["framework"],
  statement:
    "A deadline set on the object goes to all its matching fences and changes no order and no result of completion.",
  intent: "It is a hint for clock speed, and a driver that reorders by it breaks dependencies.",
  sources: [doc("drivers/dma-buf/dma-resv.c", "dma_resv_set_deadline")],
  hints: [
    "Does the walk stop at the first fence without a deadline operation?",
    "Does the owner's deadline operation signal or fail the fence?",
  ],
  status: later("RESV"),
};

export const rules: readonly Rule[] = [resv36, resv37, resv38, resv43];
