import type { Errno } from "../../spec/errno.ts";
import { EAGAIN, EBUSY, EFAULT, EINVAL, EOPNOTSUPP } from "../../spec/errno.ts";
import type { ImporterOps } from "../../spec/roles/handles.ts";
import type { IntervalOps, MirrorRequest, Notifier, RangeNotice, RangeOps } from "../../spec/roles/spaces.ts";
import type { Suspension } from "../../spec/roles/suspendable.ts";
import { MirrorState } from "./mirror.ts";
import { PeerMirror } from "./peer-mirror.ts";

/** Rounds after which a fault gives up on a range that changes all the time. */
const faultRounds = 16;

/**
 * An importer whose device mirrors ranges of address spaces. With an interval notifier as `Documentation/mm/hmm.rst`
 * says: read the sequence, look up, take the lock, look at the sequence again. With a range notifier as KVM does it,
 * with a count of invalidations of its own (`virt/kvm/kvm_main.c`).
 */
export class MirrorImporter extends PeerMirror {
  protected mirrors = new Map<Notifier, MirrorState>();
  protected made = 0;
  /** Starts without an end, of listeners that are called before their registration has returned. */
  protected readonly early = new Map<Notifier, number>();
  protected readonly rangeOps: RangeOps = {
    start: (notifier, notice) => this.rangeStart(notifier, notice),
    end: (notifier) => this.rangeEnd(notifier),
    release: (notifier) => this.released(notifier),
    free: () => undefined,
  };
  /** Only listens, and may refuse: therefore it has no end callback. */
  protected readonly watchOps: RangeOps = {
    start: (notifier, notice) => this.watchStart(notifier, notice),
    refuses: true,
  };
  /** Of devices that walk the CPU's page table. */
  protected readonly sharedOps: RangeOps = {
    flush: (notifier, start, pages) => this.flush(notifier, start, pages),
    release: (notifier) => this.released(notifier),
  };
  protected readonly attachOps: ImporterOps = {
    allowPeer2peer: true,
    invalidate: (attachment) => this.memoryMoves(attachment),
  };

  *mirror(request: MirrorRequest): Generator<Suspension, MirrorState | Errno, unknown> {
    const { space } = request;
    // Only a live reference keeps the end of the process from passing by the notifier.
    if (!this.env.spaceGet(space)) return EFAULT;
    const mirror = new MirrorState(this.env, request, (this.made += 1));
    const errno = (yield* this.listen(mirror)) || (yield* this.attachBehind(mirror));
    if (errno === 0) this.env.zap(mirror.table, mirror.start, mirror.pages);
    else yield* this.stopListening(mirror);
    yield* this.env.spacePut(space);
    return errno === 0 ? mirror : errno;
  }

  protected *listen(mirror: MirrorState): Generator<Suspension, Errno, unknown> {
    const { space, start, pages, form } = mirror;
    if (form === "none") return 0;
    const isInterval = form === "interval" || form === "twoPass";
    // A range listener hears of everything; it takes no more on than an interval one could.
    if (!isInterval && pages === 0) return EINVAL;
    const notifier = isInterval
      ? yield* this.env.insertNotifier(space, start, pages, this.intervalOps(mirror))
      : yield* this.env.registerNotifier(space, this.opsOf(mirror), form === "getPut");
    if (typeof notifier === "number") return notifier;
    mirror.notifier = notifier;
    this.mirrors.set(notifier, mirror);
    mirror.running += this.early.get(notifier) ?? 0;
    this.early.delete(notifier);
    return 0;
  }

  protected opsOf(mirror: MirrorState): RangeOps {
    switch (mirror.form) {
      case "shared":
        return this.sharedOps;
      case "watch":
        return this.watchOps;
      case "getPut":
        // Ops of its own: a shared notifier is known by them.
        return { ...this.rangeOps };
      default:
        return this.rangeOps;
    }
  }

  protected intervalOps(mirror: MirrorState): IntervalOps {
    const invalidate = (notifier: Notifier, notice: RangeNotice, sequence: number) =>
      this.invalidateRange(mirror, notifier, notice, sequence);
    if (mirror.form !== "twoPass") return { invalidate };
    return {
      invalidate,
      invalidateStart: (notifier, notice, sequence) => this.invalidateStart(mirror, notifier, notice, sequence),
      invalidateFinish: () => this.invalidateFinish(mirror),
    };
  }

  *unmirror(mirror: MirrorState): Generator<Suspension, void, unknown> {
    // From here on no fault makes an entry, and those under way are over.
    yield* this.env.lockMutex(mirror.lock);
    mirror.closed = true;
    yield* this.env.unlockMutex(mirror.lock);
    yield* this.env.wait({ kind: "other", what: "users of the mirror" }, () => mirror.users === 0);
    yield* this.dropAll(mirror);
    yield* this.stopListening(mirror);
    yield* this.detachBehind(mirror);
  }

  protected *dropAll(mirror: MirrorState): Generator<Suspension, void, unknown> {
    yield* this.markDirty(mirror);
    yield* this.env.lockMutex(mirror.lock);
    yield* this.drop(mirror, mirror.start, mirror.pages);
    yield* this.env.unlockMutex(mirror.lock);
  }

  /** Without the lock of the callbacks: the page lock comes before it. Memory of a device has no page to mark. */
  protected *markDirty(mirror: MirrorState): Generator<Suspension, void, unknown> {
    for (const page of mirror.written.values()) yield* this.env.setDirty(page);
    mirror.written.clear();
  }

  protected *stopListening(mirror: MirrorState): Generator<Suspension, void, unknown> {
    const { notifier, form } = mirror;
    if (notifier === null) return;
    mirror.notifier = null;
    if (form === "interval" || form === "twoPass") yield* this.env.removeNotifier(notifier);
    else if (form === "getPut") yield* this.env.putNotifier(notifier);
    else yield* this.env.unregisterNotifier(notifier);
  }

  *mirrorFault(mirror: MirrorState, page: number, write: boolean): Generator<Suspension, Errno, unknown> {
    const { space } = mirror;
    if (mirror.closed || !this.env.spaceGet(space)) return EFAULT;
    mirror.users += 1;
    let errno: Errno = EAGAIN;
    for (let round = 0; round < faultRounds && errno === EAGAIN; round += 1)
      errno = yield* this.faultOnce(mirror, page, write);
    mirror.users -= 1;
    yield* this.env.spacePut(space);
    return errno;
  }

  /** EAGAIN: the range has changed since the pages were looked up, and nothing was made of them. */
  protected *faultOnce(mirror: MirrorState, page: number, write: boolean): Generator<Suspension, Errno, unknown> {
    if (mirror.form === "watch") return yield* this.look(mirror);
    const sequence = yield* this.readSequence(mirror);
    if (this.env.findVma(mirror.space, page)?.kind === "peer")
      return yield* this.faultPeer(mirror, page, write, sequence);
    if (mirror.form === "none") return EOPNOTSUPP;
    yield* this.env.lockMutex(mirror.space.lock);
    const found = yield* this.lookUp(mirror, page, write, sequence);
    yield* this.env.unlockMutex(mirror.space.lock);
    if (typeof found === "number") return found === EBUSY ? EAGAIN : found;
    const [entry] = found;
    if (entry === null || entry === undefined) return EFAULT;
    // The device finds the page by itself.
    if (mirror.form === "shared") return 0;
    yield* this.env.lockMutex(mirror.lock);
    yield* this.env.point("install");
    const errno = this.hasChanged(mirror, sequence) ? EAGAIN : mirror.closed ? EFAULT : 0;
    if (errno === 0) {
      this.env.install(mirror.table, page, { via: "page", page: entry.page }, entry.write);
      if (entry.write && write) mirror.written.set(page, entry.page);
    }
    yield* this.env.unlockMutex(mirror.lock);
    return errno;
  }

  protected *lookUp(mirror: MirrorState, page: number, write: boolean, sequence: number) {
    const listener = mirror.form === "interval" || mirror.form === "twoPass" ? mirror.notifier : null;
    const request = { start: page, pages: 1, write, demand: true, sequence };
    return yield* this.env.rangeFault(mirror.space, listener, request);
  }

  *copyPage(mirror: MirrorState, page: number): Generator<Suspension, Errno, unknown> {
    const { space } = mirror;
    if (mirror.closed || !this.env.spaceGet(space)) return EFAULT;
    mirror.users += 1;
    const errno = yield* this.copyHeld(mirror, page);
    mirror.users -= 1;
    yield* this.env.spacePut(space);
    return errno;
  }

  /** What is there for DMA only is nothing for the CPU. A snapshot: pages that are not there are not copied. */
  protected *copyHeld(mirror: MirrorState, page: number): Generator<Suspension, Errno, unknown> {
    const { space } = mirror;
    yield* this.env.lockMutex(space.lock);
    const errno = yield* this.copyLocked(mirror, page);
    yield* this.env.unlockMutex(space.lock);
    return errno;
  }

  protected *copyLocked(mirror: MirrorState, page: number): Generator<Suspension, Errno, unknown> {
    if (this.env.findVma(mirror.space, page)?.kind === "peer") return EOPNOTSUPP;
    const request = { start: page, pages: 1, write: false, demand: false, sequence: 0 };
    const found = yield* this.env.rangeFault(mirror.space, null, request);
    if (typeof found === "number") return found;
    const [entry] = found;
    if (entry === null || entry === undefined) return EFAULT;
    this.env.cpuTouch({ via: "page", page: entry.page });
    return 0;
  }

  protected *readSequence(mirror: MirrorState): Generator<Suspension, number, unknown> {
    const { notifier, form } = mirror;
    if (notifier !== null && (form === "interval" || form === "twoPass")) return yield* this.env.readBegin(notifier);
    return mirror.sequence;
  }

  /** Under the lock that the callbacks take. */
  protected hasChanged(mirror: MirrorState, sequence: number): boolean {
    const { notifier, form } = mirror;
    if (notifier === null) return true;
    if (form === "interval" || form === "twoPass") return this.env.readRetry(notifier, sequence);
    return mirror.running > 0 || mirror.sequence !== sequence;
  }

  /** The callback of an interval notifier. False: it may not block and would have to. */
  protected *invalidateRange(
    mirror: MirrorState,
    notifier: Notifier,
    notice: RangeNotice,
    sequence: number,
  ): Generator<Suspension, boolean, unknown> {
    if (this.isOwn(notice)) return true;
    if (notice.blockable) yield* this.env.lockMutex(mirror.lock);
    else if (!this.env.trylockMutex(mirror.lock)) return false;
    this.env.setSequence(notifier, sequence);
    if (notice.change === "release") mirror.closed = true;
    yield* this.drop(mirror, notice.start, notice.pages);
    yield* this.env.unlockMutex(mirror.lock);
    return true;
  }

  /** What this driver itself moves to its device stays within its reach. */
  protected isOwn({ change, owner }: RangeNotice): boolean {
    return (change === "migrate" || change === "exclusive") && owner === this.env.self;
  }

  /** The first pass begins the flush of the device, the second one waits for it. */
  protected *invalidateStart(mirror: MirrorState, notifier: Notifier, notice: RangeNotice, sequence: number) {
    const accepted = yield* this.invalidateRange(mirror, notifier, notice, sequence);
    return { accepted, finish: accepted && !this.isOwn(notice) };
  }

  protected *invalidateFinish(_mirror: MirrorState): Generator<Suspension, void, unknown> {
    yield* this.env.point("tlb-flush");
  }

  /** Of a range listener. May always block: who cannot refuse may have an end callback. */
  protected *rangeStart(notifier: Notifier, notice: RangeNotice): Generator<Suspension, Errno, unknown> {
    const mirror = this.mirrors.get(notifier);
    if (mirror === undefined) {
      this.countEarly(notifier, 1);
      return 0;
    }
    mirror.running += 1;
    mirror.sequence += 1;
    if (this.isOwn(notice)) return 0;
    yield* this.dropInStart(mirror, notice);
    return 0;
  }

  /** Whoever makes an entry has looked at the count in the same breath. */
  // oxlint-disable-next-line require-yield -- a range start may not block here
  protected *dropInStart(mirror: MirrorState, notice: RangeNotice): Generator<Suspension, void, unknown> {
    this.env.zap(mirror.table, notice.start, notice.pages);
    for (const [page, grant] of mirror.grants) {
      if (page < notice.start || page >= notice.start + notice.pages) continue;
      mirror.grants.delete(page);
      yield* this.giveBack(mirror, grant);
    }
  }

  /** A watcher takes nothing on; its lock keeps callbacks out while it looks. */
  protected *look(mirror: MirrorState): Generator<Suspension, Errno, unknown> {
    yield* this.env.lockMutex(mirror.lock);
    yield* this.env.point("watch");
    yield* this.env.unlockMutex(mirror.lock);
    return EOPNOTSUPP;
  }

  protected *watchStart(notifier: Notifier, notice: RangeNotice): Generator<Suspension, Errno, unknown> {
    const mirror = this.mirrors.get(notifier);
    if (mirror === undefined) return 0;
    if (notice.blockable) yield* this.env.lockMutex(mirror.lock);
    else if (!this.env.trylockMutex(mirror.lock)) return EAGAIN;
    mirror.sequence += 1;
    yield* this.env.unlockMutex(mirror.lock);
    return 0;
  }

  protected rangeEnd(notifier: Notifier): void {
    const mirror = this.mirrors.get(notifier);
    if (mirror === undefined) {
      this.countEarly(notifier, -1);
      return;
    }
    mirror.sequence += 1;
    // Of an event that began before anybody listened only the end is heard.
    mirror.running = Math.max(0, mirror.running - 1);
  }

  protected countEarly(notifier: Notifier, change: number): void {
    this.early.set(notifier, Math.max(0, (this.early.get(notifier) ?? 0) + change));
  }

  /** The end of the address space, or of a registration. */
  protected *released(notifier: Notifier): Generator<Suspension, void, unknown> {
    const mirror = this.mirrors.get(notifier);
    if (mirror === undefined) return;
    yield* this.env.lockMutex(mirror.lock);
    mirror.closed = true;
    // Before its entries go: a device that still walks would fetch them again (arm_smmu_mm_release).
    this.env.stopWalking(mirror.table);
    yield* this.drop(mirror, mirror.start, mirror.pages);
    yield* this.env.unlockMutex(mirror.lock);
  }

  protected flush(notifier: Notifier, start: number, pages: number): void {
    const mirror = this.mirrors.get(notifier);
    if (mirror !== undefined) this.env.zap(mirror.table, start, pages);
  }
}
