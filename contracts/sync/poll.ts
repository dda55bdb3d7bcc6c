import type { Rule } from "../rule.ts";
import { later } from "../rule-text.ts";
import { kernel, doc, run } from "../source.ts";

export const sync15: Rule = {
  id: "SYNC-15",
  level: "MUST",
  obliged: ["framework"],
  provokedBy: ["fenceOwner"],
  statement:
    "Dma-buf poll reports input only when no WRITE-level fence and output only when no READ-level fence is unsignaled under the lock; not-ready is else right only while a callback armed earlier for that direction is out, and BOOKKEEP never counts.",
  intent: "A process that is told ready too early reads a frame still being drawn.",
  sources: [
    kernel("drivers/dma-buf/dma-buf.c", "dma_buf_poll", "6.12, 7.2"),
    kernel("drivers/dma-buf/dma-buf.c", "dma_buf_poll_add_cb", "6.12, 7.2"),
    doc("drivers/dma-buf/dma-buf.c", "implicit fence poll support"),
    run(["6.12.117", "7.2.13"], "each usage against input, output and both; an armed fence replaced by a signaled one"),
  ],
  hints: ["Are the levels of the two directions swapped?"],
  status: later("SYNC"),
};

export const sync16: Rule = {
  id: "SYNC-16",
  level: "MUST",
  obliged: ["framework"],
  provokedBy: ["fenceOwner"],
  statement:
    "A poller told not ready is woken when the fence armed for its direction signals; the wake-up promises nothing, and rounds of poll and wake end once all matching fences have signaled.",
  intent: "A lost wake-up freezes the event loop although the picture is done.",
  sources: [
    kernel("drivers/dma-buf/dma-buf.c", "dma_buf_poll_cb", "6.12, 7.2"),
    run(["6.12.117", "7.2.13"], "waiters for input, output, both, in both signal orders; failed fence counts as done"),
  ],
  temporal: ["T-28"],
  hints: [
    "Does the next poll arm the next unsignaled fence?",
    "Is the wake-up sent when the armed fence was already signaled at arming?",
  ],
  status: later("SYNC"),
};

export const sync17: Rule = {
  id: "SYNC-17",
  level: "MUST",
  obliged: ["framework"],
  statement:
    "At most one fence callback per direction is armed for a buffer; further pollers just wait for its wake-up and look again.",
  intent: "Each direction has one callback structure, and arming it twice corrupts a fence's list.",
  sources: [
    kernel("drivers/dma-buf/dma-buf.c", "dma_buf_poll", "6.12, 7.2"),
    run(["6.12.117", "7.2.13"], "two waiters, repeated polls: never more than one per direction"),
  ],
  hints: ["Is the busy mark set and cleared under the poll queue's lock?"],
  status: later("SYNC"),
};

export const sync18: Rule = {
  id: "SYNC-18",
  level: "MUST",
  obliged: ["caller"],
  statement: "After poll said ready the CPU still brackets its access with begin and end.",
  intent: "Ready means that the device is done, while the caches may still hold old lines.",
  sources: [doc("drivers/dma-buf/dma-buf.c", "implicit fence poll support")],
  hints: ["Is the sync request skipped because poll had returned?"],
  status: later("SYNC"),
};

export const sync19: Rule = {
  id: "SYNC-19",
  level: "MUST",
  obliged: ["framework"],
  statement: "A poll on a file without buffer or reservation object reports the error event.",
  intent: "Should one ever exist, an event loop must not sleep on it for ever.",
  sources: [kernel("drivers/dma-buf/dma-buf.c", "dma_buf_poll", "6.12, 7.2")],
  hints: ["Is the null check made before the lock is taken?"],
  status: later("SYNC"),
};

export const sync20: Rule = {
  id: "SYNC-20",
  level: "MUST",
  obliged: ["framework", "caller"],
  statement:
    "Poll for any direction locks the buffer without being interruptible, even with timeout 0 or a signal pending, so the lock's holder never polls; poll for no direction reports nothing and does not lock.",
  intent: "An event loop stalls behind a lock holder, and a holder that polls waits for itself.",
  sources: [
    kernel("drivers/dma-buf/dma-buf.c", "dma_buf_poll", "6.12, 7.2"),
    run(["6.12.117", "7.2.13"], "blocked poll stays blocked until the unlock"),
  ],
  hints: ["Is the lock taken before the requested events are looked at?"],
  status: later("SYNC"),
};

export const sync22: Rule = {
  id: "SYNC-22",
  level: "MUST",
  obliged: ["framework"],
  statement:
    "A not-ready poll arms one callback per direction, on the first fence in object order of that direction's level that is unsignaled, and so enables it; the rest, and newcomers, go unwatched until the next poll.",
  intent: "Arming on a fence that is done or of the wrong level wakes never or far too late.",
  sources: [
    kernel("drivers/dma-buf/dma-buf.c", "dma_buf_poll_add_cb", "6.12, 7.2"),
    run(["6.12.117", "7.2.13"], "five orders; first member already signaled; a fence added later is not watched"),
  ],
  hints: ["Does the search go on to the next fence when adding the callback fails?"],
  status: later("SYNC"),
};

export const rules: readonly Rule[] = [sync15, sync16, sync17, sync18, sync19, sync20, sync22];
