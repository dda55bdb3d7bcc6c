import type { ReservationList, ReferenceReservation } from "../../reference-impl/reservations/reservation.ts";
import { ReferenceReservations } from "../../reference-impl/reservations/reservations.ts";
import { EINVAL, ENOMEM, type Errno } from "../../spec/errno.ts";
import type { Env } from "../../spec/roles/env.ts";
import { StolenLocks } from "./stolen-locks.ts";

/** Bytes before the table of `struct dma_resv_list`, and in one entry of it. */
const head = 24;
const entry = 8;
/** `kmalloc_size_roundup` up to a page; above it sizes are powers of two. */
const buckets = [8, 16, 32, 64, 96, 128, 192];

/** Entries that fit where a list for `count` of them was asked for. */
export function roundedCapacity(count: number): number {
  const size = head + entry * count;
  const bucket = buckets.find((candidate) => candidate >= size) ?? powerOfTwo(size);
  return Math.floor((bucket - head) / entry);
}

function powerOfTwo(least: number): number {
  let power = 1;
  while (power < least) power *= 2;
  return power;
}

/**
 * The reference with a kernel's spare room. How many slots there are beyond those that were reserved is no promise, and
 * the reference has none; but it shows in when a list is rebuilt, which is when signaled fences leave it.
 */
export class RoundedReservations extends ReferenceReservations {
  private copying = false;

  constructor(env: Env) {
    super(env, new StolenLocks(env));
  }

  override reserveFences(resv: ReferenceReservation, count: number): Errno {
    this.assertHeld(resv, "slots are reserved");
    if (count === 0) {
      this.env.warn("no slot at all is reserved: the count is zero");
      return EINVAL;
    }
    const old = resv.fences;
    if (old !== null && old.maxFences > 0 && this.hasRoom(old, count)) return 0;
    const list = this.allocateList(
      old !== null && old.maxFences > 0
        ? Math.max(old.table.length + count, old.maxFences * 2)
        : Math.max(4, powerOfTwo(count)),
    );
    if (list === null) return ENOMEM;
    if (old === null) resv.fences = list;
    else this.growList(resv, old, list, count);
    return 0;
  }

  override copyFences(destination: ReferenceReservation, source: ReferenceReservation): Errno {
    this.copying = true;
    const errno = super.copyFences(destination, source);
    this.copying = false;
    return errno;
  }

  protected override allocateList(maxFences: number): ReservationList | null {
    return super.allocateList(roundedCapacity(maxFences));
  }

  protected override growList(
    resv: ReferenceReservation,
    old: ReservationList,
    list: ReservationList,
    count: number,
  ): void {
    const { maxFences } = list;
    super.growList(resv, old, list, count);
    list.maxFences = maxFences;
  }

  /** What a copy has to spare it has until the unlock. */
  protected override resetMaxFences(resv: ReferenceReservation): void {
    if (!this.copying) super.resetMaxFences(resv);
  }
}
