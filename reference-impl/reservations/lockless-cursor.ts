import type { Env } from "../../spec/roles/env.ts";
import type { Fence, Usage } from "../../spec/roles/handles.ts";
import type { ReferenceReservation, ReservationList } from "./reservation.ts";
import { usageLevel } from "./reservation.ts";

/**
 * Iteration without the lock (`struct dma_resv_iter`, `dma_resv_iter_first_unlocked` and `_next_unlocked`).
 * Delivers what is not found signaled, holding a reference on the current fence, and starts over when the list was
 * exchanged since the last step. Changes inside the list go unnoticed: a replaced entry is seen as it is when its turn
 * comes, an appended one is not seen at all.
 */
export class LocklessCursor {
  /** The current fence; referenced until the next step or `end`. */
  fence: Fence | null = null;
  usage: Usage = "kernel";
  /** True if this step began anew: what was collected before must be dropped. */
  restarted = false;
  /** Entries the list had when the iteration (re)started. */
  numFences = 0;
  protected readonly env: Env;
  protected readonly resv: ReferenceReservation;
  protected readonly level: number;
  protected list: ReservationList | null = null;
  protected index = 0;

  constructor(env: Env, resv: ReferenceReservation, usage: Usage) {
    this.env = env;
    this.resv = resv;
    this.level = usageLevel[usage];
  }

  first(): Fence | null {
    return this.step(true);
  }

  next(): Fence | null {
    this.restarted = false;
    return this.step(this.isExchanged());
  }

  /** `dma_resv_iter_end`. */
  end(): void {
    this.drop();
  }

  protected step(restart: boolean): Fence | null {
    let again = restart;
    do {
      if (again) this.restart();
      this.walk();
      again = true;
    } while (this.isExchanged());
    return this.fence;
  }

  protected isExchanged(): boolean {
    return this.resv.fences !== this.list;
  }

  protected restart(): void {
    this.index = 0;
    this.list = this.resv.fences;
    this.numFences = this.list === null ? 0 : this.list.table.length;
    this.restarted = true;
  }

  /** `dma_resv_iter_walk_unlocked`. Asks the owner also of fences that the query does not cover, as the kernel does. */
  protected walk(): void {
    const { list } = this;
    this.drop();
    while (list !== null && this.index < this.numFences) {
      const entry = list.table[this.index]!;
      this.index += 1;
      if (!this.env.fenceGetLive(entry.fence)) {
        this.env.warn("kernel stops: a reader without the lock turns in a loop over an entry whose fence was released");
        continue;
      }
      this.fence = entry.fence;
      this.usage = entry.usage;
      if (!this.env.isSignaled(entry.fence) && entry.level <= this.level) return;
      this.drop();
    }
  }

  protected drop(): void {
    const { fence } = this;
    if (fence === null) return;
    this.fence = null;
    this.env.fencePut(fence);
  }
}
