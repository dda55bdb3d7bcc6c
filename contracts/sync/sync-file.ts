import type { Rule } from "../rule.ts";
import { later } from "../rule-text.ts";
import { kernel, run } from "../source.ts";

export const sync11: Rule = {
  id: "SYNC-11",
  level: "MUST",
  obliged: ["framework"],
  statement:
    "Merge needs two sync file fds (-ENOENT) and zero flags and padding (-EINVAL); its result signals after both, holds each fence once and the newest per context, and drops members already signaled together with their errors (none left: one signaled fence).",
  intent: "Compositors merge per frame, so an extra member grows without end and a missing one tears the picture.",
  sources: [
    kernel("drivers/dma-buf/sync_file.c", "sync_file_merge", "6.12, 7.2"),
    kernel("drivers/dma-buf/sync_file.c", "sync_file_ioctl_merge", "6.12, 7.2"),
    run(
      ["6.12.117", "7.2.13"],
      "bad fd, other file type, flags, padding, same file twice, one context, failed members",
    ),
  ],
  needs: ["syncFile"],
  hints: ["Is a failed member's status read before the merge if it matters?"],
  status: later("SYNC"),
};

export const sync12: Rule = {
  id: "SYNC-12",
  level: "MUST",
  obliged: ["framework"],
  statement:
    "Info needs zero flags and padding; count 0 yields how many fences there are and the own fence's status, a too small array gives -EINVAL, and otherwise one record per unwrapped fence is filled and the total is the first status other than 1 (for failed members of a merged file the two totals may differ).",
  intent: "Tools and compositors size the second call by the first and report errors from the total.",
  sources: [
    kernel("drivers/dma-buf/sync_file.c", "sync_file_ioctl_fence_info", "6.12, 7.2"),
    run(
      ["6.12.117", "7.2.13"],
      "count 0, too small, exact, larger; flags and padding; failed members polled early, late and never",
    ),
  ],
  needs: ["syncFile"],
  hints: ["Is the padding checked in the count-0 form too?", "Is the zero-count status taken for the members' errors?"],
  status: later("SYNC"),
};

export const sync13: Rule = {
  id: "SYNC-13",
  level: "MUST",
  obliged: ["framework"],
  statement:
    "The sync file deadline request refuses non-zero padding with -EINVAL and changes no result or order of signals.",
  intent: "The padding is the room for later extensions, and a hint must never decide what is correct.",
  sources: [
    kernel("drivers/dma-buf/sync_file.c", "sync_file_ioctl_set_deadline", "6.12, 7.2"),
    run(["6.12.117", "7.2.13"], "ok, padding set, signaled file"),
  ],
  needs: ["syncFile"],
  hints: ["Is a deadline on a signaled file still a success?"],
  status: later("SYNC"),
};

export const sync14: Rule = {
  id: "SYNC-14",
  level: "MUST",
  obliged: ["framework"],
  provokedBy: ["fenceOwner"],
  statement: "A sync file polls readable exactly when it is signaled, and a sleeping poller is woken by the signal.",
  intent: "Event loops sleep on this alone.",
  sources: [kernel("drivers/dma-buf/sync_file.c", "sync_file_poll", "6.12, 7.2")],
  needs: ["syncFile"],
  hints: ["Is the state asked again after the callback was armed?"],
  status: later("SYNC"),
};

export const sync23: Rule = {
  id: "SYNC-23",
  level: "MUST",
  obliged: ["framework"],
  statement:
    "A sync file answers poll, info and merge after the dma-buf, the exporter's fd or its merge inputs are closed, and its fence is released with the last close.",
  intent: "User space passes sync files between processes and closes everything else at once.",
  sources: [
    kernel("drivers/dma-buf/sync_file.c", "sync_file_create", "6.12, 7.2"),
    kernel("drivers/dma-buf/sync_file.c", "sync_file_merge", "6.12, 7.2"),
    kernel("drivers/dma-buf/sync_file.c", "sync_file_release", "6.12, 7.2"),
    run(["6.12.117", "7.2.13"], "inputs and buffer closed: status, info and poll work; freed at the last close"),
  ],
  needs: ["syncFile"],
  hints: ["Does the file own a reference, or borrow the one of the object?"],
  status: later("SYNC"),
};

export const sync27: Rule = {
  id: "SYNC-27",
  level: "MUST",
  obliged: ["framework"],
  statement: "An unknown sync file request, and either bridge request in a build without sync files, gives -ENOTTY.",
  intent: "User space takes this code, and no other, for missing support.",
  sources: [
    kernel("drivers/dma-buf/sync_file.c", "sync_file_ioctl", "6.12, 7.2"),
    kernel("drivers/dma-buf/dma-buf.c", "dma_buf_ioctl", "6.12, 7.2"),
    run(["6.12.117", "7.2.13"], "unknown request and dma-buf request on a sync file"),
  ],
  hints: ["Is a default branch with -EINVAL left anywhere?"],
  status: later("SYNC"),
};

export const sync28: Rule = {
  id: "SYNC-28",
  level: "MUST",
  obliged: ["framework"],
  statement: "The fds that export and merge return have close-on-exec set from the start.",
  intent: "A fence fd inherited by a child process keeps the job's memory alive unnoticed.",
  sources: [
    kernel("drivers/dma-buf/dma-buf.c", "dma_buf_export_sync_file", "6.12, 7.2"),
    kernel("drivers/dma-buf/sync_file.c", "sync_file_ioctl_merge", "6.12, 7.2"),
    run(["6.12.117", "7.2.13"], "flag seen on files of both"),
  ],
  needs: ["syncFile"],
  hints: ["Is the flag given when the fd is reserved, not set afterwards?"],
  status: later("SYNC"),
};

export const rules: readonly Rule[] = [sync11, sync12, sync13, sync14, sync23, sync27, sync28];
