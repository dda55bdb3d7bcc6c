import type { Errno } from "../../spec/errno.ts";
import { EINVAL, ENOMEM } from "../../spec/errno.ts";
import type { Env } from "../../spec/roles/env.ts";
import type { Fence, Usage } from "../../spec/roles/handles.ts";
import type { ReservationEntry, ReservationFramework } from "../../spec/roles/reservations.ts";
import type { Suspension } from "../../spec/roles/suspendable.ts";
import { LocklessCursor } from "./lockless-cursor.ts";
import { largestList, ListEntry, ReferenceReservation, ReservationList, usageLevel } from "./reservation.ts";
import type { WwAcquireContext } from "./ww-mutex.ts";
import { WaitDieClass } from "./ww-mutex.ts";

/**
 * Reservation objects as `drivers/dma-buf/dma-resv.c` has them; equal from 6.12 to 7.x.
 * Writers hold the lock. Readers without it work on the list that is published and start over when that is exchanged.
 */
export class ReferenceReservations implements ReservationFramework {
  protected readonly env: Env;
  /** `reservation_ww_class`. */
  protected readonly locks: WaitDieClass;

  constructor(env: Env, locks: WaitDieClass = new WaitDieClass(env)) {
    this.env = env;
    this.locks = locks;
  }

  /** `dma_resv_init`. */
  createReservation(): ReferenceReservation {
    return new ReferenceReservation();
  }

  /** `dma_resv_fini`. */
  destroyReservation(resv: ReferenceReservation): void {
    const list = resv.fences;
    resv.fences = null;
    if (list !== null) this.freeList(list);
    this.locks.destroy(resv);
  }

  acquireInit(): WwAcquireContext {
    return this.locks.acquireInit();
  }

  acquireDone(context: WwAcquireContext): void {
    this.locks.acquireDone(context);
  }

  acquireFini(context: WwAcquireContext): void {
    this.locks.acquireFini(context);
  }

  /** `dma_resv_lock`. */
  lock(resv: ReferenceReservation, context: WwAcquireContext | null): Generator<Suspension, Errno, unknown> {
    return this.locks.lock(resv, context, false);
  }

  /** `dma_resv_lock_interruptible`. */
  lockInterruptible(
    resv: ReferenceReservation,
    context: WwAcquireContext | null,
  ): Generator<Suspension, Errno, unknown> {
    return this.locks.lock(resv, context, true);
  }

  /** `dma_resv_lock_slow`. Drops the result like the kernel: misused, it may return without the lock. */
  *lockSlow(resv: ReferenceReservation, context: WwAcquireContext): Generator<Suspension, void, unknown> {
    yield* this.locks.lockSlow(resv, context, false);
  }

  /** `dma_resv_lock_slow_interruptible`. */
  lockSlowInterruptible(resv: ReferenceReservation, context: WwAcquireContext): Generator<Suspension, Errno, unknown> {
    return this.locks.lockSlow(resv, context, true);
  }

  /** `dma_resv_trylock`. */
  trylock(resv: ReferenceReservation): boolean {
    return this.locks.trylock(resv);
  }

  /** `dma_resv_unlock`. */
  unlock(resv: ReferenceReservation): void {
    this.resetMaxFences(resv);
    this.locks.unlock(resv);
  }

  /** Lockdep's view of `dma_resv_held`: by the running task, not by anybody. */
  isLockedByMe(resv: ReferenceReservation): boolean {
    return this.locks.isHeld(resv);
  }

  /** `dma_resv_reserve_fences`: room for `count` more entries, not for that many on top of room already there. */
  reserveFences(resv: ReferenceReservation, count: number): Errno {
    this.assertHeld(resv, "slots are reserved");
    if (count === 0) {
      this.env.warn("no slot at all is reserved: the count is zero");
      return EINVAL;
    }
    const old = resv.fences;
    if (old !== null && this.hasRoom(old, count)) return 0;
    const used = old === null ? 0 : old.table.length;
    const list = this.allocateList(used + count);
    if (list === null) return ENOMEM;
    if (old === null) resv.fences = list;
    else this.growList(resv, old, list, count);
    return 0;
  }

  /** `dma_resv_add_fence`: takes the place of the first entry it may replace, or a reserved slot. Cannot fail. */
  addFence(resv: ReferenceReservation, fence: Fence, usage: Usage): void {
    this.env.fenceGet(fence);
    this.assertHeld(resv, "a fence is added");
    if (this.env.isContainer(fence))
      this.env.warn("a container fence is added: its members have to be added one by one");
    const list = resv.fences;
    if (list === null) {
      this.env.warn("kernel stops: a fence is added to an object for which no slot was ever reserved");
      this.env.fencePut(fence);
      return;
    }
    const { table } = list;
    const level = usageLevel[usage];
    const count = table.length;
    for (let index = 0; index < count; index += 1) {
      const old = table[index]!;
      if (!this.canReplace(old, fence, level)) continue;
      this.setEntry(list, index, fence, usage);
      this.env.fencePut(old.fence);
      return;
    }
    if (count >= list.maxFences) {
      this.env.warn("kernel stops: a fence is added without a reserved slot");
      this.env.fencePut(fence);
      return;
    }
    this.setEntry(list, count, fence, usage);
  }

  /** `dma_resv_replace_fences`: every entry of the fence context, whatever its usage or state. */
  replaceFences(resv: ReferenceReservation, context: number, fence: Fence, usage: Usage): void {
    this.assertHeld(resv, "fences are replaced");
    const list = resv.fences;
    if (list === null) return;
    const { table } = list;
    for (let index = 0; index < table.length; index += 1) {
      const old = table[index]!.fence;
      if (old.context !== context) continue;
      this.env.fenceGet(fence);
      this.setEntry(list, index, fence, usage);
      this.env.fencePut(old);
    }
  }

  /** `dma_resv_copy_fences`: the source is read without its lock, the destination's set is exchanged as a whole. */
  copyFences(destination: ReferenceReservation, source: ReferenceReservation): Errno {
    this.assertHeld(destination, "fences are copied");
    let list: ReservationList | null = null;
    const cursor = this.iterateUnlocked(source, "bookkeep");
    for (let fence = cursor.first(); fence !== null; fence = cursor.next()) {
      if (cursor.restarted) {
        if (list !== null) this.freeList(list);
        list = this.allocateList(cursor.numFences);
        if (list === null) {
          cursor.end();
          return ENOMEM;
        }
      }
      this.env.fenceGet(fence);
      if (list !== null) this.setEntry(list, list.table.length, fence, cursor.usage);
    }
    cursor.end();
    const old = destination.fences;
    destination.fences = list;
    this.resetMaxFences(destination);
    if (old !== null) this.freeList(old);
    return 0;
  }

  /** `dma_resv_for_each_fence`: under the lock, signaled entries included. */
  iterateFences(resv: ReferenceReservation, usage: Usage): readonly ReservationEntry[] {
    this.assertHeld(resv, "fences are iterated");
    const entries: ListEntry[] = [];
    if (resv.fences === null) return entries;
    const level = usageLevel[usage];
    for (const entry of resv.fences.table) if (entry.level <= level) entries.push(entry);
    return entries;
  }

  /** `dma_resv_get_fences`: one item an entry, each with a reference for the caller. */
  *getFences(resv: ReferenceReservation, usage: Usage): Generator<Suspension, readonly Fence[] | Errno, unknown> {
    let fences: Fence[] = [];
    const cursor = this.iterateUnlocked(resv, usage);
    for (let fence = cursor.first(); fence !== null; fence = cursor.next()) {
      if (cursor.restarted) {
        this.putFences(fences);
        fences = [];
        if (!this.env.allocate("resv-fences")) {
          cursor.end();
          return ENOMEM;
        }
      }
      this.env.fenceGet(fence);
      fences.push(fence);
      // Between two steps the reader can be preempted: the only way that it ever has to start over.
      yield* this.env.point("resv-iter");
    }
    cursor.end();
    return fences;
  }

  /** `dma_resv_get_singleton`. */
  *getSingleton(resv: ReferenceReservation, usage: Usage): Generator<Suspension, Fence | null | Errno, unknown> {
    const fences = yield* this.getFences(resv, usage);
    if (typeof fences === "number") return fences;
    if (fences.length < 2) return fences[0] ?? null;
    const array = this.env.createArray(fences, this.env.fenceContextAlloc(1), 1n, false);
    if (array !== null) return array;
    this.putFences(fences);
    return ENOMEM;
  }

  /** `dma_resv_wait_timeout`: one fence after the other, so that only the one waited for is enabled. */
  *waitFences(
    resv: ReferenceReservation,
    usage: Usage,
    interruptible: boolean,
    timeout: number,
  ): Generator<Suspension, number, unknown> {
    let left = timeout;
    let result = timeout === 0 ? 1 : timeout;
    const cursor = this.iterateUnlocked(resv, usage);
    for (let fence = cursor.first(); fence !== null; fence = cursor.next()) {
      result = yield* this.env.waitFence(fence, interruptible, left);
      if (result <= 0) break;
      // A poll stays a poll, though each fence answers 1.
      if (timeout !== 0) left = result;
    }
    cursor.end();
    return result;
  }

  /** `dma_resv_test_signaled`. */
  testSignaled(resv: ReferenceReservation, usage: Usage): boolean {
    const cursor = this.iterateUnlocked(resv, usage);
    const unsignaled = cursor.first() !== null;
    cursor.end();
    return !unsignaled;
  }

  /** `dma_resv_set_deadline`. */
  setDeadline(resv: ReferenceReservation, usage: Usage, deadline: number): void {
    const cursor = this.iterateUnlocked(resv, usage);
    for (let fence = cursor.first(); fence !== null; fence = cursor.next()) this.env.setFenceDeadline(fence, deadline);
    cursor.end();
  }

  /** `dma_resv_assert_held`: reports and goes on. `what` is what was done without the lock. */
  protected assertHeld(resv: ReferenceReservation, what: string): void {
    if (!this.locks.isHeld(resv)) this.env.warn(`${what} in a reservation object whose lock this task does not hold`);
  }

  /** Cursor of every reader without the lock. */
  protected iterateUnlocked(resv: ReferenceReservation, usage: Usage): LocklessCursor {
    return new LocklessCursor(this.env, resv, usage);
  }

  protected hasRoom(list: ReservationList, count: number): boolean {
    return list.table.length + count <= list.maxFences;
  }

  /** `dma_resv_list_alloc`. */
  protected allocateList(maxFences: number): ReservationList | null {
    return maxFences <= largestList && this.env.allocate("resv-list") ? new ReservationList(maxFences) : null;
  }

  /** Moves the entries over, publishes the larger list and only then lets go of what was found signaled. */
  protected growList(resv: ReferenceReservation, old: ReservationList, list: ReservationList, count: number): void {
    let signaled: Fence[] | null = null;
    for (const entry of old.table) {
      if (!this.env.isSignaled(entry.fence)) list.table.push(entry);
      else (signaled ??= []).push(entry.fence);
    }
    list.maxFences = list.table.length + count;
    resv.fences = list;
    if (signaled !== null) this.putFences(signaled);
  }

  /** Whether an add at `level` may take this entry's place: the fence is done, or superseded at the same level or a stronger one. */
  protected canReplace(old: ListEntry, fence: Fence, level: number): boolean {
    return (
      (old.fence.context === fence.context && old.level >= level && this.isLaterOrSame(fence, old.fence)) ||
      this.env.isSignaled(old.fence)
    );
  }

  /** `dma_fence_is_later_or_same`: an equal number alone is not enough. */
  protected isLaterOrSame(fence: Fence, old: Fence): boolean {
    return fence === old || this.env.isLater(fence, old);
  }

  protected setEntry(list: ReservationList, index: number, fence: Fence, usage: Usage): void {
    list.table[index] = new ListEntry(fence, usage);
  }

  /** `dma_resv_reset_max_fences`: unused slots end here. */
  protected resetMaxFences(resv: ReferenceReservation): void {
    const list = resv.fences;
    if (list !== null) list.maxFences = list.table.length;
  }

  /** `dma_resv_list_free`. */
  protected freeList(list: ReservationList): void {
    for (const entry of list.table) this.env.fencePut(entry.fence);
  }

  protected putFences(fences: readonly Fence[]): void {
    for (const fence of fences) this.env.fencePut(fence);
  }
}
