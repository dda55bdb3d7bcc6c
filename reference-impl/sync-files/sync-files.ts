import type { Errno } from "../../spec/errno.ts";
import { EINVAL, ENOENT, ENOMEM, ENOTTY } from "../../spec/errno.ts";
import type { Env } from "../../spec/roles/env.ts";
import type { AnyFile, Fence, Poller, SyncFile } from "../../spec/roles/handles.ts";
import type { SyncFileFramework, SyncFileInfo } from "../../spec/roles/sync-files.ts";
import { ReferenceSyncFile } from "./sync-file.ts";

/** Sync files: `drivers/dma-buf/sync_file.c`, the same in every series. */
export class ReferenceSyncFiles implements SyncFileFramework {
  protected readonly env: Env;

  constructor(env: Env) {
    this.env = env;
  }

  /** `sync_file_create`, `fd_install`. */
  createSyncFile(fence: Fence, descriptor?: number): ReferenceSyncFile | Errno {
    if (descriptor !== undefined) return this.allocFile(fence, descriptor) ?? ENOMEM;
    const errno = this.env.failure("fd");
    if (errno !== 0) return errno;
    const number = this.env.takeDescriptor();
    const file = this.allocFile(fence, number);
    if (file !== null) return file;
    this.env.giveDescriptor(number);
    return ENOMEM;
  }

  /** `sync_file_get_fence`. */
  syncFileFence(file: AnyFile): Fence | null {
    const found = this.lookUp(file);
    if (found === null) return null;
    this.env.fenceGet(found.fence);
    return found.fence;
  }

  /** `sync_file_ioctl_merge`. */
  mergeSyncFiles(first: SyncFile, second: AnyFile, flags: number, pad: number): ReferenceSyncFile | Errno {
    const errno = this.env.failure("fd");
    if (errno !== 0) return errno;
    const number = this.env.takeDescriptor();
    const file = this.mergeTo(number, first, second, flags !== 0 || pad !== 0);
    if (typeof file === "number") this.env.giveDescriptor(number);
    return file;
  }

  /** `sync_file_ioctl_fence_info`. */
  syncFileInfo(file: SyncFile, count: number, flags: number, pad: number): SyncFileInfo | Errno {
    this.env.touchUser();
    if (flags !== 0 || pad !== 0) return EINVAL;
    const fences = this.env.unwrap(file.fence).length;
    if (count === 0) return { fences, status: this.env.getStatus(file.fence), records: [] };
    if (count < fences) return EINVAL;
    if (!this.env.allocate("sync-fence-info")) return ENOMEM;
    const records = this.env.unwrap(file.fence).map((fence) => ({ fence, status: this.env.getStatus(fence) }));
    return { fences: records.length, status: this.totalOf(records.map(({ status }) => status)), records };
  }

  /** `sync_file_ioctl_set_deadline`. */
  syncFileDeadline(file: SyncFile, deadline: number, pad: number): Errno {
    this.env.touchUser();
    if (pad !== 0) return EINVAL;
    this.env.setFenceDeadline(file.fence, deadline);
    return 0;
  }

  /** Everything that `sync_file_ioctl` has no case for. */
  syncFileIoctl(_file: SyncFile, _command: number): Errno {
    return ENOTTY;
  }

  /** `sync_file_poll`: the first poll of all enables the fence. */
  pollSyncFile(file: ReferenceSyncFile, poller: Poller | null): boolean {
    if (poller !== null) file.pollers.unshift(poller);
    if (!file.pollEnabled) {
      file.pollEnabled = true;
      if (this.env.addCallback(file.fence, file.callback) !== 0) this.wakeAll(file);
    }
    return this.env.isSignaled(file.fence);
  }

  endPollSyncFile(file: ReferenceSyncFile, poller: Poller): void {
    const index = file.pollers.indexOf(poller);
    if (index >= 0) file.pollers.splice(index, 1);
  }

  /** `close` and `sync_file_release`. */
  closeSyncFile(file: ReferenceSyncFile): void {
    if (!file.open) return;
    file.open = false;
    this.env.giveDescriptor(file.number);
    if (file.pollEnabled) this.env.removeCallback(file.fence, file.callback);
    this.env.fencePut(file.fence);
  }

  /** `sync_file_alloc`, with the reference that the file has of its own. Null: no memory. */
  protected allocFile(fence: Fence, number: number): ReferenceSyncFile | null {
    if (!this.env.allocate("sync-file")) return null;
    this.env.fenceGet(fence);
    return this.newFile(fence, number);
  }

  /** Close-on-exec from the first instant. */
  protected newFile(fence: Fence, number: number): ReferenceSyncFile {
    return new ReferenceSyncFile(number, true, fence, (file) => this.wakeAll(file));
  }

  /** `fence_check_cb_func`. */
  protected wakeAll(file: ReferenceSyncFile): void {
    for (const poller of file.pollers) poller.wake({ input: true, output: false });
  }

  /** `sync_file_fdget`: only what is a sync file, and open. */
  protected lookUp(file: AnyFile): ReferenceSyncFile | null {
    return file instanceof ReferenceSyncFile && file.open ? file : null;
  }

  protected mergeTo(number: number, first: SyncFile, second: AnyFile, flagged: boolean): ReferenceSyncFile | Errno {
    this.env.touchUser();
    if (flagged) return EINVAL;
    const other = this.lookUp(second);
    if (other === null) return ENOENT;
    if (!this.env.allocate("sync-file")) return ENOMEM;
    const fence = this.mergeFences(first, other);
    if (fence === null) return ENOMEM;
    // The merge's own reference is the file's.
    const file = this.newFile(fence, number);
    const errno = this.env.failure("copy-out");
    if (errno === 0) return file;
    this.env.fencePut(fence);
    return errno;
  }

  protected mergeFences(first: SyncFile, second: SyncFile): Fence | null {
    return this.env.merge([first.fence, second.fence]);
  }

  /** The first that is not 1, as the records go. */
  protected totalOf(statuses: readonly number[]): number {
    return statuses.reduce((total, status) => (total <= 0 ? total : status), 1);
  }
}
