import type { Errno } from "../../spec/errno.ts";
import { EBUSY, EFAULT, ENOMEM, EOPNOTSUPP, EPERM } from "../../spec/errno.ts";
import type { Device, Storage } from "../../spec/roles/handles.ts";
import type { FoundPage, MmPage, RangeFaultRequest } from "../../spec/roles/spaces.ts";
import type { Suspension } from "../../spec/roles/suspendable.ts";
import { settle } from "../settle.ts";
import { IntervalNotifier, type RangeNotifier, type ReferenceSpace, type ReferenceVma } from "./address-space.ts";
import { SpaceNotifiers } from "./notifiers.ts";

/** Looking pages up and faulting them in: `mm/hmm.c`, and the hooks of the 2019 RFC for what has no pages. */
export abstract class RangeFault extends SpaceNotifiers {
  /** Guards a page's flags (`lock_page`). */
  protected readonly pageLock = this.env.createMutex("pageLock", "page");

  /** `hmm_range_fault`. */
  *rangeFault(
    space: ReferenceSpace,
    notifier: IntervalNotifier | RangeNotifier | null,
    request: RangeFaultRequest,
  ): Generator<Suspension, readonly (FoundPage | null)[] | Errno, unknown> {
    const found: (FoundPage | null)[] = [];
    for (let page = request.start; page < request.start + request.pages; page += 1) {
      if (notifier instanceof IntervalNotifier && this.readRetry(notifier, request.sequence)) return EBUSY;
      const entry = this.findPage(space, page, request);
      if (typeof entry === "number") return entry;
      found.push(entry);
      yield* this.env.point("range-fault");
    }
    return found;
  }

  /** One page of it: an errno where pages are demanded and there is none to have, null where it is only looked for. */
  protected findPage(space: ReferenceSpace, page: number, request: RangeFaultRequest): FoundPage | null | Errno {
    const { write, demand } = request;
    const vma = space.vmaAt(page);
    if (vma === null || !this.hasPages(vma)) return demand ? EFAULT : null;
    if (!demand) {
      const present = space.entries.get(page);
      return present === undefined ? null : { page: present.target as MmPage, write: present.write };
    }
    if (write && !this.mayWrite(vma, page)) return EPERM;
    const made = this.faultIn(vma, page);
    return typeof made === "number" ? made : { page: made, write: this.mayWrite(vma, page) };
  }

  /** `hmm_vma_walk_test`: nothing of a device or of PFNs, and nothing that may not be read. */
  protected hasPages(vma: ReferenceVma): boolean {
    return vma.kind === "anonymous" || vma.kind === "readOnly";
  }

  protected mayWrite(vma: ReferenceVma, page: number): boolean {
    return vma.kind === "anonymous" && !vma.protectedPages.has(page);
  }

  /** `handle_mm_fault`: the page behind an address, made if need be. */
  protected faultIn(vma: ReferenceVma, page: number): MmPage | Errno {
    const { space } = vma;
    const present = space.entries.get(page);
    if (present !== undefined) return present.target as MmPage;
    const kept = vma.exclusive.get(page);
    const made = kept ?? this.env.allocatePage();
    if (made === null) return ENOMEM;
    vma.exclusive.delete(page);
    this.setEntry(space, page, made, this.mayWrite(vma, page));
    return made;
  }

  /** The CPU touches a page, counted from the start of the VMA. */
  *vmaFault(vma: ReferenceVma, offset: number): Generator<Suspension, Errno, unknown> {
    const { space } = vma;
    yield* this.env.lockMutex(space.lock);
    const errno = yield* this.faultHeld(vma, offset);
    yield* this.env.unlockMutex(space.lock);
    return errno;
  }

  protected *faultHeld(vma: ReferenceVma, offset: number): Generator<Suspension, Errno, unknown> {
    const page = vma.start + offset;
    if (!vma.has(page)) return EFAULT;
    if (vma.kind === "anonymous" || vma.kind === "readOnly") {
      const made = this.faultIn(vma, page);
      return typeof made === "number" ? made : 0;
    }
    if (vma.kind !== "peer" || vma.hooks === null) return EFAULT;
    if (vma.space.entries.has(page)) return 0;
    for (;;) {
      const { zaps } = vma;
      const memory = yield* settle<Storage | Errno>(vma.hooks.fault(vma, offset));
      if (typeof memory === "number") return EFAULT;
      // Handlers enter the page themselves, in the hold of their lock: none is left behind by a zap that comes next.
      if (zaps !== vma.zaps) continue;
      this.setEntry(vma.space, page, memory, true);
      return 0;
    }
  }

  /** `set_page_dirty_lock`. */
  *setDirty(_page: MmPage): Generator<Suspension, void, unknown> {
    yield* this.env.lockMutex(this.pageLock);
    yield* this.env.unlockMutex(this.pageLock);
  }

  /** The p2p_map hook of a VMA. */
  *p2pMap(
    vma: ReferenceVma,
    device: Device,
    start: number,
    pages: number,
    write: boolean,
    notifier: IntervalNotifier | RangeNotifier | null,
  ): Generator<Suspension, readonly number[] | Errno, unknown> {
    if (vma.hooks === null || vma.buffer === null || !vma.live) return EOPNOTSUPP;
    return yield* settle(vma.hooks.p2pMap(vma.buffer, device, start, pages, write, isTold(notifier)));
  }

  *p2pUnmap(
    vma: ReferenceVma,
    device: Device,
    start: number,
    pages: number,
    addresses: readonly number[],
  ): Generator<Suspension, void, unknown> {
    if (vma.hooks === null || vma.buffer === null) return;
    yield* settle(vma.hooks.p2pUnmap(vma.buffer, device, start, pages, addresses));
  }

  protected setEntry(space: ReferenceSpace, page: number, target: MmPage | Storage, write: boolean): void {
    space.entries.set(page, { target, write });
    this.env.tracePrimary(space, page, target, write);
  }

  protected clearEntry(space: ReferenceSpace, page: number): void {
    if (!space.entries.delete(page)) return;
    this.env.tracePrimary(space, page, null, false);
  }
}

/** Whether a listener hears of ranges that change. One that only flushes shared tables does not. */
function isTold(notifier: IntervalNotifier | RangeNotifier | null): boolean {
  return notifier instanceof IntervalNotifier || notifier?.ops.start !== undefined;
}
