import { later } from "../rule-text.ts";
import type { Rule } from "../rule.ts";
import { derived, doc, kernel, run } from "../source.ts";

const both = ["6.12.117", "7.2.13"];

export const resv20: Rule = {
  id: "RESV-20",
  level: "MUST",
  obliged: ["caller"],
  statement: "Only plain fences are added: arrays and chains are taken apart and their members added one by one.",
  intent: "Replacing by context and number makes no sense for a container and would drop work that still runs.",
  sources: [
    kernel("drivers/dma-buf/dma-resv.c", "dma_resv_add_fence", "6.12, 7.2"),
    kernel("include/linux/dma-fence.h", "dma_fence_is_container", "6.12, 7.2"),
    run(both, "an array and a chain: warned about and stored"),
  ],
  hints: [
    "Does the fence come from a sync file or a timeline point, and is it unwrapped?",
    "Is a merged fence of dma_resv_get_singleton put back?",
  ],
  status: later("RESV"),
};

export const resv21: Rule = {
  id: "RESV-21",
  level: "MUST",
  obliged: ["framework"],
  statement:
    "An add overwrites the first entry in list order that is signaled, or that has the fence's context, a usage at least as weak and the same fence or an earlier number; if there is none the fence is appended.",
  intent: "A looser test hides unfinished work of the same context, a stricter one lets the list grow without end.",
  sources: [
    kernel("drivers/dma-buf/dma-resv.c", "dma_resv_add_fence", "6.12, 7.2"),
    kernel("include/linux/dma-fence.h", "dma_fence_is_later_or_same", "6.12, 7.2"),
    run(both, "same context with all orders of number and usage, wrapped numbers, signaled entries"),
  ],
  hints: [
    "Is the direction of the usage comparison right, so that a READ never pushes out a WRITE?",
    "Does an equal number of another fence object count as later?",
    "Does the walk stop at the first entry it can overwrite?",
  ],
  status: later("RESV"),
};

export const resv22: Rule = {
  id: "RESV-22",
  level: "MUST",
  obliged: ["framework"],
  statement:
    "An unsignaled fence leaves the object only through an add allowed by RESV-21, an explicit replace of its context, or a copy into the object.",
  intent: "Every user of the memory waits for what is in the list, and nobody waits for a fence that fell out.",
  sources: [
    derived("RESV-17, RESV-21, RESV-35 and RESV-45"),
    doc("drivers/dma-buf/dma-resv.c", "DOC: Reservation Object Overview"),
    run(both, "even a signaled entry stays until it is overwritten or the list is rebuilt"),
  ],
  temporal: ["T-20"],
  hints: ["Which operation exchanged the list last, and did it carry over this entry?"],
  status: later("RESV"),
};

export const resv23: Rule = {
  id: "RESV-23",
  level: "MUST",
  obliged: ["framework"],
  statement:
    "Adding a fence again with a stronger usage promotes it, adding it with a weaker one leaves the strong entry and takes a slot for a second; only an explicit replace weakens a usage.",
  intent: "A weakened write fence is no longer seen by implicit sync, and readers start too early.",
  sources: [
    doc("include/linux/dma-resv.h", "enum dma_resv_usage"),
    kernel("drivers/dma-buf/dma-resv.c", "dma_resv_add_fence", "6.12, 7.2"),
    run(both, "one fence added as BOOKKEEP, WRITE, READ and KERNEL"),
  ],
  hints: [
    "Does the add write the new usage into an entry of the same fence without comparing?",
    "Was a slot reserved for the weaker second entry?",
  ],
  status: later("RESV"),
};

export const resv34: Rule = {
  id: "RESV-34",
  level: "MUST",
  obliged: ["caller"],
  statement:
    "The fences of a context are replaced by another fence only if their work no longer touches the memory once that fence has signaled.",
  intent: "Eviction fences are swapped for a page table update, and memory still in use would be handed on.",
  sources: [doc("drivers/dma-buf/dma-resv.c", "dma_resv_replace_fences")],
  hints: [
    "Does the new fence wait for the old work, or for taking its access away?",
    "Can the old job still be running when the update has finished?",
  ],
  status: later("RESV"),
};

export const resv45: Rule = {
  id: "RESV-45",
  level: "MUST",
  obliged: ["framework"],
  statement:
    "An explicit replace puts the new fence and usage into every entry of the given context and touches nothing else; it runs under the lock, uses no slot and cannot fail.",
  intent: "An old entry left behind blocks the memory for ever, and a foreign one hit by mistake loses a wait.",
  sources: [
    kernel("drivers/dma-buf/dma-resv.c", "dma_resv_replace_fences", "6.12, 7.2"),
    run(both, "several entries of one context, a foreign one, an unknown context, a full list"),
  ],
  hints: [
    "Does the loop stop after the first entry it replaced?",
    "Is one reference taken for each entry the new fence fills?",
  ],
  status: later("RESV"),
};

export const resv46: Rule = {
  id: "RESV-46",
  level: "MUST",
  obliged: ["framework"],
  statement:
    "The object holds a reference of its own for each entry until the entry leaves or the object dies, so a fence seen in a locked walk is valid until the unlock.",
  intent: "A submitter drops its reference right after the add.",
  sources: [
    kernel("drivers/dma-buf/dma-resv.c", "dma_resv_add_fence, dma_resv_list_free", "6.12, 7.2"),
    doc("include/linux/dma-resv.h", "dma_resv_for_each_fence"),
    run(both, "a signaled fence without other references lives until the object is put"),
  ],
  hints: [
    "Is the reference to the overwritten fence dropped, and only after the new one is in place?",
    "Does a fence with two entries have two references?",
  ],
  status: later("RESV"),
};

export const rules: readonly Rule[] = [resv20, resv21, resv22, resv23, resv34, resv45, resv46];
