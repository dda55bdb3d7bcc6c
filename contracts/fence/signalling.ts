import type { Rule } from "../rule.ts";
import { later } from "../rule-text.ts";
import { kernel, doc, run } from "../source.ts";

export const fence06: Rule = {
  id: "FENCE-06",
  level: "MUST",
  obliged: ["fenceOwner"],
  statement:
    "No reservation lock is taken, by any form of the call including trylock, between begin and end of a signalling section.",
  intent: "Lock holders wait for fences; if the fence waits for their lock, neither moves.",
  sources: [
    doc("drivers/dma-buf/dma-fence.c", "fence signalling annotation"),
    kernel("drivers/dma-buf/dma-fence.c", "dma_fence_begin_signalling", "6.12, 7.2"),
    run(["6.12.117", "7.2.13"], "blocking lock reported by lockdep, trylock not"),
  ],
  temporal: ["T-23"],
  hints: [
    "Does the completion worker free buffers or update mappings under a reservation lock?",
    "Is a trylock used to quieten lockdep?",
  ],
  status: later("FENCE"),
};

export const fence07: Rule = {
  id: "FENCE-07",
  level: "MUST",
  obliged: ["fenceOwner"],
  statement:
    "The path to signaling allocates only in the atomic way that may fail, and waits for nothing that may itself be in reclaim.",
  intent: "Reclaim may be waiting for this very fence, so a blocking allocation here waits for itself.",
  sources: [
    doc("drivers/dma-buf/dma-fence.c", "fence cross-driver contract"),
    run(["6.12.117", "7.2.13"], "waits inside a section are not reported by lockdep, so only a history shows them"),
  ],
  temporal: ["T-23"],
  hints: [
    "Is all memory that completion needs allocated at submission?",
    "Does the path take a mutex under which others allocate?",
  ],
  status: later("FENCE"),
};

export const fence08: Rule = {
  id: "FENCE-08",
  level: "MUST",
  obliged: ["fenceOwner"],
  statement:
    "A fence whose work is done signals although another actor holds a reservation lock and waits for that fence.",
  intent: "Waiting under the lock is allowed to everyone, so a fence that needs the lock free never comes.",
  sources: [
    doc("drivers/dma-buf/dma-fence.c", "fence cross-driver contract"),
    run(["6.12.117", "7.2.13"], "one actor waits with the lock held, another signals at once"),
  ],
  temporal: ["T-23"],
  hints: [
    "Does the completion handler or its worker queue behind a task that takes the lock?",
    "Is the next step of a multi-step job started under the lock?",
  ],
  status: later("FENCE"),
};

export const fence09: Rule = {
  id: "FENCE-09",
  level: "MUST",
  obliged: ["caller"],
  statement: "Ending an inner signalling section with its own cookie leaves the outer section open.",
  intent:
    "If the inner end closed everything, the rest of the outer path would go unchecked and its deadlocks unnoticed.",
  sources: [
    kernel("drivers/dma-buf/dma-fence.c", "dma_fence_end_signalling", "6.12, 7.2"),
    run(["6.12.117", "7.2.13"], "a blocking allocation after the inner end is still reported, after the outer end not"),
  ],
  hints: [
    "Is the cookie of each begin kept in its own variable and passed to the matching end?",
    "Is a section ended on an error path that did not begin it?",
  ],
  status: later("FENCE"),
};

export const fence17: Rule = {
  id: "FENCE-17",
  level: "MUST",
  obliged: ["framework"],
  provokedBy: ["fenceOwner"],
  statement:
    "When the owner's enable operation reports failure, the fence is signaled before the enabling call returns.",
  intent: "False means that the work is already over, and nobody would signal the fence afterwards.",
  sources: [
    kernel("drivers/dma-buf/dma-fence.c", "__dma_fence_enable_signaling", "6.12, 7.2"),
    run(["6.12.117", "7.2.13"], "enable, wait and add-callback on a fence whose enable fails: signaled, no error"),
  ],
  hints: [
    "Is the return value of the enable operation ignored on one of the paths (wait, callback, explicit enable)?",
    "Does your enable return false for 'could not arm the interrupt' rather than 'already done'?",
  ],
  status: later("FENCE"),
};

export const fence33: Rule = {
  id: "FENCE-33",
  level: "MUST",
  obliged: ["fenceOwner", "caller"],
  statement:
    "No fence depends on the end of a reservation-lock hold, of reclaim or of a notifier callback, and only GPU drivers wait for fences in the last two.",
  intent: "All three places may legally wait for fences, so any dependency back closes a cycle.",
  sources: [
    doc("drivers/dma-buf/dma-fence.c", "fence cross-driver contract"),
    run(["6.12.117", "7.2.13"], "wait with a reservation lock held is silent"),
  ],
  temporal: ["T-23"],
  hints: [
    "Does job completion need a lock that your notifier or shrinker holds while it waits?",
    "Does a non-GPU importer wait for fences in its notifier callback?",
  ],
  status: later("FENCE"),
};

export const fence35: Rule = {
  id: "FENCE-35",
  level: "MUST",
  obliged: ["framework"],
  statement:
    "The owner's enable operation is called at most once per fence, only before it signaled, with the fence lock held and in atomic context (7.2: interrupts off).",
  intent:
    "Owners take a reference or arm an interrupt there; a second call leaks it, a late one arms an interrupt that never fires.",
  sources: [
    kernel("drivers/dma-buf/dma-fence.c", "__dma_fence_enable_signaling", "6.12, 7.2"),
    doc("include/linux/dma-fence.h", "dma_fence_ops enable_signaling"),
    run(["6.12.117", "7.2.13"], "two enables, callback, wait: one call"),
  ],
  hints: [
    "Is the enabled flag tested and set atomically under the fence lock?",
    "Is the signaled state checked after the lock was taken?",
  ],
  status: later("FENCE"),
};

export const rules: readonly Rule[] = [fence06, fence07, fence08, fence09, fence17, fence33, fence35];
