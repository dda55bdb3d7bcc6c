import type { Rule } from "../rule.ts";
import { later } from "../rule-text.ts";
import { kernel, doc, derived, run } from "../source.ts";

export const sync01: Rule = {
  id: "SYNC-01",
  level: "MUST",
  obliged: ["framework"],
  statement:
    "Export of a sync file accepts exactly the read flag, the write flag or both, and answers -EINVAL to anything else.",
  intent: "An unknown flag taken in silence would give user space a weaker dependency than it asked for.",
  sources: [kernel("drivers/dma-buf/dma-buf.c", "dma_buf_export_sync_file", "6.12, 7.2")],
  needs: ["syncFile"],
  hints: ["Is an empty flag word refused too?"],
  status: later("SYNC"),
};

export const sync02: Rule = {
  id: "SYNC-02",
  level: "MUST",
  obliged: ["framework"],
  statement:
    "An export for write (or both) covers every fence of READ level and an export for read every fence of WRITE level, so the file signals after the last of them.",
  intent: "A dependency left out lets explicit work overtake implicit work on the same buffer.",
  sources: [
    kernel("drivers/dma-buf/dma-buf.c", "dma_buf_export_sync_file", "6.12, 7.2"),
    kernel("include/linux/dma-resv.h", "dma_resv_usage_rw", "6.12, 7.2"),
    run(
      ["6.12.117", "7.2.13"],
      "read: KERNEL and WRITE; write or both: READ as well; each signals after its last member",
    ),
  ],
  needs: ["syncFile"],
  hints: ["Is the level derived from the flag by the same helper as implicit sync uses?"],
  status: later("SYNC"),
};

export const sync03: Rule = {
  id: "SYNC-03",
  level: "MUST",
  obliged: ["framework"],
  statement: "An exported sync file covers only fences present at the export; later ones do not delay it.",
  intent: "A file that follows the buffer could wait for work submitted after it, in a circle even.",
  sources: [
    doc("include/uapi/linux/dma-buf.h", "struct dma_buf_export_sync_file"),
    run(["6.12.117", "7.2.13"], "two exports around a second fence: 1 and 2 members"),
  ],
  needs: ["syncFile"],
  temporal: ["T-27"],
  hints: ["Does the file keep the reservation object instead of the fences?"],
  status: later("SYNC"),
};

export const sync04: Rule = {
  id: "SYNC-04",
  level: "MUST",
  obliged: ["framework"],
  statement: "An export that finds no matching fence succeeds with a file that is already signaled with status 1.",
  intent: "Idle is the ordinary case and user space must not need a special path for it.",
  sources: [
    kernel("drivers/dma-buf/dma-buf.c", "dma_buf_export_sync_file", "6.12, 7.2"),
    run(["6.12.117", "7.2.13"], "empty object, and one with BOOKKEEP only"),
  ],
  needs: ["syncFile"],
  hints: ["Is a missing fence replaced by a signaled stub?"],
  status: later("SYNC"),
};

export const sync05: Rule = {
  id: "SYNC-05",
  level: "MUST",
  obliged: ["framework"],
  statement: "No exported sync file contains a fence that is in the object only with BOOKKEEP usage.",
  intent: "Memory-management and explicit work would become an implicit dependency and stall or deadlock user space.",
  sources: [derived("dma_resv_usage_rw and SYNC-02"), run(["6.12.117", "7.2.13"], "BOOKKEEP absent from every export")],
  needs: ["syncFile"],
  hints: ["Is the highest usage level used to collect the fences?"],
  status: later("SYNC"),
};

export const sync10: Rule = {
  id: "SYNC-10",
  level: "MUST",
  obliged: ["framework"],
  statement: "An export that fails after its fd was reserved leaves neither the fd nor any reference behind.",
  intent: "A client that hits the limit once would lose fds and pin finished jobs for the rest of its life.",
  sources: [kernel("drivers/dma-buf/dma-buf.c", "dma_buf_export_sync_file", "6.12, 7.2")],
  needs: ["syncFile"],
  hints: ["Is the fd installed only after the answer was copied out?"],
  status: later("SYNC"),
};

export const rules: readonly Rule[] = [sync01, sync02, sync03, sync04, sync05, sync10];
