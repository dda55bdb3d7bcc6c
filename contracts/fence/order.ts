import type { Rule } from "../rule.ts";
import { later } from "../rule-text.ts";
import { kernel, doc, run } from "../source.ts";

export const fence19: Rule = {
  id: "FENCE-19",
  level: "MUST",
  obliged: ["fenceOwner"],
  statement:
    "Within one context a signaled fence implies that the work of every fence with a smaller number is complete too (the shared stub context 0 is exempt).",
  intent:
    "Reservation objects and merges keep only the newest fence of a context, and so forget earlier work that is still running.",
  sources: [
    doc("drivers/dma-buf/dma-fence.c", "dma_fence_init"),
    run(["6.12.117", "7.2.13"], "the framework does not check; an earlier unsignaled fence is hidden by RESV-21"),
  ],
  hints: [
    "Can two rings or engines share a context?",
    "Does a skipped or cancelled job signal ahead of an earlier one still on the hardware?",
  ],
  status: later("FENCE"),
};

export const fence20: Rule = {
  id: "FENCE-20",
  level: "MUST",
  obliged: ["caller"],
  statement: "No decision rests on comparing sequence numbers of fences from different contexts.",
  intent: "Numbers of different timelines are unrelated, so the comparison drops a fence that is still needed.",
  sources: [kernel("include/linux/dma-fence.h", "dma_fence_is_later", "6.12, 7.2")],
  hints: [
    "Are the contexts compared before the numbers?",
    "Does a per-buffer 'last fence' mix fences of several queues?",
  ],
  status: later("FENCE"),
};

export const fence21: Rule = {
  id: "FENCE-21",
  level: "MUST",
  obliged: ["framework"],
  provokedBy: ["fenceOwner"],
  statement:
    "32-bit numbers compare by the low words with wrap-around (exactly half the range apart counts as not later both ways), 64-bit numbers compare as plain integers.",
  intent: "A compare that is wrong at the wrap makes a busy buffer look idle after 2^32 jobs.",
  sources: [
    kernel("include/linux/dma-fence.h", "__dma_fence_is_later", "6.12, 7.2"),
    run(["6.12.117", "7.2.13"], "1 against 2^32-1, 2^31 against 0, 2^32+1 against 1, in both modes"),
  ],
  hints: [
    "Is the difference taken as a signed 32-bit value?",
    "Do all fences of a context declare the same numbering mode?",
  ],
  status: later("FENCE"),
};

export const fence26: Rule = {
  id: "FENCE-26",
  level: "MUST",
  obliged: ["framework"],
  provokedBy: ["caller"],
  statement:
    "A chain node holds a fence that is no chain itself (an array is fine) and is not signaled before that fence and every one still linked ahead of it are; a walk may unlink nodes whose own fence is signaled.",
  intent:
    "A timeline point promises that everything up to it is done, and finished nodes must go or the chain grows without limit.",
  sources: [
    kernel("drivers/dma-buf/dma-fence-chain.c", "dma_fence_chain_init", "6.12, 7.2"),
    kernel("drivers/dma-buf/dma-fence-chain.c", "dma_fence_chain_signaled", "6.12, 7.2"),
    kernel("drivers/dma-buf/dma-fence-chain.c", "dma_fence_chain_walk", "6.12, 7.2"),
  ],
  hints: [
    "Does the signaled test stop at the node's own fence?",
    "Does unlinking a node skip an earlier one that is unsignaled?",
  ],
  status: later("FENCE"),
};

export const fence27: Rule = {
  id: "FENCE-27",
  level: "MUST",
  obliged: ["framework"],
  statement:
    "Looking up point 0 succeeds and changes nothing; a point past the end or a non-chain fence gives -EINVAL and keeps the caller's pointer; otherwise the result signals after everything pending up to that point, or is null when nothing is.",
  intent: "User space waits for points, and a result that is too early lets it read an unfinished frame.",
  sources: [
    kernel("drivers/dma-buf/dma-fence-chain.c", "dma_fence_chain_find_seqno", "6.12, 7.2"),
    kernel("drivers/gpu/drm/drm_syncobj.c", "drm_syncobj_find_fence", "6.12, 7.2"),
    run(
      ["6.12.117", "7.2.13"],
      "points around 1, 5, 9 before and after signals; a collected node gives a smaller number",
    ),
  ],
  hints: [
    "Is a null result treated as already signaled and not as an error?",
    "Is the returned node's number assumed to be at least the point?",
  ],
  status: later("FENCE"),
};

export const fence45: Rule = {
  id: "FENCE-45",
  level: "MUST",
  obliged: ["framework"],
  statement:
    "Appending a chain node never fails: a number not above the predecessor chain node's starts a new context with the larger of both, after a plain fence the given number stays in a new context, and the node still waits for its predecessor.",
  intent:
    "User space chooses timeline points freely, and a non-increasing one must neither break ordering nor be refused.",
  sources: [
    kernel("drivers/dma-buf/dma-fence-chain.c", "dma_fence_chain_init", "6.12, 7.2"),
    run(["6.12.117", "7.2.13"], "5, 3, 5, 6 and a plain predecessor numbered 100"),
  ],
  hints: [
    "Is the dependency on the predecessor kept when the context changes?",
    "Is the maximum also taken, wrongly, when the predecessor is a plain fence?",
  ],
  status: later("FENCE"),
};

export const rules: readonly Rule[] = [fence19, fence20, fence21, fence26, fence27, fence45];
