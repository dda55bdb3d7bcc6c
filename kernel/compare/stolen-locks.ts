import { EINTR, type Errno } from "../../spec/errno.ts";
import {
  MutexWaiter,
  WaitDieClass,
  type WwAcquireContext,
  type WwMutex,
} from "../../reference-impl/reservations/ww-mutex.ts";
import type { Suspension, WaitReason } from "../../spec/roles/suspendable.ts";

/**
 * Locks as a kernel hands them on. The reference gives one to its first waiter, and nobody can take it before that one
 * has run. A kernel frees it and wakes the waiter: whoever comes first takes it, mostly the task that has just released
 * it, and a waiter that was woken for nothing asks for the next release to be a hand-over. Both are right.
 * Source: `kernel/locking/mutex.c`, the same on one processor from 6.12 to 7.3.
 */
export class StolenLocks extends WaitDieClass {
  /** `MUTEX_FLAG_HANDOFF`. */
  private readonly promised = new WeakSet<WwMutex>();

  protected override handOver(mutex: WwMutex): void {
    if (this.promised.delete(mutex)) {
      super.handOver(mutex);
      return;
    }
    mutex.owner = null;
    const [first] = mutex.waiters;
    if (first !== undefined) this.wake(first);
  }

  /** `ww_mutex_set_context_fastpath`: those who wait look whether they have to die for the new holder. */
  protected override takeFree(mutex: WwMutex, context: WwAcquireContext | null): void {
    super.takeFree(mutex, context);
    const first = mutex.waiters.find((waiter) => waiter.context !== null);
    if (context !== null && first !== undefined) this.wakeToDie(first, context);
  }

  protected override *lockContended(
    mutex: WwMutex,
    context: WwAcquireContext | null,
    task: object,
    interruptible: boolean,
  ): Generator<Suspension, Errno, unknown> {
    const waiter = new MutexWaiter(task, context);
    const early = this.addWaiter(mutex, waiter);
    if (early !== 0) return early;
    const reason: WaitReason = { kind: "lock", lock: mutex };
    let interrupted = interruptible && this.env.interruptPending();
    while (!waiter.granted && mutex.owner !== null) {
      const errno = interrupted ? EINTR : this.checkKill(mutex, waiter);
      if (errno !== 0) {
        this.removeWaiter(mutex, waiter);
        return errno;
      }
      waiter.woken = false;
      interrupted = (yield* this.env.wait(reason, waiter.isWoken, interruptible)) !== 0;
      if (mutex.owner !== null && mutex.waiters[0] === waiter) this.promised.add(mutex);
      if (interruptible && this.env.interruptPending()) interrupted = true;
    }
    this.removeWaiter(mutex, waiter);
    mutex.owner = task;
    if (context !== null) this.lockAcquired(mutex, context);
    return 0;
  }

  protected override removeWaiter(mutex: WwMutex, waiter: MutexWaiter): void {
    super.removeWaiter(mutex, waiter);
    if (mutex.waiters.length === 0) this.promised.delete(mutex);
  }
}
