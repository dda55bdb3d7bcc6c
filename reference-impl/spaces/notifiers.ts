import type { Errno } from "../../spec/errno.ts";
import { EAGAIN, EINVAL, ENOMEM, EOVERFLOW } from "../../spec/errno.ts";
import type { Env } from "../../spec/roles/env.ts";
import type { IntervalOps, RangeNotice, RangeOps } from "../../spec/roles/spaces.ts";
import type { Suspension } from "../../spec/roles/suspendable.ts";
import { settle } from "../settle.ts";
import { IntervalNotifier, RangeNotifier, type ReferenceSpace } from "./address-space.ts";

/** Pages in 64 bits of address. */
const allPages = 2 ** 52;

/** Listeners of an address space and the calls they get (`mm/mmu_notifier.c`). */
export abstract class SpaceNotifiers {
  protected readonly env: Env;

  constructor(env: Env) {
    this.env = env;
  }

  /** `mmu_interval_notifier_insert`. The caller keeps the space alive. */
  *insertNotifier(
    space: ReferenceSpace,
    start: number,
    pages: number,
    ops: IntervalOps,
  ): Generator<Suspension, IntervalNotifier | Errno, unknown> {
    if (pages === 0 || start + pages > allPages) return EOVERFLOW;
    if (space.users === 0) {
      this.env.warn("a notifier is inserted into an address space without users");
      return EINVAL;
    }
    if (!this.env.allocate("mmu-subscriptions")) return ENOMEM;
    const notifier = new IntervalNotifier(space, start, pages, ops);
    if (space.activeInvalidateRanges > 0) {
      if (this.isInvalidating(space)) space.deferred.push({ notifier, insert: true });
      else {
        space.invalidateSeq += 1;
        this.enterTree(notifier);
      }
      notifier.invalidateSeq = space.invalidateSeq;
    } else {
      // Odd, and not what an invalidation under way would have.
      notifier.invalidateSeq = space.invalidateSeq - 1;
      this.enterTree(notifier);
    }
    yield* this.env.point("notifier-inserted");
    return notifier;
  }

  /** `mmu_interval_notifier_remove`: no callback comes after it, none is running. */
  *removeNotifier(notifier: IntervalNotifier): Generator<Suspension, void, unknown> {
    const { space } = notifier;
    if (!this.isInvalidating(space)) {
      this.leaveTree(notifier);
      return;
    }
    const waiting = space.deferred.findIndex((entry) => entry.notifier === notifier && entry.insert);
    if (waiting >= 0) {
      space.deferred.splice(waiting, 1);
      return;
    }
    space.deferred.push({ notifier, insert: false });
    const sequence = space.invalidateSeq;
    yield* this.env.wait({ kind: "other", what: "the end of an invalidation" }, () => space.invalidateSeq !== sequence);
  }

  /** `mmu_notifier_register`, and `mmu_notifier_get` where it is shared. The caller keeps the space alive. */
  *registerNotifier(
    space: ReferenceSpace,
    ops: RangeOps,
    shared: boolean,
  ): Generator<Suspension, RangeNotifier | Errno, unknown> {
    yield* this.env.lockMutex(space.lock);
    const notifier = this.addListener(space, ops, shared);
    yield* this.env.unlockMutex(space.lock);
    return notifier;
  }

  protected addListener(space: ReferenceSpace, ops: RangeOps, shared: boolean): RangeNotifier | Errno {
    if (space.users === 0) {
      this.env.warn("a notifier is registered on an address space without users");
      return EINVAL;
    }
    if (ops.flush !== undefined && (ops.start !== undefined || ops.end !== undefined)) {
      this.env.warn("a notifier has a flush for shared page tables and a pair of start and end");
      return EINVAL;
    }
    const known = shared ? space.listeners.find((listener) => listener.ops === ops && !listener.gone) : undefined;
    if (known !== undefined) {
      known.users += 1;
      return known;
    }
    if (!this.env.allocate("mmu-subscriptions")) return ENOMEM;
    const notifier = new RangeNotifier(space, ops);
    space.listeners.unshift(notifier);
    return notifier;
  }

  /** `mmu_notifier_unregister`: has release called unless that came before, and waits for running callbacks. */
  *unregisterNotifier(notifier: RangeNotifier): Generator<Suspension, void, unknown> {
    if (!notifier.gone) {
      if (notifier.ops.release !== undefined)
        yield* this.reading(notifier.space, settle(notifier.ops.release(notifier)));
      this.unlist(notifier);
    }
    yield* this.synchronize(notifier.space);
  }

  /** `mmu_notifier_put`: does not wait; the free callback comes when all callbacks have ended. */
  putNotifier(notifier: RangeNotifier): void {
    notifier.users -= 1;
    if (notifier.users > 0) return;
    this.unlist(notifier);
    this.env.defer("free-notifier", () => this.freeNotifier(notifier));
  }

  protected *freeNotifier(notifier: RangeNotifier): Generator<Suspension, void, unknown> {
    yield* this.synchronize(notifier.space);
    notifier.ops.free?.(notifier);
  }

  /** Callbacks are called by readers of `srcu`. */
  protected *reading<T>(
    space: ReferenceSpace,
    callbacks: Generator<Suspension, T, unknown>,
  ): Generator<Suspension, T, unknown> {
    const reader = {};
    space.readers.add(reader);
    const result = yield* callbacks;
    space.readers.delete(reader);
    return result;
  }

  /** `synchronize_srcu`: waits for the readers that have begun, whichever notifier they are at. */
  protected *synchronize({ readers }: ReferenceSpace): Generator<Suspension, void, unknown> {
    const begun = [...readers];
    yield* this.env.wait(
      { kind: "other", what: "running callbacks" },
      () => !begun.some((reader) => readers.has(reader)),
    );
  }

  /** `mmu_interval_read_begin`: where the last invalidation of this notifier is still under way, until it ends. */
  *readBegin(notifier: IntervalNotifier): Generator<Suspension, number, unknown> {
    const { space } = notifier;
    const sequence = notifier.invalidateSeq;
    if (sequence === space.invalidateSeq)
      yield* this.env.wait(
        { kind: "other", what: "the end of an invalidation" },
        () => space.invalidateSeq !== sequence,
      );
    return sequence;
  }

  /** `mmu_interval_read_retry`. Under the lock of the callback. */
  readRetry(notifier: IntervalNotifier, sequence: number): boolean {
    return notifier.invalidateSeq !== sequence;
  }

  /** `mmu_interval_set_seq`. */
  setSequence(notifier: IntervalNotifier, sequence: number): void {
    notifier.invalidateSeq = sequence;
  }

  /** `mmu_notifier_invalidate_range_start`, `_nonblock`. On EAGAIN nobody calls the end but this. */
  protected *rangeStart(space: ReferenceSpace, notice: RangeNotice): Generator<Suspension, Errno, unknown> {
    const errno = yield* this.intervalStart(space, notice);
    if (errno !== 0) return errno;
    const refused = yield* this.reading(space, this.listenersStart(space, notice));
    // The interval phase agreed: whoever reads the sequence would wait for an end that the requester must not call.
    if (refused !== 0) this.intervalEnd(space, notice);
    return refused;
  }

  /** `mmu_notifier_invalidate_range_end`. */
  protected *rangeEnd(space: ReferenceSpace, notice: RangeNotice): Generator<Suspension, void, unknown> {
    this.intervalEnd(space, notice);
    yield* this.reading(space, this.listenersEnd(space, notice));
  }

  /** `mn_itree_invalidate`. */
  protected *intervalStart(space: ReferenceSpace, notice: RangeNotice): Generator<Suspension, Errno, unknown> {
    space.activeInvalidateRanges += 1;
    const concerned = space.intervals.filter((notifier) => notifier.overlaps(notice.start, notice.pages));
    if (concerned.length > 0) space.invalidateSeq |= 1;
    const finish: IntervalNotifier[] = [];
    let errno: Errno = 0;
    for (const notifier of concerned) {
      const accepted = yield* this.invalidateInterval(notifier, notice, finish);
      if (accepted) continue;
      if (notice.blockable) {
        this.env.warn("a notifier refuses an invalidation that may block");
        continue;
      }
      errno = EAGAIN;
      break;
    }
    yield* this.finishPass(finish);
    if (errno !== 0) this.intervalEnd(space, notice);
    return errno;
  }

  protected *invalidateInterval(
    notifier: IntervalNotifier,
    notice: RangeNotice,
    finish: IntervalNotifier[],
  ): Generator<Suspension, boolean, unknown> {
    const { ops } = notifier;
    const sequence = notifier.space.invalidateSeq;
    if (ops.invalidateStart === undefined) return yield* settle(ops.invalidate(notifier, notice, sequence));
    const first = yield* settle(ops.invalidateStart(notifier, notice, sequence));
    if (first.accepted && first.finish) finish.push(notifier);
    return first.accepted;
  }

  /** `mn_itree_finish_pass`: also where another one refused. */
  protected *finishPass(finish: readonly IntervalNotifier[]): Generator<Suspension, void, unknown> {
    for (const notifier of finish) yield* settle(notifier.ops.invalidateFinish?.(notifier));
  }

  /** `mn_itree_inv_end`. */
  protected intervalEnd(space: ReferenceSpace, _notice: RangeNotice): void {
    space.activeInvalidateRanges -= 1;
    if (space.activeInvalidateRanges > 0 || !this.isInvalidating(space)) return;
    space.invalidateSeq += 1;
    const { deferred } = space;
    space.deferred = [];
    for (const { notifier, insert } of deferred) {
      if (insert) this.enterTree(notifier);
      else this.leaveTree(notifier);
    }
  }

  /** `mn_hlist_invalidate_range_start`. */
  protected *listenersStart(space: ReferenceSpace, notice: RangeNotice): Generator<Suspension, Errno, unknown> {
    let errno: Errno = 0;
    for (const notifier of space.listeners.slice()) {
      if (notifier.gone || notifier.ops.start === undefined) continue;
      const refused = (yield* settle<Errno | void>(notifier.ops.start(notifier, notice))) ?? 0;
      if (refused === 0) continue;
      if (notice.blockable) this.env.warn("a notifier refuses a range start that may block");
      else {
        if (notifier.ops.end !== undefined) this.env.warn("a notifier that refuses a range start has an end callback");
        errno = EAGAIN;
      }
    }
    if (errno !== 0) yield* this.listenersEnd(space, notice);
    return errno;
  }

  /** `mn_hlist_invalidate_end`. */
  protected *listenersEnd(space: ReferenceSpace, notice: RangeNotice): Generator<Suspension, void, unknown> {
    for (const notifier of space.listeners.slice()) {
      if (notifier.gone || notifier.ops.end === undefined) continue;
      yield* settle(notifier.ops.end(notifier, notice));
    }
  }

  /** `mn_itree_release` and `mn_hlist_release`: everybody lets go, for good. */
  protected *releaseAll(space: ReferenceSpace): Generator<Suspension, void, unknown> {
    const notice = { start: 0, pages: allPages, change: "release", owner: null, blockable: true } as const;
    yield* this.intervalStart(space, notice);
    this.intervalEnd(space, notice);
    yield* this.reading(space, this.releaseListeners(space));
  }

  protected *releaseListeners(space: ReferenceSpace): Generator<Suspension, void, unknown> {
    for (const notifier of space.listeners.slice()) {
      if (notifier.ops.release !== undefined) yield* settle(notifier.ops.release(notifier));
      this.unlist(notifier);
    }
  }

  /** `mn_itree_is_invalidating`. */
  protected isInvalidating(space: ReferenceSpace): boolean {
    return (space.invalidateSeq & 1) === 1;
  }

  protected enterTree(notifier: IntervalNotifier): void {
    notifier.inserted = true;
    notifier.space.intervals.push(notifier);
  }

  protected leaveTree(notifier: IntervalNotifier): void {
    notifier.inserted = false;
    const { intervals } = notifier.space;
    const index = intervals.indexOf(notifier);
    if (index >= 0) intervals.splice(index, 1);
  }

  protected unlist(notifier: RangeNotifier): void {
    notifier.gone = true;
    const { listeners } = notifier.space;
    const index = listeners.indexOf(notifier);
    if (index >= 0) listeners.splice(index, 1);
  }
}
