import type { Errno } from "../errno.ts";
import type { Fence, FenceCallback, FenceOps } from "./handles.ts";
import type { Suspendable } from "./suspendable.ts";

/** Fences: `drivers/dma-buf/dma-fence.c`, `dma-fence-array.c`, `dma-fence-chain.c`, `dma-fence-unwrap.c`. */
export interface FenceFramework {
  /** First of `count` fresh timeline numbers. */
  fenceContextAlloc(count: number): number;
  /** A fresh fence with one reference. `seqno64`: 64-bit numbering by the fence (7.1). */
  fenceInit(ops: FenceOps, context: number, seqno: bigint, seqno64?: boolean): Fence;
  fenceGet(fence: Fence): void;
  /** `dma_fence_get_rcu`: false if the count was zero already. */
  fenceGetLive(fence: Fence): boolean;
  fencePut(fence: Fence): void;

  /** EINVAL if it was signaled before, where the series reports that; otherwise 0. */
  signal(fence: Fence): Errno;
  signalTimestamp(fence: Fence, timestamp: number): Errno;
  /** From 7.0: true if it was signaled before. */
  checkAndSignal(fence: Fence): boolean;
  /** The error as stored, negative by convention (-5). */
  setError(fence: Fence, error: number): void;
  /** 0 unsignaled, 1 signaled, otherwise the stored error (negative by convention). May itself find the fence complete. */
  getStatus(fence: Fence): number;
  isSignaled(fence: Fence): boolean;
  /** Logical time of the first signal. */
  timestamp(fence: Fence): number;
  /** Whether `first` is later on its timeline than `second`. */
  isLater(first: Fence, second: Fence): boolean;

  /** 0, ENOENT if the fence is signaled, EINVAL for a missing fence or function. */
  addCallback(fence: Fence | null, callback: FenceCallback | null): Errno;
  removeCallback(fence: Fence, callback: FenceCallback): boolean;
  enableSignaling(fence: Fence): void;
  setFenceDeadline(fence: Fence, deadline: number): void;

  /** Remaining time > 0 (1 for timeout 0), 0 on expiry, negative errno. */
  waitFence(fence: Fence, interruptible: boolean, timeout: number): Suspendable<number>;
  /** As waitFence, with the index of a signaled fence. */
  waitAny(
    fences: readonly Fence[],
    interruptible: boolean,
    timeout: number,
  ): Suspendable<{ readonly result: number; readonly index: number }>;

  /** A cookie to hand back to the matching end. */
  beginSignalling(): boolean;
  endSignalling(cookie: boolean): void;

  /** Consumes the members' references on success; null: no memory. `signalOnAny` only where the series has it. */
  createArray(fences: readonly Fence[], context: number, seqno: bigint, signalOnAny: boolean): Fence | null;
  /** Consumes both references. `previous` null starts a chain. Null: no memory. */
  createChain(previous: Fence | null, fence: Fence, seqno: bigint): Fence | null;
  /**
   * The node to wait for, with a reference of its own; null if that point is signaled already, EINVAL beyond the end or
   * for no chain. The caller keeps the reference to `fence`. Point 0 answers `fence` itself.
   */
  findSeqno(fence: Fence, seqno: bigint): Fence | null | Errno;
  /** A signaled fence with a reference for the caller (`dma_fence_get_stub`). Cannot fail. */
  getStub(): Fence;
  /** Unwraps, drops signaled members, keeps the latest of a timeline. Null: no memory. */
  merge(fences: readonly Fence[]): Fence | null;
  /** Members of a container in order, the fence itself otherwise. */
  unwrap(fence: Fence): readonly Fence[];
  isContainer(fence: Fence): boolean;
}
