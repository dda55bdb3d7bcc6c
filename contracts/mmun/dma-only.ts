import type { Rule } from "../rule.ts";
import { later } from "../rule-text.ts";
import { thread } from "../source.ts";

export const mmun22: Rule = {
  id: "MMUN-22",
  level: "SHOULD",
  obliged: ["importer"],
  statement: "No one marks pages or page-table entries of BAR memory dirty.",
  intent: "It has no backing file, and the attempt looks for a page that does not exist.",
  sources: [thread("002", "dirtying does not apply to BAR memory")],
  hints: ["Does the release path of user memory run for BAR ranges too?"],
  status: later("MMUN"),
};

export const mmun23: Rule = {
  id: "MMUN-23",
  level: "MUST",
  obliged: ["importer"],
  statement:
    "The CPU does not touch memory described by a list made for DMA only, and a flow that would have to fails with EOPNOTSUPP.",
  intent: "The list may hold I/O memory, and ordinary loads and stores are not safe on it.",
  sources: [thread("002", "a DMA-only list as a type of its own")],
  hints: ["Which fallback of this flow maps a list entry into the kernel?"],
  status: later("MMUN"),
};

export const mmun24: Rule = {
  id: "MMUN-24",
  level: "MUST",
  obliged: ["importer"],
  statement:
    "An importer that reaches a dma-buf through a VMA stops its access on a notifier event and on a dma-buf invalidate, each one alone being enough.",
  intent:
    "The one says that the address range changed, the other that the memory behind it did, and either may come without the other.",
  sources: [thread("000", "notifiers track VMAs, pin and move_notify track the memory of a dma-buf")],
  hints: ["Is one of the two callbacks empty because the other is thought to cover it?"],
  status: later("MMUN"),
};

export const mmun30: Rule = {
  id: "MMUN-30",
  level: "SHOULD",
  obliged: ["importer"],
  statement: "For a DMA-only list the DMA mapping is made right after the page lookup, in the same operation.",
  intent: "A list that stays unmapped on its way through the layers gets treated as CPU memory by one of them.",
  sources: [thread("002", "do the DMA map close to GUP, not buried in the driver")],
  hints: ["How many layers see the list before it is mapped?"],
  status: later("MMUN"),
};

export const rules: readonly Rule[] = [mmun22, mmun23, mmun24, mmun30];
