import type { Env } from "../../spec/roles/env.ts";
import type { FenceOps } from "../../spec/roles/handles.ts";
import { ReferenceFence } from "./fence.ts";
import { isLaterSeqno } from "./seqno.ts";

/**
 * Making fences, comparing them, and their spinlock (`drivers/dma-buf/dma-fence.c`).
 * The layers of the framework are classes in a row, one a topic, because the kernel's functions call each other both ways
 * and a single object lets a subclass replace any one of them.
 */
export abstract class FenceBase {
  protected readonly env: Env;
  /** Timeline 0 belongs to the stubs. */
  private nextContext = 1;
  /** Fence spinlocks held now. Nobody blocks under one, so they all belong to the running task. */
  protected heldLocks = 0;

  constructor(env: Env) {
    this.env = env;
  }

  /** `dma_fence_context_alloc`. */
  fenceContextAlloc(count: number): number {
    if (count === 0) this.env.warn("no fence contexts asked for");
    const first = this.nextContext;
    this.nextContext += count;
    return first;
  }

  /** `dma_fence_init`, `dma_fence_init64`. */
  fenceInit(ops: FenceOps, context: number, seqno: bigint, seqno64 = false): ReferenceFence {
    return new ReferenceFence(ops, context, seqno, this.numbersIn64Bit(ops, seqno64));
  }

  protected numbersIn64Bit(ops: FenceOps, seqno64: boolean): boolean {
    return this.env.profile.seqno64 === "fence" ? seqno64 : ops.seqno64 === true;
  }

  /** `dma_fence_is_later`: the first fence's numbering decides how both are compared. */
  isLater(first: ReferenceFence, second: ReferenceFence): boolean {
    if (first.context !== second.context) {
      this.env.warn("fences of different contexts compared");
      return false;
    }
    return isLaterSeqno(first.seqno, second.seqno, first.seqno64);
  }

  /** `dma_fence_lock_irqsave`. A second hold cannot be waited for, so it is only reported. */
  protected lockFence(fence: ReferenceFence): void {
    if (fence.lockDepth > 0)
      this.env.warn("fence lock taken again by its holder: the caller runs under this fence's lock");
    fence.lockDepth++;
    this.heldLocks++;
  }

  protected unlockFence(fence: ReferenceFence): void {
    fence.lockDepth--;
    this.heldLocks--;
  }
}
