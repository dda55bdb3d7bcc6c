import { EINVAL, type Errno } from "../../spec/errno.ts";
import type { ResolvedSegment } from "../../spec/calls.ts";
import { pageSize, type Device, type Segment, type SgTable, type Storage } from "../../spec/roles/handles.ts";
import type { World } from "../world.ts";

interface Range {
  readonly address: number;
  readonly length: number;
  readonly storage: Storage;
  readonly offset: number;
}

/** Every device's translation table: which DMA address is which byte of which storage. */
export class Translations {
  private readonly world: World;
  private readonly ranges = new Map<Device, Range[]>();
  private readonly nextAddress = new Map<Device, number>();

  constructor(world: World) {
    this.world = world;
  }

  /** Maps a range of storage; EINVAL where no address below the device's mask is left. */
  map(device: Device, storage: Storage, offset: number, length: number): Segment | Errno {
    const address = this.nextAddress.get(device) ?? 0x10_0000;
    if (address + length - 1 > device.dmaMask) return EINVAL;
    // Addresses are never used twice, so a stale one resolves to nothing.
    this.nextAddress.set(device, address + Math.ceil(length / pageSize) * pageSize + pageSize);
    const range = { address, length, storage, offset };
    this.of(device).push(range);
    this.emit(device, range, true);
    return { address, length };
  }

  /** Ends a translation; the whole range must be named. Anything else is recorded as a warning. */
  unmap(device: Device, segment: Segment): void {
    const ranges = this.of(device);
    const index = ranges.findIndex((range) => range.address === segment.address && range.length === segment.length);
    if (index < 0) {
      this.world.recorder.emit({
        kind: "warn",
        text: `DMA unmap of ${segment.length} bytes at 0x${segment.address.toString(16)}, which ${device.name} has not mapped like that`,
      });
      return;
    }
    const [range] = ranges.splice(index, 1);
    this.emit(device, range!, false);
  }

  /** What an address resolves to for a device. */
  resolve(device: Device, address: number): { readonly storage: Storage; readonly offset: number } | null {
    for (const range of this.of(device))
      if (address >= range.address && address < range.address + range.length)
        return { storage: range.storage, offset: range.offset + (address - range.address) };
    return null;
  }

  /** The segments of a table with what each resolves to now. */
  resolveTable(device: Device, table: SgTable): readonly ResolvedSegment[] {
    return table.segments.map(({ address, length }) => {
      const target = this.resolve(device, address);
      return { address, length, storage: target?.storage.id ?? null, offset: target?.offset ?? 0 };
    });
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
    this.world.recorder.emit({
      kind: "translate",
      device: device.name,
      on,
      address: range.address,
      length: range.length,
      storage: range.storage.id,
      offset: range.offset,
    });
  }
}
