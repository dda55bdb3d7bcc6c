import { EINVAL, ENOENT, type Errno } from "../../spec/errno.ts";
import type { FenceCallback } from "../../spec/roles/handles.ts";
import { FenceSignal } from "./fence-signal.ts";
import type { CallbackList, ReferenceFence } from "./fence.ts";

/** Enabling and the callback list (`drivers/dma-buf/dma-fence.c`). */
export abstract class FenceCallbacks extends FenceSignal {
  /** `dma_fence_enable_sw_signaling` (`dma_fence_enable_signaling` from 7.1). */
  enableSignaling(fence: ReferenceFence): void {
    this.lockFence(fence);
    try {
      this.enableSignalingLocked(fence);
    } finally {
      this.unlockFence(fence);
    }
  }

  /** `__dma_fence_enable_signaling`: false if the fence is signaled, also when the owner says so only now. */
  protected enableSignalingLocked(fence: ReferenceFence): boolean {
    const wasEnabled = fence.enabled;
    fence.enabled = true;
    if (fence.signaled) return false;
    if (wasEnabled || this.callEnable(fence)) return true;
    this.signalTimestampLocked(fence, this.env.now());
    return false;
  }

  protected callEnable(fence: ReferenceFence): boolean {
    const ops = fence.ops;
    if (!ops?.enableSignaling) return true;
    return this.env.atomic(() => ops.enableSignaling?.(fence) ?? true);
  }

  /** `dma_fence_add_callback`. Only the signaled bit counts: the owner is not asked. */
  addCallback(fence: ReferenceFence | null, callback: FenceCallback | null): Errno {
    if (fence === null || callback === null) {
      this.env.warn(fence === null ? "callback added to no fence" : "callback without a function added");
      return EINVAL;
    }
    if (fence.signaled) return this.refuseCallback(callback);
    this.lockFence(fence);
    try {
      if (!this.enableSignalingLocked(fence)) return this.refuseCallback(callback);
      this.queueCallback(fence, callback);
      return 0;
    } finally {
      this.unlockFence(fence);
    }
  }

  /** Leaves the callback unlinked, so that removing it answers false. */
  protected refuseCallback(callback: FenceCallback): Errno {
    callback.link = null;
    return ENOENT;
  }

  protected queueCallback(fence: ReferenceFence, callback: FenceCallback): void {
    const callbacks = this.listOf(fence);
    if (callback.link === callbacks) {
      this.env.warn("callback added twice to one fence");
      return;
    }
    callbacks.push(callback);
    callback.link = callbacks;
  }

  /** Ahead of everybody, as sleeping waiters queue themselves. */
  protected queueCallbackFirst(fence: ReferenceFence, callback: FenceCallback): void {
    const callbacks = this.listOf(fence);
    callbacks.unshift(callback);
    callback.link = callbacks;
  }

  private listOf(fence: ReferenceFence): CallbackList {
    return (fence.callbacks ??= []);
  }

  /**
   * `dma_fence_remove_callback`. The node says where it is queued, not the fence named by the caller:
   * naming the wrong one succeeds as well.
   */
  removeCallback(fence: ReferenceFence, callback: FenceCallback): boolean {
    this.lockFence(fence);
    const removed = this.unlinkCallback(callback);
    this.unlockFence(fence);
    return removed;
  }

  /** `list_del_init`, and whether there was anything to unlink. */
  protected unlinkCallback(callback: FenceCallback): boolean {
    const callbacks = callback.link as CallbackList | null | undefined;
    if (!callbacks) return false;
    callbacks.splice(callbacks.indexOf(callback), 1);
    callback.link = null;
    return true;
  }
}
