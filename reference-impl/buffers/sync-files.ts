import type { Errno } from "../../spec/errno.ts";
import { EFAULT, EINVAL } from "../../spec/errno.ts";
import type { AnyFile, Fence, SyncFile, Usage } from "../../spec/roles/handles.ts";
import type { Suspension } from "../../spec/roles/suspendable.ts";
import type { ReferenceBuffer } from "./buffer.ts";
import { BufferCpuMappings } from "./cpu-mappings.ts";

/** `DMA_BUF_SYNC_READ`, `_WRITE`. */
const syncRead = 1;
const syncWrite = 2;

/** The bridge between implicit and explicit synchronisation. */
export abstract class BufferSyncFiles extends BufferCpuMappings {
  /** `dma_buf_export_sync_file`. The lock is not needed: what is there at some moment is what is meant. */
  *exportSyncFile(buffer: ReferenceBuffer, flags: number | null): Generator<Suspension, SyncFile | Errno, unknown> {
    this.env.touchUser();
    if (flags === null) return EFAULT;
    if (!this.areBridgeFlags(flags)) return EINVAL;
    const errno = this.env.failure("fd");
    if (errno !== 0) return errno;
    const number = this.env.takeDescriptor();
    const file = yield* this.exportTo(number, buffer, (flags & syncWrite) !== 0);
    if (typeof file === "number") this.env.giveDescriptor(number);
    return file;
  }

  /** `dma_buf_import_sync_file`: all members in one hold of the lock, behind one reserve. */
  *importSyncFile(buffer: ReferenceBuffer, file: AnyFile, flags: number | null): Generator<Suspension, Errno, unknown> {
    this.env.touchUser();
    if (flags === null) return EFAULT;
    if (!this.areBridgeFlags(flags)) return EINVAL;
    const fence = this.env.syncFileFence(file);
    if (fence === null) return EINVAL;
    const usage = (flags & syncWrite) === 0 ? "read" : "write";
    const members = this.env.unwrap(fence);
    const errno = members.length === 0 ? 0 : yield* this.importMembers(buffer, members, usage);
    this.env.fencePut(fence);
    return errno;
  }

  /** At least one of the two, and nothing else. */
  protected areBridgeFlags(flags: number): boolean {
    return flags <= (syncRead | syncWrite) && flags !== 0;
  }

  /** `dma_resv_usage_rw`. */
  protected exportedUsage(write: boolean): Usage {
    return write ? "read" : "write";
  }

  protected *exportTo(
    number: number,
    buffer: ReferenceBuffer,
    write: boolean,
  ): Generator<Suspension, SyncFile | Errno, unknown> {
    const fence = yield* this.env.getSingleton(buffer.resv, this.exportedUsage(write));
    if (typeof fence === "number") return fence;
    const exported = fence ?? this.env.getStub();
    const file = this.env.createSyncFile(exported, number);
    this.env.fencePut(exported);
    if (typeof file === "number") return file;
    return this.copyOut(file);
  }

  /** The number goes to the user; where that fails, nobody has seen the file. */
  protected copyOut(file: SyncFile): SyncFile | Errno {
    const errno = this.env.failure("copy-out");
    if (errno === 0) return file;
    this.env.closeSyncFile(file);
    return errno;
  }

  protected *importMembers(
    buffer: ReferenceBuffer,
    members: readonly Fence[],
    usage: Usage,
  ): Generator<Suspension, Errno, unknown> {
    yield* this.env.lock(buffer.resv);
    const errno = this.env.reserveFences(buffer.resv, members.length);
    if (errno === 0) for (const member of members) this.env.addFence(buffer.resv, member, usage);
    yield* this.env.unlock(buffer.resv);
    return errno;
  }
}
