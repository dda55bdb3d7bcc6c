import type { Errno } from "../errno.ts";
import type { AcquireContext, Fence, Reservation, Usage } from "./handles.ts";
import type { Suspendable } from "./suspendable.ts";

/** An entry of a reservation object. */
export interface ReservationEntry {
  readonly fence: Fence;
  readonly usage: Usage;
}

/** Reservation objects: `drivers/dma-buf/dma-resv.c` over the Wait-Die class of `kernel/locking/ww_mutex.h`. */
export interface ReservationFramework {
  /** A fresh, unlocked, empty object. */
  createReservation(): Reservation;
  /** Drops every entry's reference. */
  destroyReservation(resv: Reservation): void;

  acquireInit(): AcquireContext;
  acquireDone(context: AcquireContext): void;
  acquireFini(context: AcquireContext): void;

  /** 0, or with a context EDEADLK or EALREADY. */
  lock(resv: Reservation, context: AcquireContext | null): Suspendable<Errno>;
  lockInterruptible(resv: Reservation, context: AcquireContext | null): Suspendable<Errno>;
  /** Only after EDEADLK, on the contended object, with nothing of the context held. */
  lockSlow(resv: Reservation, context: AcquireContext): Suspendable<void>;
  lockSlowInterruptible(resv: Reservation, context: AcquireContext): Suspendable<Errno>;
  trylock(resv: Reservation): boolean;
  unlock(resv: Reservation): void;
  /** Whether the running task holds the lock. */
  isLockedByMe(resv: Reservation): boolean;

  reserveFences(resv: Reservation, count: number): Errno;
  addFence(resv: Reservation, fence: Fence, usage: Usage): void;
  /** Exchanges every entry of the fence context `context`. */
  replaceFences(resv: Reservation, context: number, fence: Fence, usage: Usage): void;
  copyFences(destination: Reservation, source: Reservation): Errno;
  /** Entries as iteration under the lock sees them, signaled ones included. No references taken. */
  iterateFences(resv: Reservation, usage: Usage): readonly ReservationEntry[];
  /** Lockless: skips what is found signaled; each fence with a reference of its own. */
  getFences(resv: Reservation, usage: Usage): Suspendable<readonly Fence[] | Errno>;
  /** Null: nothing unsignaled; one entry: that fence; otherwise an array of all. */
  getSingleton(resv: Reservation, usage: Usage): Suspendable<Fence | null | Errno>;
  /** Remaining time > 0, 0 on expiry, negative errno. Timeout 0 polls. Time is logical. */
  waitFences(resv: Reservation, usage: Usage, interruptible: boolean, timeout: number): Suspendable<number>;
  testSignaled(resv: Reservation, usage: Usage): boolean;
  setDeadline(resv: Reservation, usage: Usage, deadline: number): void;
}
