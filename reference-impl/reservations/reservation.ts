import type { Fence, Reservation, Usage } from "../../spec/roles/handles.ts";
import type { ReservationEntry } from "../../spec/roles/reservations.ts";
import { WwMutex } from "./ww-mutex.ts";

/** `enum dma_resv_usage` as the kernel numbers it: a query at one level covers every smaller number. */
export const usageLevel: Readonly<Record<Usage, number>> = { kernel: 0, write: 1, read: 2, bookkeep: 3 };

/** A fence with its usage. Never changed in place: a replacement is another entry. */
export class ListEntry implements ReservationEntry {
  readonly fence: Fence;
  readonly usage: Usage;
  readonly level: number;

  constructor(fence: Fence, usage: Usage) {
    this.fence = fence;
    this.usage = usage;
    this.level = usageLevel[usage];
  }
}

/**
 * `struct dma_resv_list`: a table that lockless readers see while it changes.
 * It grows in place up to its size; making it larger means another list, and that is what readers notice.
 */
export class ReservationList {
  readonly table: ListEntry[] = [];
  /** Entries that fit, in entries. The kernel rounds this up to what the allocator gives; here it is exact. */
  maxFences: number;

  constructor(maxFences: number) {
    this.maxFences = maxFences;
  }
}

/** Entries in the largest list: a table of 8-byte pointers behind a 24-byte head in 4 MiB, the most kmalloc gives. */
export const largestList = (4 * 1024 * 1024 - 24) / 8;

/** `struct dma_resv`. */
export class ReferenceReservation extends WwMutex implements Reservation {
  readonly reservation = true;
  /** Null until the first slots are reserved, and after a copy of nothing. */
  fences: ReservationList | null = null;
}
