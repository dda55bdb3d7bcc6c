import type { Fence, FenceCallback, FenceOps } from "../../spec/roles/handles.ts";
import { FenceWait } from "./fence-wait.ts";
import { ReferenceFence } from "./fence.ts";

/** `PENDING_ERROR`: no member's error was taken over yet. Positive, so that it is never mistaken for one. */
const pendingError = 1;

/** `struct dma_fence_array`. */
export class FenceArray extends ReferenceFence {
  readonly fences: readonly ReferenceFence[];
  /** Member signals still needed, once enabled. Below zero where one was enough. */
  pending: number;
  override error = pendingError;

  constructor(ops: FenceOps, context: number, seqno: bigint, fences: readonly ReferenceFence[], pending: number) {
    super(ops, context, seqno, false);
    this.fences = fences;
    this.pending = pending;
  }
}

/** `to_dma_fence_array`. */
export const toFenceArray = (fence: ReferenceFence): FenceArray | null => (fence instanceof FenceArray ? fence : null);

/** `struct dma_fence_array_cb`. */
class ArrayCallback implements FenceCallback {
  readonly run: FenceCallback["run"];
  link: unknown = null;

  constructor(run: FenceCallback["run"]) {
    this.run = run;
  }
}

/** Arrays of fences (`drivers/dma-buf/dma-fence-array.c`). */
export abstract class FenceArrays extends FenceWait {
  protected readonly arrayOps: FenceOps = {
    enableSignaling: (fence) => this.arrayEnableSignaling(fence as FenceArray),
    signaled: (fence) => this.arraySignaled(fence as FenceArray),
    release: (fence) => this.arrayRelease(fence as FenceArray),
    setDeadline: (fence, deadline) => this.arraySetDeadline(fence as FenceArray, deadline),
  };

  /** `dma_fence_array_create`. */
  createArray(
    fences: readonly ReferenceFence[],
    context: number,
    seqno: bigint,
    signalOnAny: boolean,
  ): FenceArray | null {
    if (!this.env.allocate("fence-array")) return null;
    if (fences.length === 0) this.env.warn("fence array without members");
    for (const fence of fences)
      if (this.isContainer(fence)) this.env.warn("fence container as member of a fence array");
    return new FenceArray(this.arrayOps, context, seqno, fences, this.signalsNeeded(fences, signalOnAny));
  }

  protected signalsNeeded(fences: readonly ReferenceFence[], signalOnAny: boolean): number {
    return signalOnAny && this.env.profile.arraySignalOnAny ? 1 : fences.length;
  }

  abstract isContainer(fence: ReferenceFence): boolean;

  /** `dma_fence_array_enable_signaling`: false once nothing is pending. */
  protected arrayEnableSignaling(array: FenceArray): boolean {
    const run = (member: Fence): void => this.arrayCallback(array, member as ReferenceFence);
    for (const member of array.fences) {
      // The array may be found signaled before all its callbacks ran; each of them keeps it alive.
      this.fenceGet(array);
      if (this.addCallback(member, new ArrayCallback(run)) === 0) continue;
      this.setPendingError(array, member.error);
      this.fencePut(array);
      if (--array.pending === 0) {
        this.clearPendingError(array);
        return false;
      }
    }
    return true;
  }

  /** `dma_fence_array_cb_func`. */
  protected arrayCallback(array: FenceArray, member: ReferenceFence): void {
    this.setPendingError(array, member.error);
    if (--array.pending === 0) this.queueArrayWork(array);
    else this.fencePut(array);
  }

  /** The member's lock is held here and the array has a lock of the same class, so the signal comes later. */
  protected queueArrayWork(array: FenceArray): void {
    this.env.defer("irq work", () => this.arrayIrqWork(array));
  }

  /** `irq_dma_fence_array_work`. */
  protected arrayIrqWork(array: FenceArray): void {
    this.clearPendingError(array);
    this.signal(array);
    this.fencePut(array);
  }

  /** `dma_fence_array_set_pending_error`: the first error stays. */
  protected setPendingError(array: FenceArray, error: number): void {
    if (error !== 0 && array.error === pendingError) array.error = error;
  }

  /** `dma_fence_array_clear_pending_error`. */
  protected clearPendingError(array: FenceArray): void {
    if (array.error === pendingError) array.error = 0;
  }

  /** `dma_fence_array_signaled`: counts for itself as long as no callbacks count. */
  protected arraySignaled(array: FenceArray): boolean {
    if (!(array.enabled ? array.pending <= 0 : this.enoughMembersSignaled(array))) return false;
    this.clearPendingError(array);
    return true;
  }

  protected enoughMembersSignaled(array: FenceArray): boolean {
    let needed = array.pending;
    for (const member of array.fences) if (this.isSignaled(member) && --needed === 0) return true;
    return false;
  }

  /** `dma_fence_array_release`. */
  protected arrayRelease(array: FenceArray): void {
    this.putAll(array.fences);
  }

  /** `dma_fence_array_set_deadline`. */
  protected arraySetDeadline(array: FenceArray, deadline: number): void {
    for (const member of array.fences) this.setFenceDeadline(member, deadline);
  }
}
