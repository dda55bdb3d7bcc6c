import type { MirrorForm, Notice, RangeChange, VmaKind } from "../calls/spaces.ts";
import type { Errno } from "../errno.ts";
import type { Mutex } from "./env.ts";
import type { Device, DmaBuf, Storage } from "./handles.ts";
import type { Suspendable } from "./suspendable.ts";

export type { MirrorForm, Notice, RangeChange, VmaKind } from "../calls/spaces.ts";

/** `struct mm_struct`. */
export interface AddressSpace {
  /** `mmap_lock`: held by whoever changes the space and by a range fault. */
  readonly lock: Mutex;
}

/** `struct page`: a page of ordinary memory, never given out again under the same object. */
export interface MmPage {
  readonly id: string;
}

/** `struct vm_area_struct`. Pages are counted from the start of the address space. */
export interface Vma {
  readonly space: AddressSpace;
  readonly start: number;
  readonly pages: number;
  readonly kind: VmaKind;
  /** The buffer whose memory a `peer` VMA shows, from its first page on. */
  readonly buffer: DmaBuf | null;
}

/** `struct mmu_notifier_range`: what happens, to which pages, on whose behalf. */
export interface RangeNotice {
  readonly start: number;
  readonly pages: number;
  readonly change: Notice;
  /** The driver on whose behalf pages migrate: the name of its role instance, as `Env.self` says it. */
  readonly owner: string | null;
  readonly blockable: boolean;
}

/** A listener of either kind, as it is handed back to its owner. */
export interface Notifier {
  readonly space: AddressSpace;
  readonly start: number;
  readonly pages: number;
}

/** The answer of a first pass: refused, done, or done but for the finish call. */
export interface FirstPass {
  readonly accepted: boolean;
  readonly finish: boolean;
}

/** `struct mmu_interval_notifier_ops`. The two-pass form exists from 7.1. */
export interface IntervalOps {
  readonly invalidate: (notifier: Notifier, notice: RangeNotice, sequence: number) => Suspendable<boolean>;
  readonly invalidateStart?: (notifier: Notifier, notice: RangeNotice, sequence: number) => Suspendable<FirstPass>;
  readonly invalidateFinish?: (notifier: Notifier) => Suspendable<void>;
}

/** `struct mmu_notifier_ops`. */
export interface RangeOps {
  /** EAGAIN only where the notice may not block. Declares itself able to refuse by `refuses`. */
  readonly start?: (notifier: Notifier, notice: RangeNotice) => Suspendable<Errno | void>;
  readonly end?: (notifier: Notifier, notice: RangeNotice) => Suspendable<void>;
  readonly release?: (notifier: Notifier) => Suspendable<void>;
  /** `arch_invalidate_secondary_tlbs`, for devices that walk the CPU's page table. Must not sleep. */
  readonly flush?: (notifier: Notifier, start: number, pages: number) => void;
  readonly free?: (notifier: Notifier) => void;
  /** Whether `start` may answer EAGAIN. */
  readonly refuses?: boolean;
}

/** One page of a range fault: null where there is none to have. */
export interface FoundPage {
  readonly page: MmPage;
  readonly write: boolean;
}

/** What a range fault is asked for. `demand`: pages are faulted in; otherwise it only looks. */
export interface RangeFaultRequest {
  readonly start: number;
  readonly pages: number;
  readonly write: boolean;
  readonly demand: boolean;
  /** The sequence that was read, where an interval notifier asks. */
  readonly sequence: number;
}

/** Address spaces and their notifiers: `mm/mmu_notifier.c`, `mm/hmm.c`, and as much of mm as calls them. */
export interface SpaceFramework {
  createSpace(): AddressSpace;
  createVma(
    space: AddressSpace,
    start: number,
    pages: number,
    kind: VmaKind,
    buffer: DmaBuf | null,
    hooks: VmaHooks | null,
  ): Vma;
  destroyVma(vma: Vma): Suspendable<void>;
  /** The CPU touches a page, counted from the start of the VMA. EFAULT: there is nothing. */
  vmaFault(vma: Vma, page: number): Suspendable<Errno>;
  /** EAGAIN: a listener that may not block refused. */
  changeRange(
    space: AddressSpace,
    start: number,
    pages: number,
    change: RangeChange,
    owner: string | null,
    blockable: boolean,
  ): Suspendable<Errno>;
  /** `unmap_mapping_range`: the entries of a VMA are about to lead elsewhere. */
  zapVma(vma: Vma): Suspendable<void>;
  /** The process gives up its own reference. */
  exitSpace(space: AddressSpace): Suspendable<void>;
  /** `mmget_not_zero`. */
  spaceGet(space: AddressSpace): boolean;
  /** `mmput`: the last one ends the address space here and now. */
  spacePut(space: AddressSpace): Suspendable<void>;
  /** The VMA at a page, where there is one. */
  findVma(space: AddressSpace, page: number): Vma | null;

  /** EOVERFLOW, EINVAL, ENOMEM. */
  insertNotifier(space: AddressSpace, start: number, pages: number, ops: IntervalOps): Suspendable<Notifier | Errno>;
  removeNotifier(notifier: Notifier): Suspendable<void>;
  /** `shared`: `mmu_notifier_get`, of which one exists for each ops and space; otherwise `mmu_notifier_register`. */
  registerNotifier(space: AddressSpace, ops: RangeOps, shared: boolean): Suspendable<Notifier | Errno>;
  unregisterNotifier(notifier: Notifier): Suspendable<void>;
  putNotifier(notifier: Notifier): Suspendable<void>;
  /** Waits as long as an invalidation of the range runs. */
  readBegin(notifier: Notifier): Suspendable<number>;
  readRetry(notifier: Notifier, sequence: number): boolean;
  /** In a callback, under the lock of the re-check. */
  setSequence(notifier: Notifier, sequence: number): void;
  /** With the lock of the space held. EBUSY: the range changes; EFAULT, EPERM. Null in the list: an error mark. */
  rangeFault(
    space: AddressSpace,
    notifier: Notifier | null,
    request: RangeFaultRequest,
  ): Suspendable<readonly (FoundPage | null)[] | Errno>;
  /** Takes the lock of the page. */
  setDirty(page: MmPage): Suspendable<void>;
  /** Peer access to a range, in pages from the start of the VMA: a DMA address for each page. */
  p2pMap(
    vma: Vma,
    device: Device,
    start: number,
    pages: number,
    write: boolean,
    notifier: Notifier | null,
  ): Suspendable<readonly number[] | Errno>;
  p2pUnmap(vma: Vma, device: Device, start: number, pages: number, addresses: readonly number[]): Suspendable<void>;
}

/** Hooks of a VMA that an exporter offers (2019 RFC). Pages are counted from the start of the buffer. */
export interface VmaHooks {
  /** `notified`: the caller has a notifier that covers the range. */
  p2pMap(
    buffer: DmaBuf,
    device: Device,
    start: number,
    pages: number,
    write: boolean,
    notified: boolean,
  ): Suspendable<readonly number[] | Errno>;
  p2pUnmap(
    buffer: DmaBuf,
    device: Device,
    start: number,
    pages: number,
    addresses: readonly number[],
  ): Suspendable<void>;
  /** `vm_operations_struct.open` and `close`. */
  opened(vma: Vma): Suspendable<void>;
  closed(vma: Vma): Suspendable<void>;
  /** `vm_operations_struct.fault`: the memory behind a page. */
  fault(vma: Vma, page: number): Suspendable<Storage | Errno>;
}

/** A mirror as its importer made it; the harness only passes it back. */
export type Mirror = object;

/** How a mirror is asked for. */
export interface MirrorRequest {
  readonly space: AddressSpace;
  readonly start: number;
  readonly pages: number;
  readonly form: MirrorForm;
  readonly device: Device;
}
