import type { Fence, FenceCallback, FenceOps } from "../../spec/roles/handles.ts";

/** Callbacks queued on one fence, in the order in which they will run: `cb_list`. */
export type CallbackList = FenceCallback[];

/**
 * `struct dma_fence` (`include/linux/dma-fence.h`): state only, changed by the framework's functions.
 * The flag bits of the kernel are booleans here.
 */
export class ReferenceFence implements Fence {
  readonly context: number;
  readonly seqno: bigint;
  /** Compared as 64-bit numbers, without wrap-around. */
  readonly seqno64: boolean;
  /** Null once the framework has detached it (7.1). */
  ops: FenceOps | null;
  references = 1;
  /** `DMA_FENCE_FLAG_SIGNALED_BIT`. */
  signaled = false;
  /** `DMA_FENCE_FLAG_ENABLE_SIGNAL_BIT`. */
  enabled = false;
  /** Negative errno by convention, 0 for none. */
  error = 0;
  /** Logical time of the first signal; meaningless before. */
  signaledAt = 0;
  /** Null while nothing was ever queued, and again from the signal on. */
  callbacks: CallbackList | null = null;
  /** How often the fence's spinlock is held; more than once is a recursion. */
  lockDepth = 0;

  constructor(ops: FenceOps, context: number, seqno: bigint, seqno64: boolean) {
    this.ops = ops;
    this.context = context;
    this.seqno = seqno;
    this.seqno64 = seqno64;
  }
}
