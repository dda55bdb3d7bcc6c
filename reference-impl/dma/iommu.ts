import type { Errno } from "../../spec/errno.ts";
import { EIO, EOPNOTSUPP, EPERM } from "../../spec/errno.ts";
import type { DmaAttributes, IovaSpace, Protection } from "../../spec/roles/dma.ts";
import type { Env } from "../../spec/roles/env.ts";
import { pageSize, type Device, type Direction, type PhysRange, type Segment } from "../../spec/roles/handles.ts";
import { type DirectMapping, lastAddress } from "./direct.ts";
import { IovaAllocator } from "./iova-allocator.ts";

/** Space of the IOVA calls. */
export class ReservedSpace implements IovaSpace {
  readonly device: Device;
  readonly address: number;
  readonly size: number;
  /** From where on nothing is linked. */
  linked = 0;

  constructor(device: Device, address: number, size: number) {
    this.device = device;
    this.address = address;
    this.size = size;
  }
}

/** Bytes by which an address is off the granule. */
function off(device: Device, physical: number): number {
  return physical % device.traits.granule;
}

function physicalOf({ storage, offset }: PhysRange): number {
  return storage.physical + offset;
}

/** Devices behind an IOMMU (`drivers/iommu/dma-iommu.c`). */
export class IommuMapping {
  protected readonly env: Env;
  protected readonly allocator: IovaAllocator;
  /** For untrusted devices, which get no more memory than they are given. */
  protected readonly direct: DirectMapping;
  /** Pieces that were bounced: device addresses by what the device was told. */
  protected readonly bounced = new Map<string, Segment>();

  constructor(env: Env, direct: DirectMapping) {
    this.env = env;
    this.direct = direct;
    this.allocator = this.createAllocator();
  }

  /** `iommu_dma_map_phys`. */
  map(device: Device, range: PhysRange, direction: Direction, attributes: DmaAttributes): Segment | Errno {
    if (this.isExposing(device, range)) {
      if (attributes.includes("mmio")) return EPERM;
      const told = this.direct.bounce(device, range, direction, attributes);
      if (typeof told === "number") return told;
      const slot = this.env.memoryAt(told.address, told.length)!;
      const segment = this.enter(device, slot, this.protectionOf(device, attributes));
      if (typeof segment === "number") this.direct.unmap(device, told, direction, [...attributes, "skipSync"]);
      else this.bounced.set(`${device.name}@${segment.address}`, told);
      return segment;
    }
    const segment = this.enter(device, range, this.protectionOf(device, attributes));
    if (typeof segment !== "number") this.syncForDeviceUnlessTold(device, range, attributes);
    return segment;
  }

  /** `iommu_dma_unmap_phys`. */
  unmap(device: Device, segment: Segment, direction: Direction, attributes: DmaAttributes): void {
    const key = `${device.name}@${segment.address}`;
    const told = this.bounced.get(key);
    const range = this.env.iommuLookup(device, segment.address);
    if (told !== undefined) {
      this.bounced.delete(key);
      this.direct.unmap(device, told, direction, attributes);
    } else if (range !== undefined) this.syncForCpuUnlessTold(device, { ...range, length: segment.length }, attributes);
    this.leave(device, segment.address, segment.length);
  }

  /** `iommu_dma_map_sg`: one range of addresses for all, cut where the device's limits want it. */
  mapList(
    device: Device,
    ranges: readonly PhysRange[],
    direction: Direction,
    attributes: DmaAttributes,
  ): readonly Segment[] | Errno {
    const { boundary, granule } = device.traits;
    // What cannot be put side by side is mapped one by one (`iommu_dma_map_sg_swiotlb` among others).
    if (ranges.some((range) => this.isExposing(device, range) || off(device, physicalOf(range)) > 0))
      return this.mapEach(device, ranges, direction, attributes);
    const starts: number[] = [];
    let size = 0;
    for (const { length } of ranges) {
      if (boundary > 0 && Math.floor(size / boundary) !== Math.floor((size + length - 1) / boundary))
        size = Math.ceil(size / boundary) * boundary;
      starts.push(size);
      size += Math.ceil(length / granule) * granule;
    }
    const address = this.allocator.alloc(device, size, lastAddress(device), Math.max(granule, boundary, 1));
    if (address === null) return EIO;
    const protection = this.protectionOf(device, attributes);
    const segments: Segment[] = [];
    for (const [index, range] of ranges.entries()) {
      const errno = this.env.iommuMap(device, address + starts[index]!, range, protection);
      if (errno !== 0) {
        for (const [done, { length }] of ranges.slice(0, index).entries())
          this.env.iommuUnmap(device, address + starts[done]!, length);
        this.allocator.give(device, address, size);
        return EIO;
      }
      this.syncForDeviceUnlessTold(device, range, attributes);
      this.append(device, segments, address + starts[index]!, range.length);
    }
    return segments;
  }

  /** `iommu_dma_unmap_sg`: what lies side by side goes at once, each at its own length. */
  unmapList(
    device: Device,
    ranges: readonly PhysRange[],
    segments: readonly Segment[],
    direction: Direction,
    attributes: DmaAttributes,
  ): void {
    if (ranges.some((range) => this.isExposing(device, range) || off(device, physicalOf(range)) > 0)) {
      for (const segment of segments) this.unmap(device, segment, direction, attributes);
      return;
    }
    for (const range of ranges) this.syncForCpuUnlessTold(device, range, attributes);
    const [first, last] = [segments[0]!, segments.at(-1)!];
    for (const { address, length } of segments) this.env.iommuUnmap(device, address, length);
    this.allocator.give(device, first.address, last.address + last.length - first.address);
  }

  syncForDevice(device: Device, segment: Segment, direction: Direction): void {
    const told = this.bounced.get(`${device.name}@${segment.address}`);
    const range = this.env.iommuLookup(device, segment.address);
    if (told !== undefined) this.direct.syncForDevice(device, told, direction);
    else if (range !== undefined && !device.traits.coherent)
      this.env.syncCaches(device, { ...range, length: segment.length }, "device");
  }

  syncForCpu(device: Device, segment: Segment, direction: Direction): void {
    const told = this.bounced.get(`${device.name}@${segment.address}`);
    const range = this.env.iommuLookup(device, segment.address);
    if (told !== undefined) this.direct.syncForCpu(device, told, direction);
    else if (range !== undefined && !device.traits.coherent)
      this.env.syncCaches(device, { ...range, length: segment.length }, "cpu");
  }

  /** `dma_iova_try_alloc`. */
  tryAlloc(device: Device, size: number): ReservedSpace | null {
    const { granule } = device.traits;
    const address = this.allocator.alloc(device, Math.ceil(size / granule) * granule, lastAddress(device), granule);
    return address === null ? null : new ReservedSpace(device, address, size);
  }

  /** `dma_iova_link`. */
  link(space: ReservedSpace, range: PhysRange, offset: number, attributes: DmaAttributes): Errno {
    const { device } = space;
    if (offset > 0 && off(device, physicalOf(range)) > 0) return EIO;
    if (attributes.includes("requireCoherent") && !device.traits.coherent) return EOPNOTSUPP;
    if (this.isExposing(device, range)) return EPERM;
    const errno = this.env.iommuMap(device, space.address + offset, range, this.protectionOf(device, attributes));
    if (errno !== 0) return errno;
    space.linked = Math.max(space.linked, offset + range.length);
    this.syncForDeviceUnlessTold(device, range, attributes);
    return 0;
  }

  /** `dma_iova_destroy`. */
  destroy(space: ReservedSpace, length: number, attributes: DmaAttributes): void {
    const { device, address } = space;
    for (let at = 0; at < length;) {
      const range = this.env.iommuLookup(device, address + at);
      if (range === undefined) break;
      this.syncForCpuUnlessTold(device, range, attributes);
      at += range.length;
    }
    if (length > 0) this.env.iommuUnmap(device, address, length);
    this.free(space);
  }

  /** `dma_iova_free`. */
  free(space: ReservedSpace): void {
    this.allocator.give(space.device, space.address, space.size);
  }

  /** `dev_use_sg_swiotlb`: what does not fill granules is bounced for a device that nobody trusts. */
  mayBounce({ traits }: Device): boolean {
    return traits.untrusted && traits.granule > pageSize;
  }

  protected createAllocator(): IovaAllocator {
    return new IovaAllocator((device) => this.flush(device));
  }

  protected flush(device: Device): void {
    this.env.iommuFlush(device);
  }

  /** `dma_info_to_prot`. */
  protected protectionOf(device: Device, attributes: DmaAttributes): Protection {
    if (attributes.includes("mmio")) return "device";
    return device.traits.coherent ? "cached" : "uncached";
  }

  /** `iova_unaligned` and `dev_is_untrusted`: rounding would let it see what lies beside. */
  protected isExposing(device: Device, range: PhysRange): boolean {
    return device.traits.untrusted && (off(device, physicalOf(range)) > 0 || off(device, range.length) > 0);
  }

  /** `__iommu_dma_map`: rounded outwards to the granule. */
  protected enter(device: Device, range: PhysRange, protection: Protection): Segment | Errno {
    const { granule } = device.traits;
    const lead = granule === pageSize ? 0 : off(device, physicalOf(range));
    const length = granule === pageSize ? range.length : Math.ceil((lead + range.length) / granule) * granule;
    const address = this.allocator.alloc(device, length, lastAddress(device), granule);
    if (address === null) return EIO;
    const rounded = granule === pageSize ? range : { storage: range.storage, offset: range.offset - lead, length };
    const errno = this.env.iommuMap(device, address, rounded, protection);
    if (errno === 0) return { address: address + lead, length: range.length };
    this.allocator.give(device, address, length);
    return EIO;
  }

  /** `__iommu_dma_unmap`. */
  protected leave(device: Device, address: number, length: number): void {
    const { granule } = device.traits;
    const start = granule === pageSize ? address : address - (address % granule);
    const whole = granule === pageSize ? length : Math.ceil((address + length) / granule) * granule - start;
    this.env.iommuUnmap(device, start, whole);
    this.allocator.give(device, start, whole);
  }

  protected append(device: Device, segments: Segment[], address: number, length: number): void {
    const last = segments.at(-1);
    const { boundary } = device.traits;
    const joined = (last?.length ?? 0) + length;
    const crosses =
      boundary > 0 &&
      last !== undefined &&
      Math.floor(last.address / boundary) !== Math.floor((address + length - 1) / boundary);
    if (last !== undefined && last.address + last.length === address && joined <= device.maxSegment && !crosses)
      last.length = joined;
    else segments.push({ address, length });
  }

  protected mapEach(
    device: Device,
    ranges: readonly PhysRange[],
    direction: Direction,
    attributes: DmaAttributes,
  ): readonly Segment[] | Errno {
    const segments: Segment[] = [];
    for (const range of ranges) {
      const segment = this.map(device, range, direction, attributes);
      if (typeof segment === "number") {
        for (const made of segments) this.unmap(device, made, direction, attributes);
        return EIO;
      }
      segments.push(segment);
    }
    return segments;
  }

  protected syncForDeviceUnlessTold(device: Device, range: PhysRange, attributes: DmaAttributes): void {
    if (!device.traits.coherent && !attributes.includes("mmio") && !attributes.includes("skipSync"))
      this.env.syncCaches(device, range, "device");
  }

  protected syncForCpuUnlessTold(device: Device, range: PhysRange, attributes: DmaAttributes): void {
    if (!device.traits.coherent && !attributes.includes("mmio") && !attributes.includes("skipSync"))
      this.env.syncCaches(device, range, "cpu");
  }
}
