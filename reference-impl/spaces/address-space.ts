import type { Env, Mutex } from "../../spec/roles/env.ts";
import type { DmaBuf, Storage } from "../../spec/roles/handles.ts";
import type {
  AddressSpace,
  IntervalOps,
  MmPage,
  Notifier,
  RangeOps,
  Vma,
  VmaHooks,
  VmaKind,
} from "../../spec/roles/spaces.ts";

/** `struct vm_area_struct`. */
export class ReferenceVma implements Vma {
  readonly space: ReferenceSpace;
  readonly start: number;
  readonly pages: number;
  readonly kind: VmaKind;
  readonly buffer: DmaBuf | null;
  readonly hooks: VmaHooks | null;
  /** Pages that were unmapped. */
  readonly holes = new Set<number>();
  /** Pages that were made read-only. */
  readonly protectedPages = new Set<number>();
  /** Pages that a device has to itself: their entry is gone, they are not. */
  readonly exclusive = new Map<number, MmPage>();
  /** How often its exporter has had its entries taken out. */
  zaps = 0;
  live = true;

  constructor(
    space: ReferenceSpace,
    start: number,
    pages: number,
    kind: VmaKind,
    buffer: DmaBuf | null,
    hooks: VmaHooks | null,
  ) {
    this.space = space;
    this.start = start;
    this.pages = pages;
    this.kind = kind;
    this.buffer = buffer;
    this.hooks = hooks;
  }

  has(page: number): boolean {
    return this.live && page >= this.start && page < this.start + this.pages && !this.holes.has(page);
  }
}

/** `struct mmu_interval_notifier`. */
export class IntervalNotifier implements Notifier {
  readonly space: ReferenceSpace;
  readonly start: number;
  readonly pages: number;
  readonly ops: IntervalOps;
  invalidateSeq = 0;
  /** In the tree: only then do callbacks come. */
  inserted = false;

  constructor(space: ReferenceSpace, start: number, pages: number, ops: IntervalOps) {
    this.space = space;
    this.start = start;
    this.pages = pages;
    this.ops = ops;
  }

  overlaps(start: number, pages: number): boolean {
    return this.start < start + pages && start < this.start + this.pages;
  }
}

/** `struct mmu_notifier`. */
export class RangeNotifier implements Notifier {
  readonly space: ReferenceSpace;
  readonly start = 0;
  readonly pages = Number.MAX_SAFE_INTEGER;
  readonly ops: RangeOps;
  users = 1;
  gone = false;

  constructor(space: ReferenceSpace, ops: RangeOps) {
    this.space = space;
    this.ops = ops;
  }
}

/** An entry of the CPU's page table. */
export interface PrimaryEntry {
  readonly target: MmPage | Storage;
  readonly write: boolean;
}

/** `struct mm_struct` with its `struct mmu_notifier_subscriptions`. */
export class ReferenceSpace implements AddressSpace {
  readonly lock: Mutex;
  /** `page_table_lock`. */
  readonly tableLock: Mutex;
  users = 1;
  exited = false;
  readonly vmas: ReferenceVma[] = [];
  readonly entries = new Map<number, PrimaryEntry>();
  /** Listeners of whole ranges, newest first. */
  readonly listeners: RangeNotifier[] = [];
  /** Walks over them that are under way (SRCU). */
  readonly readers = new Set<object>();
  /** The tree of interval notifiers, in the order they were inserted. */
  readonly intervals: IntervalNotifier[] = [];
  /** Even: no invalidation of any interval is under way. */
  invalidateSeq = 2;
  activeInvalidateRanges = 0;
  /** Inserts and removals that wait for the end of the invalidation. */
  deferred: { readonly notifier: IntervalNotifier; readonly insert: boolean }[] = [];

  constructor(env: Env, number: number) {
    this.lock = env.createMutex("mmapLock", `mmap${number}`);
    this.tableLock = env.createMutex("pageTableLock", `pageTable${number}`);
  }

  vmaAt(page: number): ReferenceVma | null {
    return this.vmas.find((vma) => vma.has(page)) ?? null;
  }
}
