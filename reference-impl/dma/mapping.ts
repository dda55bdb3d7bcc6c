import type { Errno } from "../../spec/errno.ts";
import { EIO, EINVAL, ENOMEM, EOPNOTSUPP, EREMOTEIO } from "../../spec/errno.ts";
import type { DmaAttributes, DmaFramework, IovaSpace, SgList } from "../../spec/roles/dma.ts";
import type { Env } from "../../spec/roles/env.ts";
import type { Attachment, Device, Direction, PhysRange, Segment, SgTable } from "../../spec/roles/handles.ts";
import { DirectMapping, longestBounce } from "./direct.ts";
import { IommuMapping, type ReservedSpace } from "./iommu.ts";
import { PhysVecHelper } from "./phys-vec.ts";

/** Fewest address bits that anything can be mapped directly with (`zone_dma_limit`). */
const fewestBits = 24;

/** A piece of a scatterlist: a bus address carries a mark, as unmap has nothing to do for it. */
interface SgPiece {
  readonly range: PhysRange;
  readonly bus: boolean;
  readonly attributes: DmaAttributes;
}

/** A list as it was mapped. */
class MappedList implements SgList {
  readonly ranges: readonly PhysRange[];
  readonly segments: readonly Segment[];
  /** Runs of pieces that were mapped together, with what the device was given for them. */
  readonly runs: readonly { readonly pieces: readonly SgPiece[]; readonly segments: readonly Segment[] }[];

  constructor(ranges: readonly PhysRange[], runs: MappedList["runs"]) {
    this.ranges = ranges;
    this.runs = runs;
    this.segments = runs.flatMap((run) => run.segments);
  }
}

/** The DMA API (`kernel/dma/mapping.c`). */
export class ReferenceDma implements DmaFramework {
  protected readonly env: Env;
  protected readonly direct: DirectMapping;
  protected readonly iommu: IommuMapping;
  protected readonly helper: PhysVecHelper;

  constructor(env: Env) {
    this.env = env;
    this.direct = this.createDirect();
    this.iommu = this.createIommu();
    this.helper = this.createHelper();
  }

  /** `dma_map_phys`. */
  dmaMapPhys(device: Device, range: PhysRange, direction: Direction, attributes: DmaAttributes): Segment | Errno {
    // A device without a mask: the kernel warns.
    if (device.dmaMask === 0) return EIO;
    if (attributes.includes("requireCoherent") && !device.traits.coherent) return EIO;
    switch (device.traits.iommu) {
      case "identity":
        return this.direct.map(device, range, direction, attributes);
      case "translated":
        return this.refusesShared(attributes) ? EIO : this.iommu.map(device, range, direction, attributes);
      case "legacy":
        return this.mapLegacy(device, range, direction, attributes);
      case "blocked":
        return EIO;
    }
  }

  /** `dma_unmap_phys`. */
  dmaUnmapPhys(device: Device, segment: Segment, direction: Direction, attributes: DmaAttributes): void {
    if (device.traits.iommu === "identity") this.direct.unmap(device, segment, direction, attributes);
    else this.iommu.unmap(device, segment, direction, attributes);
  }

  /** `__dma_map_sg_attrs`, `dma_map_sgtable`. */
  dmaMapSg(
    device: Device,
    ranges: readonly PhysRange[],
    direction: Direction,
    attributes: DmaAttributes,
  ): SgList | Errno {
    if (device.dmaMask === 0) return new MappedList(ranges, []);
    if (attributes.includes("requireCoherent") && !device.traits.coherent) return EOPNOTSUPP;
    const runs = this.mapRuns(device, ranges, direction, attributes);
    if (typeof runs !== "number") return new MappedList(ranges, runs);
    switch (runs) {
      case EREMOTEIO:
      case EIO:
      case EINVAL:
      case ENOMEM:
        return runs;
      default:
        return EIO;
    }
  }

  /** `dma_unmap_sg_attrs`. */
  dmaUnmapSg(device: Device, list: SgList, count: number, direction: Direction, _attributes: DmaAttributes): void {
    if (!(list instanceof MappedList) || count !== list.ranges.length) {
      this.env.warn("a scatterlist is unmapped with another number of entries than it was mapped with");
      return;
    }
    this.unmapRuns(device, list.runs, direction);
  }

  dmaSyncForDevice(device: Device, segment: Segment, direction: Direction): void {
    if (device.traits.iommu === "identity") this.direct.syncForDevice(device, segment, direction);
    else this.iommu.syncForDevice(device, segment, direction);
  }

  dmaSyncForCpu(device: Device, segment: Segment, direction: Direction): void {
    if (device.traits.iommu === "identity") this.direct.syncForCpu(device, segment, direction);
    else this.iommu.syncForCpu(device, segment, direction);
  }

  iovaTryAlloc(device: Device, size: number): IovaSpace | null {
    if (device.traits.iommu !== "translated" || device.dmaMask === 0 || size === 0) return null;
    return this.iommu.tryAlloc(device, size);
  }

  iovaLink(
    space: IovaSpace,
    range: PhysRange,
    offset: number,
    _direction: Direction,
    attributes: DmaAttributes,
  ): Errno {
    return this.iommu.link(space as ReservedSpace, range, offset, attributes);
  }

  /** What a real one flushes here, ours has in its table at once. */
  iovaSync(_space: IovaSpace, _offset: number, _length: number): Errno {
    return 0;
  }

  iovaFree(space: IovaSpace): void {
    this.iommu.free(space as ReservedSpace);
  }

  iovaDestroy(space: IovaSpace, length: number, _direction: Direction, attributes: DmaAttributes): void {
    this.iommu.destroy(space as ReservedSpace, length, attributes);
  }

  /** `dma_set_mask`. */
  dmaSetMask(device: Device, bits: number): Errno {
    if (device.traits.mask === "none" || !this.supports(device, bits)) return EIO;
    this.env.setDeviceMask(device, "streaming", 2 ** bits - 1);
    return 0;
  }

  /** `dma_set_coherent_mask`. */
  dmaSetCoherentMask(device: Device, bits: number): Errno {
    if (!this.supports(device, bits)) return EIO;
    this.env.setDeviceMask(device, "coherent", 2 ** bits - 1);
    return 0;
  }

  dmaMaxMappingSize(device: Device): number {
    return this.dmaMustBounce(device) ? longestBounce : Number.MAX_SAFE_INTEGER;
  }

  dmaMustBounce(device: Device): boolean {
    if (device.traits.iommu === "identity") return this.direct.mustBounce(device);
    return device.traits.iommu !== "blocked" && this.iommu.mayBounce(device);
  }

  physVecToSgt(
    attachment: Attachment | null,
    provider: Device | null,
    ranges: readonly PhysRange[],
    size: number,
    direction: Direction,
  ): SgTable | Errno {
    return this.helper.map(attachment, provider, ranges, size, direction);
  }

  freeSgt(attachment: Attachment, table: SgTable, direction: Direction): void {
    this.helper.free(attachment, table, direction);
  }

  protected createDirect(): DirectMapping {
    return new DirectMapping(this.env);
  }

  protected createIommu(): IommuMapping {
    return new IommuMapping(this.env, this.direct);
  }

  protected createHelper(): PhysVecHelper {
    return new PhysVecHelper(this.env);
  }

  /** Behind an IOMMU or old operations there is nothing that could honour the mark. */
  protected refusesShared(attributes: DmaAttributes): boolean {
    return attributes.includes("ccShared");
  }

  /** `ops->map_page`: it wants a page, and memory of a BAR has none that means anything. */
  protected mapLegacy(
    device: Device,
    range: PhysRange,
    direction: Direction,
    attributes: DmaAttributes,
  ): Segment | Errno {
    if (attributes.includes("mmio") || this.refusesShared(attributes)) return EIO;
    this.env.lookUpPage(device, range);
    return this.iommu.map(device, range, direction, attributes);
  }

  /** `dma_supported`. */
  protected supports(device: Device, bits: number): boolean {
    return device.traits.iommu !== "identity" || bits >= fewestBits;
  }

  /** Neighbours of one kind together: behind an IOMMU they become one range. */
  protected mapRuns(
    device: Device,
    ranges: readonly PhysRange[],
    direction: Direction,
    attributes: DmaAttributes,
  ): MappedList["runs"] | Errno {
    const runs: { readonly pieces: SgPiece[]; readonly segments: readonly Segment[] }[] = [];
    const fail = (errno: Errno) => {
      this.unmapRuns(device, runs, direction);
      return errno;
    };
    const plain: SgPiece[] = [];
    for (const range of ranges) {
      const piece = this.pieceOf(device, range, attributes);
      if (typeof piece === "number") return fail(piece);
      if (!piece.bus) plain.push(piece);
      else runs.push({ pieces: [piece], segments: [busSegment(this.env, range)] });
    }
    if (plain.length === 0) return runs;
    const made = this.mapPlain(device, plain, direction);
    return typeof made === "number" ? fail(made) : [...runs, { pieces: plain, segments: made }];
  }

  /** The state of a peer's page is asked for each (`pci_p2pdma_state`). */
  protected pieceOf(device: Device, range: PhysRange, attributes: DmaAttributes): SgPiece | Errno {
    const { owner } = range.storage;
    if (owner === null) return { range, bus: false, attributes };
    const provider = this.env.deviceNamed(owner);
    switch (this.env.mapType(provider, device)) {
      case "bus":
        return { range, bus: true, attributes };
      case "host":
        return { range, bus: false, attributes: [...attributes, "mmio"] };
      case "unsupported":
        return EREMOTEIO;
    }
  }

  protected mapPlain(device: Device, pieces: readonly SgPiece[], direction: Direction): readonly Segment[] | Errno {
    const { attributes } = pieces[0]!;
    if (device.traits.iommu === "translated" && !this.refusesShared(attributes))
      return this.iommu.mapList(device, rangesOf(pieces), direction, attributes);
    const segments: Segment[] = [];
    for (const { range } of pieces) {
      const segment = this.dmaMapPhys(device, range, direction, attributes);
      if (typeof segment === "number") {
        for (const made of segments) this.dmaUnmapPhys(device, made, direction, attributes);
        return segment;
      }
      segments.push(segment);
    }
    return segments;
  }

  protected unmapRuns(device: Device, runs: MappedList["runs"], direction: Direction): void {
    for (const { pieces, segments } of runs) {
      if (pieces[0]!.bus) continue;
      const { attributes } = pieces[0]!;
      if (device.traits.iommu === "translated")
        this.iommu.unmapList(device, rangesOf(pieces), segments, direction, attributes);
      else for (const segment of segments) this.dmaUnmapPhys(device, segment, direction, attributes);
    }
  }
}

function rangesOf(pieces: readonly SgPiece[]): readonly PhysRange[] {
  return pieces.map(({ range }) => range);
}

/** `pci_p2pdma_bus_addr_map`. */
export function busSegment(env: Env, { storage, offset, length }: PhysRange): Segment {
  const { busOffset } = env.deviceNamed(storage.owner!).traits;
  return { address: storage.physical + offset + busOffset, length, peer: "bus" };
}
