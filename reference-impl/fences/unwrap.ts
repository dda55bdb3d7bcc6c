import type { FenceOps } from "../../spec/roles/handles.ts";
import { type FenceArray, toFenceArray } from "./array.ts";
import { chainContained, FenceChains } from "./chain.ts";
import type { ReferenceFence } from "./fence.ts";

/** `struct dma_fence_unwrap`: where an iteration through containers stands. */
class UnwrapCursor {
  /** The chain node, or the fence itself where there is no chain; referenced. */
  chain: ReferenceFence | null = null;
  array: FenceArray | null = null;
  index = 0;
}

const stubOps: FenceOps = {};

/** Flattening and merging (`drivers/dma-buf/dma-fence-unwrap.c`), and the private stub of `dma-fence.c`. */
export abstract class FenceUnwrap extends FenceChains {
  /** `dma_fence_unwrap_for_each`. The members are borrowed from the container. */
  unwrap(fence: ReferenceFence): readonly ReferenceFence[] {
    const members: ReferenceFence[] = [];
    const cursor = new UnwrapCursor();
    let member = this.unwrapFirst(fence, cursor);
    while (member !== null) {
      members.push(member);
      member = this.unwrapNext(cursor);
    }
    return members;
  }

  /** `dma_fence_unwrap_first`. */
  protected unwrapFirst(head: ReferenceFence, cursor: UnwrapCursor): ReferenceFence | null {
    this.fenceGet(head);
    cursor.chain = head;
    return this.unwrapNode(cursor);
  }

  /** `dma_fence_unwrap_next`. */
  protected unwrapNext(cursor: UnwrapCursor): ReferenceFence | null {
    const next = cursor.array?.fences[++cursor.index];
    if (next !== undefined) return next;
    cursor.chain = cursor.chain === null ? null : this.chainWalk(cursor.chain);
    return this.unwrapNode(cursor);
  }

  /** The first fence of the node that the cursor came to. */
  private unwrapNode(cursor: UnwrapCursor): ReferenceFence | null {
    if (cursor.chain === null) return null;
    const contained = chainContained(cursor.chain);
    cursor.array = toFenceArray(contained);
    cursor.index = 0;
    return cursor.array === null ? contained : (cursor.array.fences[0] ?? this.unwrapNext(cursor));
  }

  /** `dma_fence_unwrap_merge`. Errors of members that are signaled already are lost. */
  merge(fences: readonly ReferenceFence[]): ReferenceFence | null {
    const pending: ReferenceFence[] = [];
    const latest = this.collectPending(fences, pending);
    const only = pending[0];
    if (only === undefined) return this.allocatePrivateStub(latest);
    if (pending.length === 1) return only;
    return this.mergePending(pending);
  }

  /** Adds the unsignaled members, each with a reference, and answers the latest time stamp of the others. */
  protected collectPending(fences: readonly ReferenceFence[], pending: ReferenceFence[]): number {
    let latest = 0;
    const cursor = new UnwrapCursor();
    for (const fence of fences) {
      let member = this.unwrapFirst(fence, cursor);
      while (member !== null) {
        if (this.isSignaled(member)) latest = Math.max(latest, this.timestamp(member));
        else {
          this.fenceGet(member);
          pending.push(member);
        }
        member = this.unwrapNext(cursor);
      }
    }
    return latest;
  }

  /** Turns at least two referenced fences into one; the references go along or are given back. */
  protected mergePending(pending: ReferenceFence[]): ReferenceFence | null {
    if (!this.env.allocate("fence-merge")) {
      this.putAll(pending);
      return null;
    }
    this.dedupArray(pending);
    const only = pending[0];
    if (only !== undefined && pending.length === 1) return only;
    const array = this.createArray(pending, this.fenceContextAlloc(1), 1n, false);
    if (array === null) this.putAll(pending);
    return array;
  }

  /** `dma_fence_dedup_array`: in place, by context, the latest of each. */
  protected dedupArray(fences: ReferenceFence[]): void {
    fences.sort((a, b) => this.compareForMerge(a, b));
    let kept = 0;
    for (const fence of fences) {
      if (kept > 0 && fences[kept - 1]!.context === fence.context) this.fencePut(fence);
      else fences[kept++] = fence;
    }
    fences.length = kept;
  }

  /** By context, the latest first: `fence_cmp`. */
  protected compareForMerge(a: ReferenceFence, b: ReferenceFence): number {
    if (a.context !== b.context) return a.context - b.context;
    if (this.isLater(b, a)) return 1;
    return this.isLater(a, b) ? -1 : 0;
  }

  /** `dma_fence_get_stub`; here each caller has one of its own. */
  getStub(): ReferenceFence {
    const stub = this.fenceInit(stubOps, 0, 0n);
    stub.enabled = true;
    this.signal(stub);
    return stub;
  }

  /** `dma_fence_allocate_private_stub`: a signaled fence of its own. All stubs share context 0 and number 0. */
  protected allocatePrivateStub(timestamp: number): ReferenceFence | null {
    if (!this.env.allocate("fence-stub")) return null;
    const stub = this.fenceInit(stubOps, 0, 0n);
    stub.enabled = true;
    this.signalTimestamp(stub, timestamp);
    return stub;
  }
}
