import type { Errno } from "../../spec/errno.ts";
import { EALREADY, EDEADLK, EINTR } from "../../spec/errno.ts";
import type { Env } from "../../spec/roles/env.ts";
import type { AcquireContext } from "../../spec/roles/handles.ts";
import type { Suspension, WaitReason } from "../../spec/roles/suspendable.ts";

/** `struct ww_acquire_ctx`: one transaction over several locks. */
export class WwAcquireContext implements AcquireContext {
  readonly acquireContext = true;
  /** Age: a smaller stamp is older. Kept over every back-off. */
  readonly stamp: number;
  /** Locks held that were taken with this context; trylocked ones do not count. */
  acquired = 0;
  /** The lock that EDEADLK was answered for, until the next lock is taken: the back-off obligation. */
  contended: WwMutex | null = null;
  done = false;
  finished = false;

  constructor(stamp: number) {
    this.stamp = stamp;
  }
}

/** `struct mutex_waiter`: a task asleep on a lock. */
export class MutexWaiter {
  readonly task: object;
  readonly context: WwAcquireContext | null;
  /** The lock was handed over; set by the one who unlocks. */
  granted = false;
  /** Woken to look again: granted, or to find out that it has to die. */
  woken = false;
  readonly isWoken = (): boolean => this.woken;

  constructor(task: object, context: WwAcquireContext | null) {
    this.task = task;
    this.context = context;
  }
}

/** `struct ww_mutex`. Free means that nobody waits either, as unlock hands over directly. */
export class WwMutex {
  owner: object | null = null;
  /** The context the owner took it with. */
  context: WwAcquireContext | null = null;
  /** Contexts oldest first; waiters without context keep their place among them. */
  readonly waiters: MutexWaiter[] = [];
}

/**
 * A Wait-Die class of locks with the checks of `CONFIG_DEBUG_MUTEXES` and `CONFIG_DEBUG_WW_MUTEXES`.
 * A context that holds locks and meets an older one dies (EDEADLK), everybody else waits, a holder is left alone.
 * Source: `kernel/locking/ww_mutex.h`, `kernel/locking/mutex.c` (`__mutex_lock_common`), equal from 6.12 to 7.x.
 */
export class WaitDieClass {
  protected readonly env: Env;
  protected lastStamp = 0;

  constructor(env: Env) {
    this.env = env;
  }

  /** `ww_acquire_init`. */
  acquireInit(): WwAcquireContext {
    this.lastStamp += 1;
    return new WwAcquireContext(this.lastStamp);
  }

  /** `ww_acquire_done`. */
  acquireDone(context: WwAcquireContext): void {
    if (context.finished) this.env.warn("an acquire context is marked done after its end");
    else if (context.done) this.env.warn("an acquire context is marked done twice");
    context.done = true;
  }

  /** `ww_acquire_fini`. An open back-off obligation ends with the context. */
  acquireFini(context: WwAcquireContext): void {
    if (context.finished) this.env.warn("an acquire context is ended twice");
    else if (context.acquired > 0) this.env.warn("an acquire context is ended while locks taken with it are held");
    context.finished = true;
  }

  /** `ww_mutex_lock` and `ww_mutex_lock_interruptible`; context null: a plain mutex. */
  *lock(
    mutex: WwMutex,
    context: WwAcquireContext | null,
    interruptible: boolean,
  ): Generator<Suspension, Errno, unknown> {
    yield* this.env.point("lock");
    if (context !== null && mutex.context === context) return EALREADY;
    const task = this.env.currentTask();
    if (mutex.owner === null) {
      this.takeFree(mutex, context);
      return 0;
    }
    if (mutex.owner === task)
      this.env.warn("a task blocks on a lock that it already holds: it waits for itself for ever");
    return yield* this.lockContended(mutex, context, task, interruptible);
  }

  /** `ww_mutex_lock_slow` and its interruptible form: the marked retry after a back-off. */
  *lockSlow(mutex: WwMutex, context: WwAcquireContext, interruptible: boolean): Generator<Suspension, Errno, unknown> {
    if (context.contended === null) this.env.warn("the slow lock form is used without a deadlock reported before it");
    return yield* this.lock(mutex, context, interruptible);
  }

  /** `ww_mutex_trylock` without context. */
  trylock(mutex: WwMutex): boolean {
    if (mutex.owner !== null) return false;
    mutex.owner = this.env.currentTask();
    return true;
  }

  /** `ww_mutex_unlock`. A wrong caller is reported, and the lock released all the same. */
  unlock(mutex: WwMutex): void {
    if (!this.isHeld(mutex)) this.env.warn("a lock is released by a task that does not hold it");
    const { context } = mutex;
    if (context !== null) {
      if (context.acquired > 0) context.acquired -= 1;
      else this.env.warn("a lock is released under an acquire context that counts no lock as held");
      mutex.context = null;
    }
    this.handOver(mutex);
  }

  isHeld(mutex: WwMutex): boolean {
    return mutex.owner !== null && mutex.owner === this.env.currentTask();
  }

  /** `mutex_destroy`. */
  destroy(mutex: WwMutex): void {
    if (mutex.owner !== null) this.env.warn("a lock is destroyed while it is held");
  }

  /** The part of `__mutex_lock_common` where nobody holds it. */
  protected takeFree(mutex: WwMutex, context: WwAcquireContext | null): void {
    mutex.owner = this.env.currentTask();
    if (context !== null) this.lockAcquired(mutex, context);
  }

  /** The sleeping part of `__mutex_lock_common`. */
  protected *lockContended(
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
    for (;;) {
      const errno = interrupted ? EINTR : this.checkKill(mutex, waiter);
      if (errno !== 0) {
        this.removeWaiter(mutex, waiter);
        return errno;
      }
      waiter.woken = false;
      interrupted = (yield* this.env.wait(reason, waiter.isWoken, interruptible)) !== 0;
      if (waiter.granted) {
        if (context !== null) this.lockAcquired(mutex, context);
        return 0;
      }
      if (interruptible && this.env.interruptPending()) interrupted = true;
    }
  }

  /**
   * Queues a waiter (`__ww_mutex_add_waiter`): in front of all younger contexts, which are woken to die,
   * or answers EDEADLK if an older context waits already.
   */
  protected addWaiter(mutex: WwMutex, waiter: MutexWaiter): Errno {
    const { waiters } = mutex;
    const { context } = waiter;
    if (context === null) {
      waiters.push(waiter);
      return 0;
    }
    let position = waiters.length;
    for (let index = waiters.length - 1; index >= 0; index -= 1) {
      const other = waiters[index]!;
      if (other.context === null) continue;
      if (this.isYounger(context, other.context)) {
        const errno = this.kill(mutex, context);
        if (errno !== 0) return errno;
        break;
      }
      position = index;
      this.wakeToDie(other, context);
    }
    waiters.splice(position, 0, waiter);
    return 0;
  }

  protected removeWaiter(mutex: WwMutex, waiter: MutexWaiter): void {
    const index = mutex.waiters.indexOf(waiter);
    if (index >= 0) mutex.waiters.splice(index, 1);
  }

  /** Whether a waiter has to die now (`__ww_mutex_check_kill`): an older context holds the lock or waits before it. */
  protected checkKill(mutex: WwMutex, waiter: MutexWaiter): Errno {
    const { context } = waiter;
    if (context === null || context.acquired === 0) return 0;
    const holder = mutex.context;
    if (holder !== null && this.isYounger(context, holder)) return this.kill(mutex, context);
    for (const other of mutex.waiters) {
      if (other === waiter) return 0;
      if (other.context !== null) return this.kill(mutex, context);
    }
    return 0;
  }

  /** EDEADLK, unless the context holds nothing and so cannot be part of a deadlock (`__ww_mutex_kill`). */
  protected kill(mutex: WwMutex, context: WwAcquireContext): Errno {
    if (context.acquired === 0) return 0;
    if (context.contended !== null)
      this.env.warn("an acquire context that has to back off met its next deadlock instead");
    context.contended = mutex;
    return EDEADLK;
  }

  /** `__ww_mutex_die`. */
  protected wakeToDie(waiter: MutexWaiter, older: WwAcquireContext): void {
    const { context } = waiter;
    if (context !== null && context.acquired > 0 && this.isYounger(context, older)) this.wake(waiter);
  }

  /** `__ww_ctx_less`. */
  protected isYounger(context: WwAcquireContext, than: WwAcquireContext): boolean {
    return context.stamp > than.stamp;
  }

  /** Gives the lock to the first waiter. The kernel lets a third task steal it before that one runs; here nobody can. */
  protected handOver(mutex: WwMutex): void {
    const next = mutex.waiters.shift();
    if (next === undefined) {
      mutex.owner = null;
      return;
    }
    mutex.owner = next.task;
    // Visible at once: whoever meets the lock before the new owner has run must judge by its age.
    mutex.context = next.context;
    next.granted = true;
    this.wake(next);
  }

  protected wake(waiter: MutexWaiter): void {
    waiter.woken = true;
    this.env.wakeUp(waiter.task);
  }

  /** `ww_mutex_lock_acquired`: runs in the task that got the lock. */
  protected lockAcquired(mutex: WwMutex, context: WwAcquireContext): void {
    this.checkObligations(mutex, context);
    context.contended = null;
    context.acquired += 1;
    mutex.context = context;
  }

  /** One warning at most, as the kernel switches its lock checks off after the first. */
  protected checkObligations(mutex: WwMutex, context: WwAcquireContext): void {
    if (context.finished) this.env.warn("a lock is taken with an acquire context that has ended");
    else if (context.done) this.env.warn("a lock is taken with an acquire context that was marked done");
    else if (context.contended === null) return;
    else if (context.contended !== mutex)
      this.env.warn("after a reported deadlock another lock than the contended one is taken");
    else if (context.acquired > 0)
      this.env.warn("the contended lock is taken while locks of its acquire context are still held");
  }
}
