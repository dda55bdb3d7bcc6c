import { later } from "../rule-text.ts";
import type { Rule } from "../rule.ts";
import { doc, kernel, run } from "../source.ts";

const both = ["6.12.117", "7.2.13"];

export const resv15: Rule = {
  id: "RESV-15",
  level: "MUST",
  obliged: ["caller"],
  statement: "Slots are reserved with the lock held and for at least one fence; a count of zero answers -EINVAL.",
  intent: "A reserve without the lock swaps the fence list under its real holder.",
  sources: [kernel("drivers/dma-buf/dma-resv.c", "dma_resv_reserve_fences", "6.12, 7.2")],
  hints: [
    "Can the computed number of fences be zero?",
    "Is the reserve made before the object is locked, to keep allocations outside?",
  ],
  status: later("RESV"),
};

export const resv16: Rule = {
  id: "RESV-16",
  level: "MUST",
  obliged: ["framework"],
  statement: "A reserve that fails with -ENOMEM leaves the unsignaled fences and their usages as they were.",
  intent: "The caller drops its job and has nothing in hand to repair the list with.",
  sources: [
    kernel("drivers/dma-buf/dma-resv.c", "dma_resv_reserve_fences", "6.12, 7.2"),
    run(both, "a reserve too large to succeed"),
  ],
  hints: ["Is the old list changed before the new one is allocated?"],
  status: later("RESV"),
};

export const resv17: Rule = {
  id: "RESV-17",
  level: "MUST",
  obliged: ["framework"],
  statement: "A reserve keeps all unsignaled fences in their order and adds none; signaled ones may go.",
  intent: "A fence lost while the list grows means memory freed under a running job.",
  sources: [
    kernel("drivers/dma-buf/dma-resv.c", "dma_resv_reserve_fences", "6.12, 7.2"),
    run(both, "a signaled fence in the middle leaves only when the list grows"),
  ],
  hints: ["Does the copy to the larger list test each fence, or cut at the first signaled one?"],
  status: later("RESV"),
};

export const resv18: Rule = {
  id: "RESV-18",
  level: "MUST",
  obliged: ["caller"],
  statement: "Slots last until the lock is released: every lock hold that appends fences has reserved for them itself.",
  intent: "The next holder may have used up the room, and an add to a full list stops the kernel.",
  sources: [
    doc("drivers/dma-buf/dma-resv.c", "dma_resv_reserve_fences"),
    kernel("drivers/dma-buf/dma-resv.c", "dma_resv_reset_max_fences", "6.12, 7.2"),
    run(both, "reserve, unlock, lock, add: stops with a BUG in a debug build"),
  ],
  temporal: ["T-19"],
  hints: [
    "Is the object unlocked between reserve and add, for example by a back-off and retry?",
    "Is the reserve skipped on the retry because it was already done once?",
  ],
  status: later("RESV"),
};

export const resv19: Rule = {
  id: "RESV-19",
  level: "MUST",
  obliged: ["caller", "framework"],
  statement:
    "A fence is added with the lock held and, unless it replaces an entry (RESV-21), with a slot left; then the add cannot fail.",
  intent: "The add stands after the job was handed to the hardware, where no error can be undone.",
  sources: [
    kernel("drivers/dma-buf/dma-resv.c", "dma_resv_add_fence", "6.12, 7.2"),
    run(both, "replacing adds into a full list without a reserve are accepted"),
  ],
  hints: [
    "Is one slot reserved for each fence of the job, also for an additional one of another usage?",
    "Was an object without any reserve ever given a list at all?",
  ],
  status: later("RESV"),
};

export const resv44: Rule = {
  id: "RESV-44",
  level: "MUST",
  obliged: ["caller", "framework"],
  statement:
    "A reserve of n promises room for n more appends and does not add to an earlier one: after two reserves in one hold only the larger of the rest and the new count is safe.",
  intent: "Two helpers that each reserve for themselves overflow the list as soon as its spare room is gone.",
  sources: [
    kernel("drivers/dma-buf/dma-resv.c", "dma_resv_reserve_fences, dma_resv_add_fence", "6.12, 7.2"),
    run(both, "two reserves of three: the sixth append stops with a BUG"),
  ],
  hints: [
    "Who else reserves in this hold, and does anybody reserve for the sum?",
    "Is a slot counted back after an add that only replaced an entry?",
  ],
  status: later("RESV"),
};

export const rules: readonly Rule[] = [resv15, resv16, resv17, resv18, resv19, resv44];
