import { EINVAL, ENOMEM, ERESTARTSYS } from "../../spec/errno.ts";
import type { Env } from "../../spec/roles/env.ts";
import type { FenceCallback } from "../../spec/roles/handles.ts";
import type { Suspension, WaitReason } from "../../spec/roles/suspendable.ts";
import { FenceReferences } from "./fence-references.ts";
import type { ReferenceFence } from "./fence.ts";

/** Result of a wait-any; the index is -1 unless the result is positive. */
export interface WaitAnyResult {
  readonly result: number;
  readonly index: number;
}

/** `struct default_wait_cb`: who waits, at its place in the list. */
class WaitCallback implements FenceCallback {
  link: unknown = null;
  private readonly env: Env;
  private readonly task: object;

  constructor(env: Env) {
    this.env = env;
    this.task = env.currentTask();
  }

  /** `dma_fence_default_wait_cb`. */
  run(): void {
    this.env.wakeUp(this.task);
  }
}

const waitAnyFailed = (errno: number): WaitAnyResult => ({ result: -errno, index: -1 });

/**
 * Waiting and deadline hints (`drivers/dma-buf/dma-fence.c`). Timeouts are spans of logical time; `Infinity` never
 * expires and is its own remaining time.
 */
export abstract class FenceWait extends FenceReferences {
  /** `dma_fence_wait_timeout`. */
  *waitFence(fence: ReferenceFence, interruptible: boolean, timeout: number): Generator<Suspension, number, unknown> {
    if (timeout < 0) {
      this.env.warn("negative timeout of a fence wait");
      return -EINVAL;
    }
    this.enableSignaling(fence);
    const ops = fence.ops;
    if (ops?.wait) return ops.wait(fence, interruptible, timeout);
    return yield* this.defaultWait(fence, interruptible, timeout);
  }

  /** `dma_fence_default_wait`. */
  protected *defaultWait(
    fence: ReferenceFence,
    interruptible: boolean,
    timeout: number,
  ): Generator<Suspension, number, unknown> {
    if (fence.signaled) return timeout === 0 ? 1 : timeout;
    if (interruptible && this.env.interruptPending()) return -ERESTARTSYS;
    if (timeout === 0) return 0;
    const callback = new WaitCallback(this.env);
    this.queueCallbackFirst(fence, callback);
    const deadline = this.env.now() + timeout;
    const ready = (): boolean => fence.signaled || this.env.now() >= deadline;
    const interrupted = (yield* this.env.wait({ kind: "fence", fence }, ready, interruptible)) !== 0;
    this.unlinkCallback(callback);
    if (interrupted) return -ERESTARTSYS;
    return fence.signaled ? this.remaining(deadline) : 0;
  }

  /** Never 0 after a success, even if the time ran out in the same moment. */
  protected remaining(deadline: number): number {
    return Math.max(1, deadline - this.env.now());
  }

  /** `dma_fence_wait_any_timeout`. An owner's own wait operation has no part in it. */
  *waitAny(
    fences: readonly ReferenceFence[],
    interruptible: boolean,
    timeout: number,
  ): Generator<Suspension, WaitAnyResult, unknown> {
    if (fences.length === 0 || timeout < 0) {
      this.env.warn(timeout < 0 ? "negative timeout of a wait for any fence" : "wait for any of no fences");
      return waitAnyFailed(EINVAL);
    }
    if (timeout === 0) return this.pollAny(fences);
    if (!this.env.allocate("fence-wait-any")) return waitAnyFailed(ENOMEM);
    const callbacks: WaitCallback[] = [];
    const found = this.queueOnAll(fences, callbacks);
    const outcome =
      found >= 0 ? { result: timeout, index: found } : yield* this.sleepOnAny(fences, interruptible, timeout);
    for (const callback of callbacks) this.unlinkCallback(callback);
    return outcome;
  }

  /** A bare query of each: neither enables nor looks at interruptions. */
  protected pollAny(fences: readonly ReferenceFence[]): WaitAnyResult {
    for (let index = 0; index < fences.length; index++) {
      if (this.isSignaled(fences[index]!)) return { result: 1, index };
    }
    return { result: 0, index: -1 };
  }

  /** Queues on each fence up to the first that is signaled, and answers its index; -1 if there is none. */
  protected queueOnAll(fences: readonly ReferenceFence[], callbacks: WaitCallback[]): number {
    for (let index = 0; index < fences.length; index++) {
      const callback = new WaitCallback(this.env);
      if (this.addCallback(fences[index]!, callback) !== 0) return index;
      callbacks.push(callback);
    }
    return -1;
  }

  protected *sleepOnAny(
    fences: readonly ReferenceFence[],
    interruptible: boolean,
    timeout: number,
  ): Generator<Suspension, WaitAnyResult, unknown> {
    const deadline = this.env.now() + timeout;
    const ready = (): boolean => this.firstSignaled(fences) >= 0 || this.env.now() >= deadline;
    // Any one of them ends the wait, so an edge to a single fence would claim too much.
    const reason: WaitReason =
      fences.length === 1 ? { kind: "fence", fence: fences[0]! } : { kind: "other", what: "any of several fences" };
    if ((yield* this.env.wait(reason, ready, interruptible)) !== 0) return waitAnyFailed(ERESTARTSYS);
    const index = this.firstSignaled(fences);
    return { result: index < 0 ? 0 : this.remaining(deadline), index };
  }

  /** `dma_fence_test_signaled_any`: the bit alone, no owner is asked. */
  protected firstSignaled(fences: readonly ReferenceFence[]): number {
    for (let index = 0; index < fences.length; index++) if (fences[index]!.signaled) return index;
    return -1;
  }

  /** `dma_fence_set_deadline`: every hint is handed on, also a later or a past one. */
  setFenceDeadline(fence: ReferenceFence, deadline: number): void {
    const ops = fence.ops;
    if (ops?.setDeadline && !this.isSignaled(fence)) ops.setDeadline(fence, deadline);
  }
}
