import { later } from "../rule-text.ts";
import type { Rule } from "../rule.ts";
import { doc, kernel, run } from "../source.ts";

const both = ["6.12.117", "7.2.13"];

export const resv35: Rule = {
  id: "RESV-35",
  level: "MUST",
  obliged: ["caller", "framework"],
  statement:
    "A copy needs the destination's lock, not the source's, and replaces the destination's fences by the source's unsignaled ones with their usages; it ends the reserved slots, and on -ENOMEM nothing has changed.",
  intent: "Code that takes it for a merge loses the destination's own fences.",
  sources: [
    kernel("drivers/dma-buf/dma-resv.c", "dma_resv_copy_fences", "6.12, 7.2"),
    run(both, "copies from empty, signaled and own objects, and adds after a copy"),
  ],
  hints: [
    "Can the destination hold fences that are still needed?",
    "Is a new reserve made before the next add to the destination?",
  ],
  status: later("RESV"),
};

export const resv39: Rule = {
  id: "RESV-39",
  level: "MUST",
  obliged: ["caller", "framework"],
  statement:
    "A lockless walk may restart when the list is exchanged, and its user then drops what it has collected; the result contains every matching fence that was unsignaled in the object all the time, and none that never was in it.",
  intent: "Entries kept from before a restart count twice and overflow what was allocated for them.",
  sources: [
    doc("include/linux/dma-resv.h", "struct dma_resv_iter"),
    kernel("drivers/dma-buf/dma-resv.c", "dma_resv_iter_next_unlocked, dma_resv_list_set", "6.12, 7.2"),
    run(both, "an exchange restarts the walk, an overwrite in place does not"),
  ],
  hints: [
    "Is dma_resv_iter_is_restarted asked for each fence?",
    "Are the references collected so far put on a restart?",
  ],
  status: later("RESV"),
};

export const resv40: Rule = {
  id: "RESV-40",
  level: "MUST",
  obliged: ["framework", "caller"],
  statement:
    "The single fence for a usage is none without unsignaled entries, the fence itself, with a reference, for one entry, and otherwise a combined fence that signals after all of them and is never added back.",
  intent: "Who waits for this one fence must have waited for all the work behind it.",
  sources: [
    kernel("drivers/dma-buf/dma-resv.c", "dma_resv_get_singleton", "6.12, 7.2"),
    run(both, "one fence with two usages gives two equal members; adding the array back is warned about"),
  ],
  hints: [
    "Is the reference of the lone fence dropped by its receiver, exactly once?",
    "Is the result handed to a function that adds it to a reservation object?",
  ],
  status: later("RESV"),
};

export const resv48: Rule = {
  id: "RESV-48",
  level: "MUST",
  obliged: ["framework"],
  statement:
    "Getting all fences gives one item for each unsignaled entry, each with a reference of its own, a null list and zero if there is none, and nothing at all on failure.",
  intent: "A caller puts exactly what it was told, so a miscount leaks a fence or frees it early.",
  sources: [
    kernel("drivers/dma-buf/dma-resv.c", "dma_resv_get_fences", "6.12, 7.2"),
    run(both, "an empty object, two levels, and all signaled"),
  ],
  hints: ["Are the references put when the allocation fails half way?", "Is the count reset when the walk restarts?"],
  status: later("RESV"),
};

export const rules: readonly Rule[] = [resv35, resv39, resv40, resv48];
