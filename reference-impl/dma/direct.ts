import type { Errno } from "../../spec/errno.ts";
import { EIO } from "../../spec/errno.ts";
import { since } from "../../spec/profile.ts";
import type { DmaAttributes } from "../../spec/roles/dma.ts";
import type { Env } from "../../spec/roles/env.ts";
import type { Device, Direction, PhysRange, Segment, Storage } from "../../spec/roles/handles.ts";

/** Bytes that the software TLB takes in one piece (`swiotlb_max_mapping_size`). */
export const longestBounce: number = 2 ** 18;

/** The last address of RAM that a machine may have. */
const ramEnd = 2 ** 44 - 1;

/** The last address that a device and the buses above it pass. */
export function lastAddress(device: Device): number {
  const { busLimitBits } = device.traits;
  return busLimitBits === 0 ? device.dmaMask : Math.min(device.dmaMask, 2 ** busLimitBits - 1);
}

/** Device addresses that are physical ones (`kernel/dma/direct.h`, `kernel/dma/swiotlb.c`). */
export class DirectMapping {
  protected readonly env: Env;
  /** What each slot in use stands for, by the device address. */
  protected readonly slots = new Map<string, { readonly slot: Storage; readonly range: PhysRange }>();

  constructor(env: Env) {
    this.env = env;
  }

  /** `dma_direct_map_phys`; up to 6.16 `dma_direct_map_page` and `dma_direct_map_resource`. */
  map(device: Device, range: PhysRange, direction: Direction, attributes: DmaAttributes): Segment | Errno {
    const mmio = attributes.includes("mmio");
    const shared = attributes.includes("ccShared");
    if (device.traits.bounce) {
      if (!shared && mmio && this.refusesBouncedMmio()) return EIO;
      if (!shared && !mmio) return this.bounce(device, range, direction, attributes);
    } else if (shared) return EIO;
    const physical = range.storage.physical + range.offset;
    const address = mmio ? physical : physical + device.traits.dmaOffset;
    if (!this.isCapable(device, address, range.length))
      return mmio || shared ? EIO : this.bounce(device, range, direction, attributes);
    if (!mmio && !attributes.includes("skipSync")) this.syncCaches(device, range, "device");
    return { address, length: range.length };
  }

  /** `dma_direct_unmap_phys`. An MMIO address is not translated back: there is nothing to do for it. */
  unmap(device: Device, segment: Segment, direction: Direction, attributes: DmaAttributes): void {
    if (attributes.includes("mmio")) return;
    if (!attributes.includes("skipSync")) this.syncForCpu(device, segment, direction);
    const key = `${device.name}@${segment.address}`;
    const bounced = this.slots.get(key);
    if (bounced === undefined) return;
    this.slots.delete(key);
    this.env.giveSlot(bounced.slot);
  }

  /** `dma_direct_sync_single_for_device`. */
  syncForDevice(device: Device, segment: Segment, direction: Direction): void {
    const bounced = this.slots.get(`${device.name}@${segment.address}`);
    if (bounced !== undefined && direction !== "fromDevice")
      this.env.copySlot(device, bounced.slot, bounced.range, "device");
    this.syncCaches(device, bounced?.range ?? this.rangeOf(device, segment), "device");
  }

  /** `dma_direct_sync_single_for_cpu`. */
  syncForCpu(device: Device, segment: Segment, direction: Direction): void {
    const bounced = this.slots.get(`${device.name}@${segment.address}`);
    this.syncCaches(device, bounced?.range ?? this.rangeOf(device, segment), "cpu");
    if (bounced !== undefined && direction !== "toDevice")
      this.env.copySlot(device, bounced.slot, bounced.range, "cpu");
  }

  /** `dma_addressing_limited`, `is_swiotlb_force_bounce`. */
  mustBounce(device: Device): boolean {
    return device.traits.bounce || lastAddress(device) < ramEnd + device.traits.dmaOffset;
  }

  /** `swiotlb_map`. */
  bounce(device: Device, range: PhysRange, direction: Direction, attributes: DmaAttributes): Segment | Errno {
    if (attributes.includes("requireCoherent") || range.length > longestBounce) return EIO;
    const slot = this.env.takeSlot(device, range.length);
    if (typeof slot === "number") return EIO;
    const address = slot.physical + (device.traits.iommu === "identity" ? device.traits.dmaOffset : 0);
    if (!this.isCapable(device, address, range.length)) {
      this.env.giveSlot(slot);
      return EIO;
    }
    this.slots.set(`${device.name}@${address}`, { slot, range });
    if (direction !== "fromDevice") this.env.copySlot(device, slot, range, "device");
    this.syncCaches(device, range, "device");
    return { address, length: range.length };
  }

  /** `dma_capable`. */
  protected isCapable(device: Device, address: number, length: number): boolean {
    return address >= 0 && address + length - 1 <= lastAddress(device);
  }

  /** The resource calls of 6.12 did not look. */
  protected refusesBouncedMmio(): boolean {
    return since(this.env.profile.series, "K6.19");
  }

  /** `dma_to_phys`. */
  protected rangeOf(device: Device, { address, length }: Segment): PhysRange | undefined {
    return this.env.memoryAt(address - device.traits.dmaOffset, length);
  }

  /** `arch_sync_dma_for_device`, `arch_sync_dma_for_cpu`. */
  protected syncCaches(device: Device, range: PhysRange | undefined, owner: "device" | "cpu"): void {
    if (range !== undefined && !device.traits.coherent) this.env.syncCaches(device, range, owner);
  }
}
