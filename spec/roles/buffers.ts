import type { Errno } from "../errno.ts";
import type {
  AnyFile,
  Attachment,
  Device,
  Direction,
  DmaBuf,
  ExportInfo,
  FileDescriptor,
  ImporterOps,
  IosysMap,
  PollEvents,
  Poller,
  SgTable,
  SyncFile,
  UserMapping,
} from "./handles.ts";
import type { Suspendable } from "./suspendable.ts";

/**
 * The core of a framework: `drivers/dma-buf/dma-buf.c`.
 * Where a method answers "object or errno", a number is a positive Linux error, as with IS_ERR.
 */
export interface BufferFramework {
  export(info: ExportInfo): Suspendable<DmaBuf | Errno>;
  exportFd(buffer: DmaBuf, closeOnExec: boolean): Suspendable<FileDescriptor | Errno>;
  /** Closes a descriptor: EBADF if it is closed already. */
  close(fd: FileDescriptor): Suspendable<Errno>;
  get(fd: FileDescriptor): Suspendable<DmaBuf | Errno>;
  getRef(buffer: DmaBuf): Suspendable<void>;
  put(buffer: DmaBuf): Suspendable<void>;
  /** Ops null: a static attachment (`dma_buf_attach`), otherwise `dma_buf_dynamic_attach`. */
  attach(
    buffer: DmaBuf | null,
    device: Device | null,
    ops: ImporterOps | null,
    priv?: unknown,
  ): Suspendable<Attachment | Errno>;
  detach(buffer: DmaBuf | null, attachment: Attachment | null): Suspendable<void>;
  /** Lock held by the caller. */
  pin(attachment: Attachment): Suspendable<Errno>;
  unpin(attachment: Attachment): Suspendable<void>;
  /** Lock held by the caller. */
  map(attachment: Attachment | null, direction: Direction): Suspendable<SgTable | Errno>;
  unmap(attachment: Attachment | null, table: SgTable, direction: Direction): Suspendable<void>;
  /** Lock not held by the caller. */
  mapUnlocked(attachment: Attachment | null, direction: Direction): Suspendable<SgTable | Errno>;
  unmapUnlocked(attachment: Attachment | null, table: SgTable, direction: Direction): Suspendable<void>;
  /** `dma_buf_invalidate_mappings`, `dma_buf_move_notify` up to 7.0. Lock held by the caller. */
  invalidate(buffer: DmaBuf): Suspendable<void>;
  /** `dma_buf_attach_revocable`, from 7.1. */
  isRevocable(attachment: Attachment): boolean;
  /** Result ≥ 0, or a negative error number. Whence 0 set, 1 current, 2 end. */
  seek(buffer: DmaBuf, offset: number, whence: number): Suspendable<number>;
  /** A name in memory, or null for a pointer that faults. */
  setName(buffer: DmaBuf, name: string | null): Suspendable<Errno>;
  /** The name as debug listings show it. */
  getName(buffer: DmaBuf): string;
  /** `dma_buf_begin_cpu_access`, `dma_buf_end_cpu_access`. Lock not held by the caller. */
  beginCpu(buffer: DmaBuf, direction: Direction): Suspendable<Errno>;
  endCpu(buffer: DmaBuf, direction: Direction): Suspendable<Errno>;
  /** `DMA_BUF_IOCTL_SYNC`; null: a pointer that faults. */
  ioctlSync(buffer: DmaBuf, flags: number | null): Suspendable<Errno>;
  /** A request that no dma-buf knows. */
  ioctl(buffer: DmaBuf, command: number): Suspendable<Errno>;
  /** Lock held by the caller. Fills `map`, or clears it and answers why. */
  vmap(buffer: DmaBuf, map: IosysMap): Suspendable<Errno>;
  vunmap(buffer: DmaBuf, map: IosysMap): Suspendable<void>;
  /** Lock not held by the caller. */
  vmapUnlocked(buffer: DmaBuf, map: IosysMap): Suspendable<Errno>;
  vunmapUnlocked(buffer: DmaBuf, map: IosysMap): Suspendable<void>;
  /** `dma_buf_mmap`: on success the mapping belongs to the buffer's file, with a reference, from page `offset` on. */
  mmap(buffer: DmaBuf, mapping: UserMapping, offset: number): Suspendable<Errno>;
  /** `dma_buf_mmap_internal`: a user maps the descriptor; the mapping belongs to the file already. */
  mmapFd(buffer: DmaBuf, mapping: UserMapping): Suspendable<Errno>;
  /** `DMA_BUF_IOCTL_EXPORT_SYNC_FILE` and `_IMPORT_SYNC_FILE`; flags null: a pointer that faults. */
  exportSyncFile(buffer: DmaBuf, flags: number | null): Suspendable<SyncFile | Errno>;
  importSyncFile(buffer: DmaBuf, file: AnyFile, flags: number | null): Suspendable<Errno>;
  /**
   * What is ready of what is asked for. `poller`, if there is one, is put on the buffer's queue first, and woken through it.
   */
  poll(buffer: DmaBuf, events: PollEvents, poller: Poller | null): Suspendable<PollEvents>;
  /** The poller leaves the queue. */
  endPoll(buffer: DmaBuf, poller: Poller): void;
  /** Every live buffer, each with a reference that the caller puts (`dma_buf_iter_next`, 7.x). */
  listBuffers(): Suspendable<readonly DmaBuf[]>;
}
