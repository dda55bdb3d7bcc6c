import { later } from "../rule-text.ts";
import type { Rule } from "../rule.ts";
import { doc, kernel, run } from "../source.ts";

export const map18: Rule = {
  id: "MAP-18",
  level: "MUST",
  obliged: ["framework"],
  statement:
    "Before the call that ran the map hook for a static importer succeeds, the framework has waited for all KERNEL fences present after that hook, keeping the lock, ignoring weaker fences, and counting a failed fence as done.",
  intent: "A static importer starts its device at once and would read memory that is still being copied or cleared.",
  sources: [
    kernel("drivers/dma-buf/dma-buf.c", "__map_dma_buf", "6.12"),
    kernel("drivers/dma-buf/dma-buf.c", "dma_buf_map_attachment", "6.16+"),
    run(["6.12.117", "7.2.13"], "KERNEL blocks, WRITE does not, the lock stays held, a fence error is not passed on"),
  ],
  hints: [
    "Is the wait after the map hook, so that a fence added by the hook counts?",
    "Does a map of 6.12 that returns the cached table wait again, which it need not?",
    "Is the lock dropped during the wait?",
  ],
  status: later("MAP"),
};

export const map19: Rule = {
  id: "MAP-19",
  level: "MUST",
  obliged: ["framework"],
  statement:
    "If that wait is interrupted, the framework unmaps, drops a pin it took itself and returns the error; where the wait was part of attach, it undoes the attach completely.",
  intent: "A signal to a process must not leave a mapping or a pin that nobody owns.",
  sources: [
    kernel("drivers/dma-buf/dma-buf.c", "dma_buf_map_attachment, error path", "6.12, 7.2"),
    run(["6.12.117", "7.2.13"], "interrupted wait in map; in 6.12 also in attach"),
  ],
  hints: [
    "Does the error path mirror every step before the wait, in reverse order?",
    "In 6.12: are list removal and detach hook part of it?",
  ],
  status: later("MAP"),
};

export const map20: Rule = {
  id: "MAP-20",
  level: "MUST",
  obliged: ["importer"],
  statement:
    "A dynamic importer lets no device access through a new mapping start before the KERNEL fences present at map, and under implicit sync the WRITE fences too, have signaled or are a dependency of the job.",
  intent: "For dynamic importers the core does not wait, and the storage may still be the target of a running copy.",
  sources: [
    doc("drivers/dma-buf/dma-buf.c", 'dma_buf_map_attachment (its "exclusive fence" is the older word)'),
    doc("include/linux/dma-buf.h", "DYNAMIC IMPORTER RULES"),
  ],
  temporal: ["T-21"],
  hints: [
    "Do you collect the fences after map, under the same lock hold?",
    "Does a page-table update with the new addresses count as access in your code?",
  ],
  status: later("MAP"),
};

export const map21: Rule = {
  id: "MAP-21",
  level: "MUST",
  obliged: ["exporter"],
  statement: "When map of an exporter without a pin hook returns, its memory is allocated, cleared and at its place.",
  intent: "Nobody waits for such an exporter, so a late clear shows the last owner's data or wipes new data.",
  sources: [doc("include/linux/dma-buf.h", "struct dma_buf_ops, map_dma_buf")],
  hints: [
    "Does an asynchronous clear or copy still run when the hook returns?",
    "Is memory allocated lazily after map?",
  ],
  status: later("MAP"),
};

export const map22: Rule = {
  id: "MAP-22",
  level: "MUST",
  obliged: ["exporter"],
  statement:
    "If a dynamic exporter's own move or clear still runs when map returns, the reservation object holds a KERNEL fence for that work.",
  intent: "The fence is the only thing that keeps importers away from unfinished storage.",
  sources: [
    doc("include/linux/dma-buf.h", "struct dma_buf_ops, map_dma_buf"),
    doc("include/linux/dma-resv.h", "DMA_RESV_USAGE_KERNEL"),
  ],
  needs: ["dynamicExporter"],
  hints: [
    "Is the fence added with KERNEL usage, or with WRITE?",
    "Is it added before the lock is released for the first time after the work started?",
  ],
  status: later("MAP"),
};

export const map25: Rule = {
  id: "MAP-25",
  level: "MUST",
  obliged: ["exporter"],
  statement: "A mapping shows where the storage is at the moment map returns, not an earlier or later place.",
  intent: "A table of the former place sends the device into memory that already belongs to someone else.",
  sources: [doc("drivers/dma-buf/dma-buf.c", "dma_buf_move_notify (6.12), dma_buf_invalidate_mappings (7.2)")],
  needs: ["dynamicExporter"],
  temporal: ["T-14"],
  hints: [
    "Does the map hook read the placement under the reservation lock, or from a value saved earlier?",
    "Can it return a table built before the last move?",
  ],
  status: later("MAP"),
};

export const rules: readonly Rule[] = [map18, map19, map20, map21, map22, map25];
