import type { Has } from "../../conformance/contract/own.ts";
import { DynamicImporter } from "../../reference-impl/importers/dynamic-importer.ts";
import { EAGAIN, EFAULT, type Errno } from "../../spec/errno.ts";
import type { Env, Mutex, PageTable } from "../../spec/roles/env.ts";
import type { Storage } from "../../spec/roles/handles.ts";
import type { Notifier, RangeNotice, Vma } from "../../spec/roles/spaces.ts";
import type { Suspension } from "../../spec/roles/suspendable.ts";

/** What can be wrong with an importer that follows the CPU's page table. */
export const followFaults = {
  noRetry: { rule: "FOLLOW-01", about: "The sequence is not looked at again before the entry is made." },
  retryUnlocked: { rule: "FOLLOW-01", about: "The second look at the sequence comes before the lock is taken." },
  lateSequence: { rule: "FOLLOW-01", about: "The sequence is read after the page was looked up." },
  deafNotifier: { rule: "FOLLOW-01", about: "The callback leaves the entries in the importer's page table." },
  noSequence: { rule: "FOLLOW-01", about: "The callback does not set the sequence of its notifier." },
  zapLater: { rule: "FOLLOW-01", about: "The callback only has the entries taken out by work that runs later." },
} as const;
type Fault = keyof typeof followFaults;

/** What an importer shows of a VMA in its own page table. */
export class Follower {
  readonly vma: Vma;
  readonly table: PageTable;
  /** Taken by the callback, and for the last look before an entry is made. */
  readonly lock: Mutex;
  readonly follow: (page: number) => Storage | null;
  notifier: Notifier | null = null;
  closed = false;
  users = 0;

  constructor(env: Env, vma: Vma, number: number, follow: Follower["follow"]) {
    this.vma = vma;
    this.table = env.createPageTable();
    this.lock = env.createMutex("followerLock", `follower${number}`);
    this.follow = follow;
  }
}

/** Rounds after which a fault gives up on a VMA that changes all the time. */
const rounds = 8;

/** KVM's way to memory of devices: `follow_pfn` and a notifier of the address space; dma-buf has no part in it. */
export class FollowImporter extends DynamicImporter {
  private readonly has: Has<Fault>;
  private made = 0;

  constructor(env: Env, has: Has<Fault>) {
    super(env);
    this.has = has;
  }

  *watch(vma: Vma, follow: Follower["follow"]): Generator<Suspension, Follower | Errno, unknown> {
    if (!this.env.spaceGet(vma.space)) return EFAULT;
    const follower = new Follower(this.env, vma, (this.made += 1), follow);
    const notifier = yield* this.env.insertNotifier(vma.space, vma.start, vma.pages, {
      invalidate: (listener, notice, sequence) => this.invalidated(follower, listener, notice, sequence),
    });
    yield* this.env.spacePut(vma.space);
    if (typeof notifier === "number") return notifier;
    follower.notifier = notifier;
    return follower;
  }

  /** A page is wanted: faulted into the CPU's table, looked up there, and entered if nothing has changed since. */
  *faultPage(follower: Follower): Generator<Suspension, Errno, unknown> {
    const { space } = follower.vma;
    if (follower.closed || !this.env.spaceGet(space)) return EFAULT;
    follower.users += 1;
    let errno: Errno = EAGAIN;
    for (let round = 0; round < rounds && errno === EAGAIN; round += 1) errno = yield* this.faultOnce(follower);
    follower.users -= 1;
    yield* this.env.spacePut(space);
    return errno;
  }

  touch(follower: Follower, access: "read" | "write"): void {
    this.env.touchPage(follower.table, 0, access);
  }

  *unwatch(follower: Follower): Generator<Suspension, void, unknown> {
    if (follower.closed) return;
    follower.closed = true;
    yield* this.env.wait({ kind: "other", what: "faults of the follower" }, () => follower.users === 0);
    yield* this.env.lockMutex(follower.lock);
    this.env.zap(follower.table, 0, 1);
    yield* this.env.unlockMutex(follower.lock);
    if (follower.notifier !== null) yield* this.env.removeNotifier(follower.notifier);
  }

  private *faultOnce(follower: Follower): Generator<Suspension, Errno, unknown> {
    const { vma, notifier, table: own } = follower;
    if (notifier === null) return EFAULT;
    let sequence = yield* this.env.readBegin(notifier);
    const errno = yield* this.env.vmaFault(vma, 0);
    if (errno !== 0) return errno;
    yield* this.env.lockMutex(vma.space.lock);
    const storage = follower.follow(vma.start);
    yield* this.env.unlockMutex(vma.space.lock);
    // Levels of the table that are missing are made here.
    yield* this.env.point("page-table");
    if (this.has("lateSequence")) sequence = yield* this.env.readBegin(notifier);
    const early = this.has("retryUnlocked") && this.env.readRetry(notifier, sequence);
    yield* this.env.point("page-table");
    yield* this.env.lockMutex(follower.lock);
    const unasked = this.has("noRetry") || this.has("retryUnlocked");
    const again = unasked ? early : this.env.readRetry(notifier, sequence);
    const result = again || storage === null ? EAGAIN : follower.closed ? EFAULT : 0;
    if (result === 0 && storage !== null) this.env.install(own, 0, { via: "physical", storage, offset: 0 }, true);
    yield* this.env.unlockMutex(follower.lock);
    return result;
  }

  /** The callback of the notifier. False: it may not block and would have to. */
  private *invalidated(
    follower: Follower,
    notifier: Notifier,
    notice: RangeNotice,
    sequence: number,
  ): Generator<Suspension, boolean, unknown> {
    if (notice.blockable) yield* this.env.lockMutex(follower.lock);
    else if (!this.env.trylockMutex(follower.lock)) return false;
    if (!this.has("noSequence")) this.env.setSequence(notifier, sequence);
    if (notice.change === "release") follower.closed = true;
    const zap = () => this.env.zap(follower.table, 0, 1);
    if (this.has("zapLater")) this.env.defer("zap", zap);
    else if (!this.has("deafNotifier")) zap();
    yield* this.env.unlockMutex(follower.lock);
    return true;
  }
}
