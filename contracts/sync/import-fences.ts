import type { Rule } from "../rule.ts";
import { later } from "../rule-text.ts";
import { kernel, doc, derived, run } from "../source.ts";

export const sync06: Rule = {
  id: "SYNC-06",
  level: "MUST",
  obliged: ["framework"],
  statement:
    "Import adds the file's fences as WRITE if the write flag is set and else as READ, and refuses other or no flags and anything that is not a sync file fd with -EINVAL (an unreadable argument with -EFAULT).",
  intent: "The usage decides who waits for the imported work, and probing user space relies on these codes.",
  sources: [
    kernel("drivers/dma-buf/dma-buf.c", "dma_buf_import_sync_file", "6.12, 7.2"),
    run(["6.12.117", "7.2.13"], "flag table; fd -1, 999, /dev/null and the dma-buf itself; bad ones add nothing"),
  ],
  needs: ["syncFile"],
  hints: ["Is a bad fd answered with -EBADF by a generic helper?"],
  status: later("SYNC"),
};

export const sync07: Rule = {
  id: "SYNC-07",
  level: "MUST",
  obliged: ["framework"],
  statement:
    "Import reserves one slot per member and adds the members of containers one by one, so that no container enters the object and every unsignaled member does.",
  intent: "The object replaces fences by context, which it cannot do for an array or chain.",
  sources: [
    kernel("drivers/dma-buf/dma-buf.c", "dma_buf_import_sync_file", "6.12, 7.2"),
    run(["6.12.117", "7.2.13"], "merged file of three, one with a signaled member, a chain"),
  ],
  needs: ["syncFile"],
  hints: ["Are arrays inside chains flattened too?", "Is the slot count taken from the same walk as the adds?"],
  status: later("SYNC"),
};

export const sync08: Rule = {
  id: "SYNC-08",
  level: "MUST",
  obliged: ["framework"],
  statement: "Importing an already signaled file succeeds and leaves the set of unsignaled fences as it was.",
  intent: "User space imports whatever it is given and cannot test for idleness without a race.",
  sources: [
    kernel("drivers/dma-buf/dma-buf.c", "dma_buf_import_sync_file", "6.12, 7.2"),
    kernel("include/linux/dma-fence-unwrap.h", "dma_fence_unwrap_for_each", "6.12, 7.2"),
    run(["6.12.117", "7.2.13"], "signaled and failed file"),
  ],
  needs: ["syncFile"],
  hints: ["Is zero members treated as an error by the reserve?"],
  status: later("SYNC"),
};

export const sync09: Rule = {
  id: "SYNC-09",
  level: "MAY",
  obliged: ["framework"],
  statement:
    "Other submissions may come between an export and the import that answers it, and users who cannot bear that serialise by themselves.",
  intent: "The two requests are separate lock holds, so a compositor must not take them for a transaction.",
  sources: [doc("include/uapi/linux/dma-buf.h", "struct dma_buf_import_sync_file")],
  needs: ["syncFile"],
  hints: ["Which lock of the application keeps other submitters out between the two?"],
  status: later("SYNC"),
};

export const sync21: Rule = {
  id: "SYNC-21",
  level: "MUST",
  obliged: ["caller"],
  statement:
    "Explicitly synchronised work on a buffer that implicit users share first waits for an export (or equivalent) and is then imported, instead of counting on a wait by the kernel.",
  intent:
    "The kernel orders only what is in the reservation object, and two users without a bridge overwrite each other.",
  sources: [
    doc("Documentation/driver-api/dma-buf.rst", "Reservation Objects, DMA fence usage"),
    doc("include/uapi/linux/dma-buf.h", "struct dma_buf_export_sync_file"),
  ],
  hints: ["Is the job's out-fence imported before the buffer goes to the other process?"],
  status: later("SYNC"),
};

export const sync24: Rule = {
  id: "SYNC-24",
  level: "MUST",
  obliged: ["framework"],
  statement: "Import reserves for all members at once and adds them in the same lock hold, or adds none (-ENOMEM).",
  intent: "A submitter that looks in between would wait for half of the imported work.",
  sources: [
    kernel("drivers/dma-buf/dma-buf.c", "dma_buf_import_sync_file", "6.12, 7.2"),
    run(["6.12.117", "7.2.13"], "file of two members imported three times"),
  ],
  needs: ["syncFile"],
  hints: ["Is the reserve done per member inside the loop?"],
  status: later("SYNC"),
};

export const sync25: Rule = {
  id: "SYNC-25",
  level: "MUST",
  obliged: ["framework"],
  statement:
    "Importing a fence that is in the object with a weaker usage raises it to the requested one, and implicit jobs from then on depend on it.",
  intent: "Otherwise the work of an explicit job stays invisible although user space just published it.",
  sources: [
    doc("include/linux/dma-resv.h", "DMA_RESV_USAGE_BOOKKEEP"),
    derived("RESV-21 and RESV-23"),
    run(["6.12.117", "7.2.13"], "READ, then WRITE: promoted in place"),
  ],
  needs: ["syncFile"],
  hints: ["Is a fence that is already listed skipped whatever its usage?"],
  status: later("SYNC"),
};

export const sync26: Rule = {
  id: "SYNC-26",
  level: "MUST",
  obliged: ["caller", "framework"],
  statement:
    "Import takes the reservation lock by itself, without context and uninterruptibly, and is never called with it held; export does not need it and goes on while somebody holds it.",
  intent: "A holder that imports waits for itself, and an export that locks would stall behind every submission.",
  sources: [
    kernel("drivers/dma-buf/dma-buf.c", "dma_buf_import_sync_file", "6.12, 7.2"),
    kernel("drivers/dma-buf/dma-buf.c", "dma_buf_export_sync_file", "6.12, 7.2"),
    run(["6.12.117", "7.2.13"], "lock held by another: export at once, import blocks and a signal does not end it"),
  ],
  needs: ["syncFile"],
  hints: ["Does the caller submit to the same buffer at that point?"],
  status: later("SYNC"),
};

export const rules: readonly Rule[] = [sync06, sync07, sync08, sync09, sync21, sync24, sync25, sync26];
