import { EINVAL, type Errno } from "../../spec/errno.ts";
import type { FenceCallback, FenceOps } from "../../spec/roles/handles.ts";
import { FenceArrays } from "./array.ts";
import { ReferenceFence } from "./fence.ts";
import { isLaterSeqno } from "./seqno.ts";

/** `struct dma_fence_chain`: one node. */
export class FenceChain extends ReferenceFence {
  /** The earlier node, or the plain fence at the end. Changes as signaled nodes are unlinked. */
  previous: ReferenceFence | null;
  readonly fence: ReferenceFence;
  /** Number of the predecessor at creation, 0 where the node started a context. Unlinking does not change it. */
  readonly previousSeqno: bigint;
  /** The one registration of this node, on the first unsignaled fence at or below it. */
  readonly callback: FenceCallback;

  constructor(
    ops: FenceOps,
    place: { readonly context: number; readonly seqno: bigint; readonly previousSeqno: bigint },
    previous: ReferenceFence | null,
    fence: ReferenceFence,
    signaled: (chain: FenceChain, fence: ReferenceFence) => void,
  ) {
    super(ops, place.context, place.seqno, true);
    this.previous = previous;
    this.fence = fence;
    this.previousSeqno = place.previousSeqno;
    this.callback = { run: (done) => signaled(this, done as ReferenceFence), link: null };
  }
}

/** `to_dma_fence_chain`. */
export const toFenceChain = (fence: ReferenceFence | null): FenceChain | null =>
  fence instanceof FenceChain ? fence : null;

/** `dma_fence_chain_contained`. */
export const chainContained = (fence: ReferenceFence): ReferenceFence =>
  fence instanceof FenceChain ? fence.fence : fence;

/** Timelines of fences (`drivers/dma-buf/dma-fence-chain.c`). */
export abstract class FenceChains extends FenceArrays {
  protected readonly chainOps: FenceOps = {
    seqno64: true,
    enableSignaling: (fence) => this.chainEnableSignaling(fence as FenceChain),
    signaled: (fence) => this.chainSignaled(fence as FenceChain),
    release: (fence) => this.chainRelease(fence as FenceChain),
    setDeadline: (fence, deadline) => this.chainSetDeadline(fence as FenceChain, deadline),
  };
  private readonly chainSignaledBy = (chain: FenceChain, fence: ReferenceFence): void =>
    this.chainCallback(chain, fence);

  /** `dma_fence_chain_alloc` and `dma_fence_chain_init`. */
  createChain(previous: ReferenceFence | null, fence: ReferenceFence, seqno: bigint): FenceChain | null {
    if (!this.env.allocate("fence-chain")) return null;
    if (toFenceChain(fence)) this.env.warn("fence chain as the contained fence of a chain node");
    const place = this.placeInChain(toFenceChain(previous), seqno);
    return new FenceChain(this.chainOps, place, previous, fence, this.chainSignaledBy);
  }

  /** A number that is not later than the predecessor's cannot share its context, but must not fail either. */
  protected placeInChain(
    previous: FenceChain | null,
    seqno: bigint,
  ): { readonly context: number; readonly seqno: bigint; readonly previousSeqno: bigint } {
    if (previous !== null && isLaterSeqno(seqno, previous.seqno, previous.seqno64)) {
      return { context: previous.context, seqno, previousSeqno: previous.seqno };
    }
    const larger = previous !== null && previous.seqno > seqno ? previous.seqno : seqno;
    return { context: this.fenceContextAlloc(1), seqno: larger, previousSeqno: 0n };
  }

  /**
   * `dma_fence_chain_walk`: the next node towards the oldest, null at the end. Takes over the reference to `fence` and
   * hands out one to the result. Nodes whose own fence is signaled are unlinked on the way.
   */
  protected chainWalk(fence: ReferenceFence): ReferenceFence | null {
    const chain = toFenceChain(fence);
    let previous: ReferenceFence | null = null;
    if (chain !== null) {
      while ((previous = this.chainGetPrevious(chain)) !== null && this.isSignaled(chainContained(previous))) {
        this.unlinkPrevious(chain, previous);
        this.fencePut(previous);
      }
    }
    this.fencePut(fence);
    return previous;
  }

  /** `dma_fence_chain_get_prev`. */
  protected chainGetPrevious(chain: FenceChain): ReferenceFence | null {
    const previous = chain.previous;
    if (previous !== null) this.fenceGet(previous);
    return previous;
  }

  /** The owner that was just asked may have led to another walk, which is why the link is compared again. */
  protected unlinkPrevious(chain: FenceChain, previous: ReferenceFence): void {
    const previousChain = toFenceChain(previous);
    const replacement = previousChain === null ? null : this.chainGetPrevious(previousChain);
    if (chain.previous === previous) {
      chain.previous = replacement;
      this.fencePut(previous);
    } else if (replacement !== null) {
      this.fencePut(replacement);
    }
  }

  /** `dma_fence_chain_find_seqno`. */
  findSeqno(fence: ReferenceFence, seqno: bigint): ReferenceFence | null | Errno {
    const chain = toFenceChain(fence);
    if (seqno !== 0n && (chain === null || chain.seqno < seqno)) return EINVAL;
    this.fenceGet(fence);
    if (seqno === 0n) return fence;
    let node: ReferenceFence | null = fence;
    while (node !== null && !this.coversPoint(node, fence.context, seqno)) node = this.chainWalk(node);
    return node;
  }

  /** Whether `node` is the one to wait for: of another timeline, or the first at or above the point. */
  protected coversPoint(node: ReferenceFence, context: number, seqno: bigint): boolean {
    if (node.context !== context) return true;
    const chain = toFenceChain(node);
    if (chain !== null) return chain.previousSeqno < seqno;
    this.env.warn("kernel stops: plain fence with the context of a chain");
    return true;
  }

  /** `dma_fence_chain_enable_signaling`: false if nothing at or below the node is unsignaled. */
  protected chainEnableSignaling(head: FenceChain): boolean {
    // One reference for the registration, given back by the work; one for the walk.
    this.fenceGet(head);
    this.fenceGet(head);
    let node: ReferenceFence | null = head;
    while (node !== null) {
      const contained = chainContained(node);
      this.fenceGet(contained);
      if (this.addCallback(contained, head.callback) === 0) {
        this.fencePut(node);
        return true;
      }
      this.fencePut(contained);
      node = this.chainWalk(node);
    }
    this.fencePut(head);
    return false;
  }

  /** `dma_fence_chain_cb`. */
  protected chainCallback(chain: FenceChain, fence: ReferenceFence): void {
    this.env.defer("irq work", () => this.chainIrqWork(chain));
    this.fencePut(fence);
  }

  /** `dma_fence_chain_irq_work`: on to the next unsignaled fence, or done. */
  protected chainIrqWork(chain: FenceChain): void {
    if (!this.chainEnableSignaling(chain)) this.signal(chain);
    this.fencePut(chain);
  }

  /** `dma_fence_chain_signaled`. */
  protected chainSignaled(head: FenceChain): boolean {
    this.fenceGet(head);
    let node: ReferenceFence | null = head;
    while (node !== null) {
      if (!this.isSignaled(chainContained(node))) {
        this.fencePut(node);
        return false;
      }
      node = this.chainWalk(node);
    }
    return true;
  }

  /** `dma_fence_chain_set_deadline`. */
  protected chainSetDeadline(head: FenceChain, deadline: number): void {
    this.fenceGet(head);
    let node: ReferenceFence | null = head;
    while (node !== null) {
      this.setFenceDeadline(chainContained(node), deadline);
      node = this.chainWalk(node);
    }
  }

  /** `dma_fence_chain_release`: one node after the other, as a long chain would recurse too deep. */
  protected chainRelease(chain: FenceChain): void {
    let previous = chain.previous;
    while (previous !== null && previous.references === 1) {
      const previousChain = toFenceChain(previous);
      if (previousChain === null) break;
      chain.previous = previousChain.previous;
      previousChain.previous = null;
      this.fencePut(previousChain);
      previous = chain.previous;
    }
    chain.previous = null;
    if (previous !== null) this.fencePut(previous);
    this.fencePut(chain.fence);
  }
}
