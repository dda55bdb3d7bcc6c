import { create, flag, integer, operation, refer, referOrNull } from "./define.ts";

const flags = integer(0, 2 ** 33);
const pad = integer(0, 1);

function onSyncFile<F extends Parameters<typeof operation>[0]["fields"]>(summary: string, kernel: string, fields: F) {
  return operation({
    level: "contract",
    side: "sync",
    lock: "any",
    summary,
    kernel,
    fields: { syncFile: refer("syncFile"), ...fields },
  });
}

/** Sync files, the bridge between them and reservation objects, and poll. */
export const syncOperations = {
  exportSyncFile: operation({
    level: "contract",
    side: "sync",
    lock: "notHeld",
    summary:
      "A sync file for the fences of a buffer: bit 0 read, bit 1 write; `unreadable` hands in a pointer that faults.",
    kernel: "DMA_BUF_IOCTL_EXPORT_SYNC_FILE",
    fields: { buffer: refer("buffer"), syncFile: create("syncFile"), flags, unreadable: flag },
  }),
  importSyncFile: operation({
    level: "contract",
    side: "sync",
    lock: "notHeld",
    summary:
      "Adds the fences of a sync file to a buffer; null hands in a descriptor of nothing, and `other` one of a buffer.",
    kernel: "DMA_BUF_IOCTL_IMPORT_SYNC_FILE",
    fields: {
      buffer: refer("buffer"),
      syncFile: referOrNull("syncFile"),
      other: referOrNull("fd"),
      flags,
      unreadable: flag,
    },
  }),
  createSyncFile: operation({
    level: "contract",
    side: "sync",
    lock: "any",
    summary: "A driver puts a fence behind a sync file, which takes a reference of its own.",
    kernel: "sync_file_create",
    fields: { fence: refer("fence"), syncFile: create("syncFile") },
  }),
  mergeSyncFiles: operation({
    level: "contract",
    side: "sync",
    lock: "notHeld",
    summary: "One sync file for two; null and `other` as with importSyncFile.",
    kernel: "SYNC_IOC_MERGE",
    fields: {
      first: refer("syncFile"),
      second: referOrNull("syncFile"),
      other: referOrNull("fd"),
      syncFile: create("syncFile"),
      flags: pad,
      pad,
    },
  }),
  syncFileInfo: onSyncFile("How many fences, and for `count` above 0 the status of each.", "SYNC_IOC_FILE_INFO", {
    count: integer(0, 64),
    flags: pad,
    pad,
  }),
  syncFileDeadline: onSyncFile("Hands the owners a deadline hint.", "SYNC_IOC_SET_DEADLINE", {
    deadline: integer(-1_000_000, 1_000_000),
    pad,
  }),
  syncFileIoctl: onSyncFile("A request that no sync file knows.", "sync_file_ioctl", { command: integer(0, 255) }),
  pollSyncFile: onSyncFile("Polls for input; `sleep` waits for it.", "sync_file_poll", { sleep: flag }),
  closeSyncFile: onSyncFile("Closes the sync file.", "sync_file_release", {}),
  poll: operation({
    level: "contract",
    side: "sync",
    lock: "notHeld",
    summary:
      "Polls a buffer for no writer (input) and for nobody (output); `sleep` waits for one of what is asked for.",
    kernel: "dma_buf_poll",
    fields: { buffer: refer("buffer"), input: flag, output: flag, sleep: flag },
  }),
} as const;
