import type { Errno } from "../../spec/errno.ts";
import { EFAULT, EINVAL, ENOTTY } from "../../spec/errno.ts";
import type { Direction, Usage } from "../../spec/roles/handles.ts";
import type { Suspension } from "../../spec/roles/suspendable.ts";
import { settle } from "../settle.ts";
import type { ReferenceBuffer } from "./buffer.ts";
import { BufferInvalidate } from "./invalidate.ts";

/** `DMA_BUF_SYNC_READ`, `_WRITE`, `_END`. */
const syncRead = 1;
const syncWrite = 2;
const syncEnd = 4;

/** Brackets of CPU access, and the requests on a descriptor that come to them. */
export abstract class BufferCpuAccess extends BufferInvalidate {
  /** `dma_buf_begin_cpu_access`. An interrupted wait undoes nothing: the hook simply runs again. */
  *beginCpu(buffer: ReferenceBuffer, direction: Direction): Generator<Suspension, Errno, unknown> {
    this.mightLock(buffer, "CPU access begins");
    const errno = yield* this.callBeginCpu(buffer, direction);
    return errno === 0 ? yield* this.waitForCpu(buffer, direction) : errno;
  }

  /** `dma_buf_end_cpu_access`. */
  *endCpu(buffer: ReferenceBuffer, direction: Direction): Generator<Suspension, Errno, unknown> {
    this.mightLock(buffer, "CPU access ends");
    return yield* this.callEndCpu(buffer, direction);
  }

  /** `DMA_BUF_IOCTL_SYNC` in `dma_buf_ioctl`. */
  *ioctlSync(buffer: ReferenceBuffer, flags: number | null): Generator<Suspension, Errno, unknown> {
    this.env.touchUser();
    if (flags === null) return EFAULT;
    if (!this.areSyncFlags(flags)) return EINVAL;
    const direction = this.syncDirection(flags);
    if (direction === null) return EINVAL;
    return yield* (flags & syncEnd) === 0 ? this.beginCpu(buffer, direction) : this.endCpu(buffer, direction);
  }

  /** Everything that `dma_buf_ioctl` has no case for. */
  ioctl(_buffer: ReferenceBuffer, _command: number): Errno {
    return ENOTTY;
  }

  /** `DMA_BUF_SYNC_VALID_FLAGS_MASK`; a bit beyond the 32 that bit operations see is unknown too. */
  protected areSyncFlags(flags: number): boolean {
    return flags <= (syncRead | syncWrite | syncEnd);
  }

  /** A device that wrote is what the CPU reads from, one that will read is what it writes to. */
  protected syncDirection(flags: number): Direction | null {
    switch (flags & (syncRead | syncWrite)) {
      case syncRead:
        return "fromDevice";
      case syncWrite:
        return "toDevice";
      case syncRead | syncWrite:
        return "bidirectional";
      default:
        return null;
    }
  }

  protected *callBeginCpu(buffer: ReferenceBuffer, direction: Direction): Generator<Suspension, Errno, unknown> {
    const { beginCpu } = buffer.ops;
    return beginCpu === undefined ? 0 : ((yield* settle<Errno | void>(beginCpu(buffer, direction))) ?? 0);
  }

  protected *callEndCpu(buffer: ReferenceBuffer, direction: Direction): Generator<Suspension, Errno, unknown> {
    const { endCpu } = buffer.ops;
    return endCpu === undefined ? 0 : ((yield* settle<Errno | void>(endCpu(buffer, direction))) ?? 0);
  }

  /** `__dma_buf_begin_cpu_access`: without the lock and without a limit. A fence that failed is over too. */
  protected *waitForCpu(buffer: ReferenceBuffer, direction: Direction): Generator<Suspension, Errno, unknown> {
    const left = yield* this.env.waitFences(buffer.resv, this.usageFor(direction), true);
    return left < 0 ? -left : 0;
  }

  /** `dma_resv_usage_rw`: who writes waits for readers as well. */
  protected usageFor(direction: Direction): Usage {
    return direction === "bidirectional" || direction === "toDevice" ? "read" : "write";
  }

  /** `might_lock`. */
  protected mightLock(buffer: ReferenceBuffer, what: string): void {
    if (this.env.isLockedByMe(buffer.resv))
      this.env.warn(`${what} while the task holds the lock of the buffer's reservation object`);
  }
}
