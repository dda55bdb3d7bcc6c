import { EINVAL, type Errno } from "../../spec/errno.ts";
import type { FenceCallback } from "../../spec/roles/handles.ts";
import { FenceBase } from "./fence-base.ts";
import type { CallbackList, ReferenceFence } from "./fence.ts";

const maxErrno = 4095;

/** Signaling, errors and the queries (`drivers/dma-buf/dma-fence.c`, `include/linux/dma-fence.h`). */
export abstract class FenceSignal extends FenceBase {
  /** `dma_fence_signal`. */
  signal(fence: ReferenceFence): Errno {
    return this.signalTimestamp(fence, this.env.now());
  }

  /** `dma_fence_signal_timestamp`. The time is taken as it comes. */
  signalTimestamp(fence: ReferenceFence, timestamp: number): Errno {
    return this.signalWithLock(fence, timestamp) ? 0 : this.secondSignalErrno();
  }

  /** `dma_fence_check_and_signal`, from 7.0. */
  checkAndSignal(fence: ReferenceFence): boolean {
    return !this.signalWithLock(fence, this.env.now());
  }

  protected signalWithLock(fence: ReferenceFence, timestamp: number): boolean {
    this.lockFence(fence);
    try {
      return this.signalTimestampLocked(fence, timestamp);
    } finally {
      this.unlockFence(fence);
    }
  }

  /** `dma_fence_signal_timestamp_locked`: true if this call made the transition. */
  protected signalTimestampLocked(fence: ReferenceFence, timestamp: number): boolean {
    if (fence.signaled) return false;
    fence.signaled = true;
    this.detachOps(fence);
    fence.signaledAt = timestamp;
    this.env.traceSignaled(fence, fence.error);
    const callbacks = fence.callbacks;
    if (callbacks !== null) {
      // Off the fence first: what a callback does to this fence must not meet a list that is being walked.
      fence.callbacks = null;
      this.runCallbacks(fence, callbacks);
    }
    return true;
  }

  protected secondSignalErrno(): Errno {
    return this.env.profile.secondSignal === "EINVAL" ? EINVAL : 0;
  }

  /** From 7.1 a signaled fence is independent of an owner that needs neither the release nor the wait. */
  protected detachOps(fence: ReferenceFence): void {
    const ops = fence.ops;
    if (ops !== null && this.env.profile.detachesFenceOps && !ops.release && !ops.wait) fence.ops = null;
  }

  protected runCallbacks(fence: ReferenceFence, callbacks: CallbackList): void {
    if (callbacks.length === 0) return;
    this.env.atomic(() => {
      // The list is read live: a callback may take a later one off.
      for (const callback of callbacks) this.runCallback(fence, callback);
    });
  }

  protected runCallback(fence: ReferenceFence, callback: FenceCallback): void {
    // Unlinked before it runs, so that it may be registered elsewhere from inside.
    callback.link = null;
    callback.run(fence);
  }

  /** `dma_fence_set_error`: warns, but stores whatever comes. */
  setError(fence: ReferenceFence, error: number): void {
    if (fence.signaled) this.env.warn("fence error set after the signal");
    if (error >= 0 || error < -maxErrno) this.env.warn(`fence error ${error} is no negative error number`);
    fence.error = error;
  }

  /** `dma_fence_get_status`. */
  getStatus(fence: ReferenceFence): number {
    this.lockFence(fence);
    try {
      return this.isSignaledLocked(fence) ? fence.error || 1 : 0;
    } finally {
      this.unlockFence(fence);
    }
  }

  /** `dma_fence_is_signaled`: an owner's yes is latched by a signal. */
  isSignaled(fence: ReferenceFence): boolean {
    if (fence.signaled) return true;
    if (!this.askOwner(fence)) return false;
    this.signal(fence);
    return true;
  }

  /** `dma_fence_is_signaled_locked`. */
  protected isSignaledLocked(fence: ReferenceFence): boolean {
    if (fence.signaled) return true;
    if (!fence.ops?.signaled || !this.env.atomic(() => this.askOwner(fence))) return false;
    this.signalTimestampLocked(fence, this.env.now());
    return true;
  }

  protected askOwner(fence: ReferenceFence): boolean {
    const ops = fence.ops;
    return ops?.signaled !== undefined && ops.signaled(fence);
  }

  /** `dma_fence_timestamp`. */
  timestamp(fence: ReferenceFence): number {
    if (fence.signaled) return fence.signaledAt;
    this.env.warn("timestamp of an unsignaled fence asked");
    return this.env.now();
  }
}
