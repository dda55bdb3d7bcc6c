import { pageSize, type Device } from "../../spec/roles/handles.ts";

interface Free {
  readonly address: number;
  readonly size: number;
}

/** Where addresses begin. */
const firstAddress = 2 ** 20;

/** Ranges that wait for the next flush at most (`IOVA_DEFAULT_FQ_SIZE`, made small). */
const queueLength = 3;

/**
 * Addresses of devices behind an IOMMU (`drivers/iommu/iova.c`). What is given back is queued where flushes are lazy, and
 * given out again only after the flush; elsewhere addresses are plenty and never come twice.
 */
export class IovaAllocator {
  private readonly next = new Map<Device, number>();
  private readonly queues = new Map<Device, Free[]>();
  private readonly free = new Map<Device, Free[]>();
  private readonly flush: (device: Device) => void;

  constructor(flush: (device: Device) => void) {
    this.flush = flush;
  }

  /** An address for `size` bytes with the last at most `limit`; null where none is left. */
  alloc(device: Device, size: number, limit: number, granule = pageSize): number | null {
    const known = this.free.get(device);
    const at = known?.findIndex((range) => range.size >= size && range.address + size - 1 <= limit) ?? -1;
    if (at >= 0) return known!.splice(at, 1)[0]!.address;
    const address = Math.ceil((this.next.get(device) ?? firstAddress) / granule) * granule;
    if (address + size - 1 > limit) return null;
    this.next.set(device, address + Math.ceil(size / pageSize) * pageSize + pageSize);
    return address;
  }

  /** After the unmap. */
  give(device: Device, address: number, size: number): void {
    if (!device.traits.lazyFlush) {
      this.flush(device);
      return;
    }
    const queue = this.queues.get(device) ?? [];
    queue.push({ address, size });
    this.queues.set(device, queue);
    if (queue.length >= queueLength) this.drain(device, queue);
  }

  protected drain(device: Device, queue: Free[]): void {
    this.flush(device);
    this.release(device, queue);
  }

  /** Nothing stale of them works any more. */
  protected release(device: Device, queue: Free[]): void {
    this.free.set(device, [...(this.free.get(device) ?? []), ...queue.splice(0)]);
  }
}
