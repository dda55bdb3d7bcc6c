import type { Rule } from "../rule.ts";
import { later } from "../rule-text.ts";
import { kernel, doc, run } from "../source.ts";

export const fence18: Rule = {
  id: "FENCE-18",
  level: "MUST",
  obliged: ["fenceOwner"],
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
  status: later("FENCE"),
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
  status: later("FENCE"),
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
  status: later("FENCE"),
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
  status: later("FENCE"),
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
  status: later("FENCE"),
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
  status: later("FENCE"),
};

export const rules: readonly Rule[] = [fence18, fence22, fence29, fence40, fence41, fence47];
