import type { Errno } from "../errno.ts";
import type { PlatformSetup } from "../platform.ts";
import type { Attachment, Device, Direction, PhysRange, Segment, SgTable, Storage } from "./handles.ts";

/** `DMA_ATTR_*`. `mmio` stands for the resource calls up to 6.16. */
export const dmaAttributes = ["mmio", "requireCoherent", "privileged", "ccShared", "skipSync", "noWarn"] as const;
export type DmaAttribute = (typeof dmaAttributes)[number];
export type DmaAttributes = readonly DmaAttribute[];

/** A scatterlist: the ranges that were given in, and what the device is given, which may be fewer pieces. */
export interface SgList {
  readonly ranges: readonly PhysRange[];
  readonly segments: readonly Segment[];
}

/** `struct dma_iova_state`: space reserved in a device's translation. Bytes. */
export interface IovaSpace {
  readonly device: Device;
  readonly address: number;
  readonly size: number;
}

/**
 * The DMA API (`kernel/dma/mapping.c`, `direct.c`, `drivers/iommu/dma-iommu.c`) and the helper for exporters over it
 * (`drivers/dma-buf/dma-buf-mapping.c`). None of it blocks. EIO stands for DMA_MAPPING_ERROR.
 */
export interface DmaFramework {
  /** `dma_map_phys`; up to 6.16 `dma_map_resource` with `mmio`, otherwise `dma_map_page`. */
  dmaMapPhys(device: Device, range: PhysRange, direction: Direction, attributes: DmaAttributes): Segment | Errno;
  dmaUnmapPhys(device: Device, segment: Segment, direction: Direction, attributes: DmaAttributes): void;
  /** `dma_map_sgtable`. No segment at all is a success, as it is there. */
  dmaMapSg(
    device: Device,
    ranges: readonly PhysRange[],
    direction: Direction,
    attributes: DmaAttributes,
  ): SgList | Errno;
  /** `count`: entries as they were given in. */
  dmaUnmapSg(device: Device, list: SgList, count: number, direction: Direction, attributes: DmaAttributes): void;
  dmaSyncForDevice(device: Device, segment: Segment, direction: Direction): void;
  dmaSyncForCpu(device: Device, segment: Segment, direction: Direction): void;
  /** `dma_iova_try_alloc` (6.16): null where there is no such space to be had. */
  iovaTryAlloc(device: Device, size: number): IovaSpace | null;
  iovaLink(space: IovaSpace, range: PhysRange, offset: number, direction: Direction, attributes: DmaAttributes): Errno;
  iovaSync(space: IovaSpace, offset: number, length: number): Errno;
  /** Space with nothing linked in it is given back. */
  iovaFree(space: IovaSpace): void;
  /** Unlinks `length` bytes from the start and gives the space back. */
  iovaDestroy(space: IovaSpace, length: number, direction: Direction, attributes: DmaAttributes): void;
  dmaSetMask(device: Device, bits: number): Errno;
  dmaSetCoherentMask(device: Device, bits: number): Errno;
  /** `dma_max_mapping_size`, in bytes. */
  dmaMaxMappingSize(device: Device): number;
  /** Whether ordinary memory is bounced for this device (`is_swiotlb_force_bounce`, `dma_addressing_limited`). */
  dmaMustBounce(device: Device): boolean;
  /** `dma_buf_phys_vec_to_sgt` (6.19): a table of ranges of a provider's memory. Reservation lock held. */
  physVecToSgt(
    attachment: Attachment | null,
    provider: Device | null,
    ranges: readonly PhysRange[],
    size: number,
    direction: Direction,
  ): SgTable | Errno;
  /** `dma_buf_free_sgt`. Reservation lock held. */
  freeSgt(attachment: Attachment, table: SgTable, direction: Direction): void;
}

/** The PCI tree, page tables, caches and bounce slots: what a framework finds below it. */
export interface DmaHardware {
  /** The PCI tree as its configuration space shows it. */
  pciTree(): PlatformSetup;
  /** The device that memory says it belongs to. */
  deviceNamed(name: string): Device;
  /** Puts an entry into the device's page table; EADDRINUSE where one is there already. */
  iommuMap(device: Device, address: number, range: PhysRange, protection: Protection): Errno;
  /** Takes every entry that begins in the range out of it. */
  iommuUnmap(device: Device, address: number, length: number): void;
  /** What the device's page table has at an address, undefined where nothing. */
  iommuLookup(device: Device, address: number): PhysRange | undefined;
  /** No stale translation of the device works any more. */
  iommuFlush(device: Device): void;
  /** Cache maintenance before the device (`arch_sync_dma_for_device`) or the CPU goes on. */
  syncCaches(device: Device, range: PhysRange, owner: "device" | "cpu"): void;
  /** Memory at a physical address, undefined where there is none. */
  memoryAt(physical: number, length: number): PhysRange | undefined;
  /** A slot of the software TLB; ENOMEM where none is left. */
  takeSlot(device: Device, length: number): Storage | Errno;
  giveSlot(slot: Storage): void;
  /** Copies between a slot and what it stands for. */
  copySlot(device: Device, slot: Storage, range: PhysRange, owner: "device" | "cpu"): void;
  /** The page structure behind memory (`phys_to_page`), from which old platforms make virtual addresses. */
  lookUpPage(device: Device, range: PhysRange): void;
  setDeviceMask(device: Device, which: "streaming" | "coherent", mask: number): void;
}

/** How the caches treat what is behind a translation: as memory, or as registers of a device. */
export type Protection = "cached" | "uncached" | "device";
