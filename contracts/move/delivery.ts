import { later } from "../rule-text.ts";
import type { Rule } from "../rule.ts";
import { derived, doc, kernel, run } from "../source.ts";

export const move01: Rule = {
  id: "MOVE-01",
  level: "MUST",
  obliged: ["exporter"],
  statement: "The exporter holds the buffer's reservation lock from the start to the end of an invalidate.",
  intent: "Without the lock the list of attachments changes during the walk and a new map overtakes the notice.",
  sources: [
    doc("drivers/dma-buf/dma-buf.c", "locking convention"),
    kernel("drivers/dma-buf/dma-buf.c", "dma_buf_move_notify (6.12), dma_buf_invalidate_mappings (7.2)", "6.12, 7.2"),
  ],
  hints: [
    "Is the lock you hold the one of the exported buffer, or the one of an inner object?",
    "Does the reset or power path take it as the eviction path does?",
  ],
  status: later("MOVE"),
};

export const move02: Rule = {
  id: "MOVE-02",
  level: "MUST",
  obliged: ["framework"],
  statement:
    "One invalidate calls back every listed attachment that has the callback exactly once, in any order, and no other attachment.",
  intent: "A forgotten importer keeps using the old place; a detached one is called into freed memory.",
  sources: [
    kernel("drivers/dma-buf/dma-buf.c", "dma_buf_move_notify (6.12), dma_buf_invalidate_mappings (7.2)", "6.12, 7.2"),
    run(["6.12.117", "7.2.13"], "one call each, none for a detached attachment or a static one"),
  ],
  needs: ["importerCallback"],
  hints: [
    "Are pinned attachments called as well, and those to a static exporter?",
    "Is ops without a callback skipped and not called through null?",
  ],
  status: later("MOVE"),
};

export const move03: Rule = {
  id: "MOVE-03",
  level: "MUST",
  obliged: ["framework"],
  provokedBy: ["exporter"],
  statement: "An invalidate returns after its last callback has returned, and callbacks of one buffer never overlap.",
  intent: "The exporter collects the fences right after it, and a callback that still runs has not added its own yet.",
  sources: [
    kernel("drivers/dma-buf/dma-buf.c", "dma_buf_move_notify (6.12), dma_buf_invalidate_mappings (7.2)", "6.12, 7.2"),
    run(["6.12.117", "7.2.13"], "all callbacks lie between call and return"),
  ],
  needs: ["importerCallback"],
  hints: [
    "Are callbacks handed to a worker instead of being called in the loop?",
    "Can two threads invalidate one buffer because one of them lacks the lock?",
  ],
  status: later("MOVE"),
};

export const move23: Rule = {
  id: "MOVE-23",
  level: "MUST",
  obliged: ["importer"],
  statement:
    "An importer takes an invalidate without a live mapping, without a change of place or straight after another one, and does no more than drop its mappings.",
  intent: "Exporters notify more often than they move (unrevoke is one case), and a second teardown is a double free.",
  sources: [
    derived("MOVE-02: the framework calls whether mapped or not"),
    kernel("drivers/infiniband/core/umem_dmabuf.c", "ib_umem_dmabuf_revoke_locked", "7.2"),
    run(["6.12.117", "7.2.13"], "two moves in a row and a move without mappings give callbacks and nothing else"),
  ],
  needs: ["importerCallback"],
  hints: [
    "Does the callback test for a live mapping before it unmaps?",
    "Does it balance a counter or a pin that the first call has dropped already?",
  ],
  status: later("MOVE"),
};

export const move26: Rule = {
  id: "MOVE-26",
  level: "MUST",
  obliged: ["exporter"],
  statement:
    "No invalidate is made in atomic context, in a fence-signalling path, or by someone who waits for fences of the buffer that he has to signal himself.",
  intent: "Importer callbacks sleep and wait for those fences, so the signal would wait for its own consequence.",
  sources: [
    derived("MOVE-01 and the rules for fence-signalling sections"),
    doc("drivers/dma-buf/dma-fence.c", "fence signalling annotations"),
  ],
  hints: [
    "Can eviction start from the job-submission or job-done path of your scheduler?",
    "Does a GPU reset handler invalidate before it has signaled its own jobs?",
  ],
  status: later("MOVE"),
};

export const rules: readonly Rule[] = [move01, move02, move03, move23, move26];
