import { pageSize, type Device, type Storage } from "../../spec/roles/handles.ts";

/** A byte of storage. */
export interface Place {
  readonly storage: Storage;
  readonly offset: number;
}

/**
 * What a page holds, in terms of who wrote last: the seq of that event, null for nobody. Memory is what a device sees
 * that does not look into the CPU's caches.
 */
interface Page {
  memory: number | null;
  /** What the CPU's cache holds; undefined: nothing. */
  cached: number | null | undefined;
  dirty: boolean;
}

/**
 * The CPU's caches over all storage, a page as one line. Only pages that somebody touches are kept. Device memory is not cached.
 */
export class Caches {
  private readonly storages = new Map<Storage, Map<number, Page>>();

  /** What a device's read sees. */
  deviceRead(device: Device, place: Place): number | null {
    const page = this.known(place);
    if (page === undefined) return null;
    return device.traits.coherent && page.cached !== undefined ? page.cached : page.memory;
  }

  /** A coherent device's write takes the line from the cache; another one's leaves what the CPU has. */
  deviceWrite(device: Device, place: Place, seq: number): void {
    const page = this.page(place);
    page.memory = seq;
    if (device.traits.coherent) drop(page);
  }

  /** What the CPU's read sees. */
  cpuRead(place: Place): number | null {
    if (place.storage.placement === "device") return this.known(place)?.memory ?? null;
    const page = this.page(place);
    if (page.cached === undefined) page.cached = page.memory;
    return page.cached;
  }

  cpuWrite(place: Place, seq: number): void {
    const page = this.page(place);
    if (place.storage.placement === "device") {
      page.memory = seq;
      return;
    }
    page.cached = seq;
    page.dirty = true;
  }

  /** What the CPU has cached of a range goes, so that it sees what the device wrote. */
  syncForCpu(device: Device, storage: Storage, offset: number, length: number): void {
    if (device.traits.coherent) return;
    for (const page of this.within(storage, offset, length)) drop(page);
  }

  /** What the CPU wrote goes to memory. */
  syncForDevice(device: Device, storage: Storage, offset: number, length: number): void {
    if (device.traits.coherent) return;
    for (const page of this.within(storage, offset, length)) {
      if (page.dirty) page.memory = page.cached ?? null;
      page.dirty = false;
    }
  }

  private known({ storage, offset }: Place): Page | undefined {
    return this.storages.get(storage)?.get(Math.floor(offset / pageSize));
  }

  private page({ storage, offset }: Place): Page {
    let pages = this.storages.get(storage);
    if (pages === undefined) this.storages.set(storage, (pages = new Map<number, Page>()));
    const index = Math.floor(offset / pageSize);
    let page = pages.get(index);
    if (page === undefined) pages.set(index, (page = { memory: null, cached: undefined, dirty: false }));
    return page;
  }

  private *within(storage: Storage, offset: number, length: number): Generator<Page, void, unknown> {
    for (const [index, page] of this.storages.get(storage) ?? [])
      if (index * pageSize < offset + length && (index + 1) * pageSize > offset) yield page;
  }
}

function drop(page: Page): void {
  page.cached = undefined;
  page.dirty = false;
}
