import { EDEADLK } from "../../spec/errno.ts";
import { FenceCallbacks } from "./fence-callbacks.ts";
import type { ReferenceFence } from "./fence.ts";

/** Reference counting and release (`drivers/dma-buf/dma-fence.c`, `include/linux/dma-fence.h`). */
export abstract class FenceReferences extends FenceCallbacks {
  /** `dma_fence_get`. */
  fenceGet(fence: ReferenceFence): void {
    if (fence.references === 0) {
      this.env.warn("reference taken on a released fence");
      return;
    }
    fence.references++;
  }

  /** `dma_fence_get_rcu`. */
  fenceGetLive(fence: ReferenceFence): boolean {
    if (fence.references === 0) return false;
    fence.references++;
    return true;
  }

  /** `dma_fence_put`. */
  fencePut(fence: ReferenceFence): void {
    if (fence.references === 0) {
      this.env.warn("reference of a released fence dropped");
      return;
    }
    if (--fence.references === 0) this.releaseFence(fence);
  }

  /** `dma_fence_release`. */
  protected releaseFence(fence: ReferenceFence): void {
    if (!fence.signaled && fence.callbacks !== null && fence.callbacks.length > 0) this.signalDeadlock(fence);
    // Before the owner's hook, which drops what the fence holds: members go after their container.
    this.env.traceReleased(fence);
    const ops = fence.ops;
    if (ops?.release) ops.release(fence);
  }

  /** Nobody can signal the fence any more, so whoever is queued learns it now. */
  protected signalDeadlock(fence: ReferenceFence): void {
    this.env.warn("fence released with pending callbacks");
    fence.error = -EDEADLK;
    this.signalWithLock(fence, this.env.now());
  }

  protected putAll(fences: readonly ReferenceFence[]): void {
    for (const fence of fences) this.fencePut(fence);
  }
}
