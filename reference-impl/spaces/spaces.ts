import type { Errno } from "../../spec/errno.ts";
import type { DmaBuf } from "../../spec/roles/handles.ts";
import type {
  MmPage,
  Notice,
  RangeChange,
  RangeNotice,
  SpaceFramework,
  VmaHooks,
  VmaKind,
} from "../../spec/roles/spaces.ts";
import type { Suspension } from "../../spec/roles/suspendable.ts";
import { settle } from "../settle.ts";
import { ReferenceSpace, ReferenceVma } from "./address-space.ts";
import { RangeFault } from "./range-fault.ts";

/** Address spaces and what happens to them: as much of mm as mirrors can see. */
export class ReferenceSpaces extends RangeFault implements SpaceFramework {
  protected made = 0;

  createSpace(): ReferenceSpace {
    return new ReferenceSpace(this.env, (this.made += 1));
  }

  createVma(
    space: ReferenceSpace,
    start: number,
    pages: number,
    kind: VmaKind,
    buffer: DmaBuf | null,
    hooks: VmaHooks | null,
  ): ReferenceVma {
    const vma = new ReferenceVma(space, start, pages, kind, buffer, hooks);
    space.vmas.push(vma);
    return vma;
  }

  findVma(space: ReferenceSpace, page: number): ReferenceVma | null {
    return space.vmaAt(page);
  }

  /** `mmget_not_zero`. */
  spaceGet(space: ReferenceSpace): boolean {
    if (space.users === 0) return false;
    space.users += 1;
    return true;
  }

  /** `mmput`. */
  *spacePut(space: ReferenceSpace): Generator<Suspension, void, unknown> {
    space.users -= 1;
    if (space.users === 0) yield* this.endSpace(space);
  }

  *exitSpace(space: ReferenceSpace): Generator<Suspension, void, unknown> {
    if (space.exited) return;
    space.exited = true;
    yield* this.spacePut(space);
  }

  /** `exit_mmap`: the listeners first, then the pages. */
  protected *endSpace(space: ReferenceSpace): Generator<Suspension, void, unknown> {
    yield* this.releaseAll(space);
    for (const vma of space.vmas) yield* this.closeVma(vma);
  }

  /** Notices, then the pages, then the VMA: whoever is told has time to give back what it got of it. */
  *destroyVma(vma: ReferenceVma): Generator<Suspension, void, unknown> {
    const { space } = vma;
    const notice = noticeOf("unmap", vma.start, vma.pages, null, true);
    yield* this.env.lockMutex(space.lock);
    if (vma.live) {
      yield* this.rangeStart(space, notice);
      yield* this.closeVma(vma);
      yield* this.rangeEnd(space, notice);
    }
    yield* this.env.unlockMutex(space.lock);
  }

  protected *closeVma(vma: ReferenceVma): Generator<Suspension, void, unknown> {
    if (!vma.live) return;
    for (let page = vma.start; page < vma.start + vma.pages; page += 1) this.dropPage(vma, page);
    vma.live = false;
    if (vma.hooks !== null) yield* settle(vma.hooks.closed(vma));
  }

  /** `unmap_mapping_range`. Nobody's lock is held by the caller that a listener could want. */
  *zapVma(vma: ReferenceVma): Generator<Suspension, void, unknown> {
    if (!vma.live) return;
    const { space } = vma;
    const notice = noticeOf("clear", vma.start, vma.pages, null, true);
    vma.zaps += 1;
    yield* this.rangeStart(space, notice);
    for (let page = vma.start; page < vma.start + vma.pages; page += 1) this.clearEntry(space, page);
    yield* this.rangeEnd(space, notice);
  }

  *changeRange(
    space: ReferenceSpace,
    start: number,
    pages: number,
    change: RangeChange,
    owner: string | null,
    blockable: boolean,
  ): Generator<Suspension, Errno, unknown> {
    // Reclaim and migration find pages from the other side, without the lock of the space.
    const locks = change !== "clear" && change !== "migrate";
    if (locks) yield* this.env.lockMutex(space.lock);
    const errno = yield* this.changeHeld(space, start, pages, change, owner, blockable);
    if (locks) yield* this.env.unlockMutex(space.lock);
    return errno;
  }

  protected *changeHeld(
    space: ReferenceSpace,
    start: number,
    pages: number,
    change: RangeChange,
    owner: string | null,
    blockable: boolean,
  ): Generator<Suspension, Errno, unknown> {
    // A right more asks for no notice: mirrors find out at their next fault.
    if (change === "allow") {
      this.allow(space, start, pages);
      return 0;
    }
    const notice = noticeOf(change, start, pages, owner, blockable);
    const locksPages = change === "migrate";
    if (locksPages) yield* this.env.lockMutex(this.pageLock);
    const errno = yield* this.rangeStart(space, notice);
    if (errno === 0) {
      yield* this.env.point("mm-change");
      yield* this.applyChange(space, notice);
      yield* this.rangeEnd(space, notice);
    }
    if (locksPages) yield* this.env.unlockMutex(this.pageLock);
    return errno;
  }

  /** Between start and end. */
  protected *applyChange(space: ReferenceSpace, notice: RangeNotice): Generator<Suspension, void, unknown> {
    for (let page = notice.start; page < notice.start + notice.pages; page += 1) {
      const vma = space.vmaAt(page);
      if (vma === null) continue;
      switch (notice.change) {
        case "unmap":
          this.dropPage(vma, page);
          vma.holes.add(page);
          break;
        case "clear":
        case "release":
          this.dropPage(vma, page);
          break;
        case "protect":
          this.protect(vma, page);
          break;
        case "migrate":
        case "exclusive":
          this.giveToDevice(vma, page);
          break;
        case "replace":
          yield* this.replacePage(vma, page);
          break;
      }
    }
  }

  /** The entry goes, then the page: every listener has let go of it. */
  protected dropPage(vma: ReferenceVma, page: number): void {
    const { space } = vma;
    const present = space.entries.get(page);
    const kept = vma.exclusive.get(page);
    vma.exclusive.delete(page);
    if (kept !== undefined) this.freeEntry(vma, kept);
    if (present === undefined) return;
    this.clearEntry(space, page);
    this.flushShared(space, page);
    if (vma.kind !== "peer") this.freeEntry(vma, present.target as MmPage);
  }

  protected freeEntry(_vma: ReferenceVma, page: MmPage): void {
    this.env.freePage(page);
  }

  protected protect(vma: ReferenceVma, page: number): void {
    vma.protectedPages.add(page);
    const present = vma.space.entries.get(page);
    if (present === undefined || !present.write || vma.kind === "peer") return;
    this.setEntry(vma.space, page, present.target, false);
    this.flushShared(vma.space, page);
  }

  protected allow(space: ReferenceSpace, start: number, pages: number): void {
    for (let page = start; page < start + pages; page += 1) space.vmaAt(page)?.protectedPages.delete(page);
  }

  /** The page stays where it is, for the device alone; the CPU's entry goes. */
  protected giveToDevice(vma: ReferenceVma, page: number): void {
    const present = vma.space.entries.get(page);
    if (present === undefined || vma.kind === "peer") return;
    vma.exclusive.set(page, present.target as MmPage);
    this.clearEntry(vma.space, page);
    this.flushShared(vma.space, page);
  }

  /** Copy on write, merging, moving: devices that walk this table are flushed before the new page shows in it. */
  protected *replacePage(vma: ReferenceVma, page: number): Generator<Suspension, void, unknown> {
    const { space } = vma;
    const present = space.entries.get(page);
    if (present === undefined || vma.kind === "peer") return;
    const fresh = this.env.allocatePage();
    if (fresh === null) return;
    yield* this.env.lockMutex(space.tableLock);
    this.clearEntry(space, page);
    this.flushShared(space, page);
    this.setEntry(space, page, fresh, present.write);
    yield* this.env.unlockMutex(space.tableLock);
    this.freeEntry(vma, present.target as MmPage);
  }

  /** `arch_invalidate_secondary_tlbs`: from where nobody may sleep. */
  protected flushShared(space: ReferenceSpace, page: number): void {
    for (const notifier of space.listeners)
      if (notifier.ops.flush !== undefined) this.env.atomic(() => notifier.ops.flush!(notifier, page, 1));
  }
}

function noticeOf(change: Notice, start: number, pages: number, owner: string | null, blockable: boolean): RangeNotice {
  return { start, pages, change, owner, blockable };
}
