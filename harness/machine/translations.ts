import { EADDRINUSE, type Errno } from "../../spec/errno.ts";
import type { ResolvedSegment } from "../../spec/calls.ts";
import type { Protection } from "../../spec/roles/dma.ts";
import type { Device, PhysRange, SgTable, Storage } from "../../spec/roles/handles.ts";
import type { World } from "../world.ts";
import { routesDirectly } from "./routes.ts";

interface Range extends PhysRange {
  readonly address: number;
  readonly protection?: Protection;
}

/** Every device's translation table: which DMA address is which byte of which storage. */
export class Translations {
  private readonly world: World;
  /** By address, none over another: tables have thousands of entries where an IOMMU maps page by page. */
  private readonly ranges = new Map<Device, Range[]>();
  /** Translations that are gone from the table and still work, as nothing has flushed them. */
  private readonly stale = new Map<Device, Range[]>();

  constructor(world: World) {
    this.world = world;
  }

  /** Puts an entry at an address; EADDRINUSE where another one is in the way. */
  insert(device: Device, address: number, range: PhysRange, protection: Protection): Errno {
    const end = address + range.length;
    const ranges = this.of(device);
    const place = firstFrom(ranges, address);
    const [before, after] = [ranges[place - 1], ranges[place]];
    if (before !== undefined && address < before.address + before.length) return EADDRINUSE;
    if (after !== undefined && after.address < end) return EADDRINUSE;
    const entry = { ...range, address, protection };
    ranges.splice(place, 0, entry);
    this.emit(device, entry, true);
    return 0;
  }

  /** Takes a range out of the table, as whole entries; until the next flush they may still work. Anything else is a warning. */
  remove(device: Device, address: number, length: number): void {
    const ranges = this.of(device);
    const [from, to] = [firstFrom(ranges, address), firstFrom(ranges, address + length)];
    const gone = ranges.slice(from, to);
    if (gone.reduce((sum, range) => sum + range.length, 0) !== length) {
      this.world.recorder.emit({
        kind: "warn",
        text: `DMA unmap of ${length} bytes at 0x${address.toString(16)}, which ${device.name} has not mapped like that`,
      });
      return;
    }
    ranges.splice(from, to - from);
    for (const range of gone) this.emit(device, range, false);
    if (device.traits.lazyFlush) this.stale.set(device, [...(this.stale.get(device) ?? []), ...gone]);
  }

  flush(device: Device): void {
    this.stale.delete(device);
  }

  /** The entry of the table at an address. */
  lookup(device: Device, address: number): Range | undefined {
    const ranges = this.of(device);
    const range = ranges[firstFrom(ranges, address + 1) - 1];
    return range !== undefined && address < range.address + range.length ? range : undefined;
  }

  /** What an address resolves to for a device. */
  resolve(device: Device, address: number): { readonly storage: Storage; readonly offset: number } | null {
    const range = this.lookup(device, address) ?? this.lookupStale(device, address);
    if (range !== undefined) return { storage: range.storage, offset: range.offset + (address - range.address) };
    return this.world.described ? this.resolveUntranslated(device, address) : null;
  }

  /** The segments of a table with what each resolves to now. */
  resolveTable(device: Device, table: SgTable): readonly ResolvedSegment[] {
    return table.segments.map(({ address, length, peer }) => {
      const target = this.resolve(device, address);
      const resolved = { address, length, storage: target?.storage.id ?? null, offset: target?.offset ?? 0 };
      return peer === undefined ? resolved : { ...resolved, peer };
    });
  }

  private lookupStale(device: Device, address: number): Range | undefined {
    return this.stale.get(device)?.find((range) => address >= range.address && address < range.address + range.length);
  }

  /** Peers by bus address, and everything by physical address where nothing translates. */
  private resolveUntranslated(device: Device, address: number): PhysRange | null {
    const { world } = this;
    for (const [name, { traits }] of world.devices) {
      const found = world.memory.at(address - traits.busOffset, 1);
      if (found?.storage.owner === name && routesDirectly(world.platform, device.name, name)) return found;
    }
    if (device.traits.iommu !== "identity") return null;
    const bar = world.memory.at(address, 1);
    if (bar !== undefined && bar.storage.owner !== null) return bar;
    const found = world.memory.at(address - device.traits.dmaOffset, 1);
    return found?.storage.owner === null ? found : null;
  }

  private of(device: Device): Range[] {
    let ranges = this.ranges.get(device);
    if (ranges === undefined) {
      ranges = [];
      this.ranges.set(device, ranges);
    }
    return ranges;
  }

  private emit(device: Device, range: Range, on: boolean): void {
    const { address, length, offset, protection } = range;
    const event = {
      kind: "translate",
      device: device.name,
      on,
      address,
      length,
      storage: range.storage.id,
      offset,
    } as const;
    this.world.recorder.emit(protection === undefined || !this.world.described ? event : { ...event, protection });
  }
}

/** Place of the first range that begins at an address or behind it. */
function firstFrom(ranges: readonly Range[], address: number): number {
  let [low, high] = [0, ranges.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (ranges[middle]!.address < address) low = middle + 1;
    else high = middle;
  }
  return low;
}
