import type { Errno } from "../errno.ts";
import type { AnyFile, Fence, Poller, SyncFile } from "./handles.ts";

/** What the info request answers. */
export interface SyncFileInfo {
  /** How many fences there are. */
  readonly fences: number;
  readonly status: number;
  /** One a fence; none where no room was given for them. */
  readonly records: readonly { readonly fence: Fence; readonly status: number }[];
}

/** Fences behind descriptors: `drivers/dma-buf/sync_file.c`. None of it blocks. */
export interface SyncFileFramework {
  /**
   * `sync_file_create` and the descriptor that is installed for it; a number: why there is none.
   * `descriptor`: one that the caller has reserved; absent: it is reserved here.
   */
  createSyncFile(fence: Fence, descriptor?: number): SyncFile | Errno;
  /** `sync_file_get_fence`: the fence with a reference for the caller; null for a file of another kind, or for nothing. */
  syncFileFence(file: AnyFile): Fence | null;
  /** `SYNC_IOC_MERGE` on `first`. */
  mergeSyncFiles(first: SyncFile, second: AnyFile, flags: number, pad: number): SyncFile | Errno;
  /** `SYNC_IOC_FILE_INFO`; `count`: records there is room for, 0: none are wanted. */
  syncFileInfo(file: SyncFile, count: number, flags: number, pad: number): SyncFileInfo | Errno;
  /** `SYNC_IOC_SET_DEADLINE`. */
  syncFileDeadline(file: SyncFile, deadline: number, pad: number): Errno;
  /** A request that no sync file knows. */
  syncFileIoctl(file: SyncFile, command: number): Errno;
  /** Whether it can be read. `poller`, if there is one, is put on the file's queue first. */
  pollSyncFile(file: SyncFile, poller: Poller | null): boolean;
  /** The poller leaves the queue. */
  endPollSyncFile(file: SyncFile, poller: Poller): void;
  /** The last close. */
  closeSyncFile(file: SyncFile): void;
}
