import { EPERM, EREMOTEIO, type Errno } from "../../../spec/errno.ts";
import type { DmaAttributes } from "../../../spec/roles/dma.ts";
import type { Device, Direction, PhysRange, Segment } from "../../../spec/roles/handles.ts";
import { DirectMapping, lastAddress } from "../../../reference-impl/dma/direct.ts";
import { IommuMapping } from "../../../reference-impl/dma/iommu.ts";
import { IovaAllocator } from "../../../reference-impl/dma/iova-allocator.ts";
import { ReferenceDma } from "../../../reference-impl/dma/mapping.ts";
import type { Mutant } from "../mutant.ts";
import { faultyDirect, faultyDma, faultyIommu } from "../p2p/kit.ts";

/** Faults of the DMA API. */
export const mutants: readonly Mutant[] = [
  faultyDirect(
    "DMAMAP-03",
    "the buses on the way count for nothing",
    (reached) =>
      class extends DirectMapping {
        protected override isCapable(device: Device, address: number, length: number) {
          const last = address + length - 1;
          if (last > lastAddress(device) && last <= device.dmaMask) reached();
          return last <= device.dmaMask;
        }
      },
  ),
  faultyDma(
    "DMAMAP-04",
    "a device without a mask gets the first address there is",
    (reached) =>
      class extends ReferenceDma {
        override dmaMapPhys(device: Device, range: PhysRange, direction: Direction, attributes: DmaAttributes) {
          if (device.dmaMask !== 0) return super.dmaMapPhys(device, range, direction, attributes);
          reached();
          return { address: 2 ** 20, length: range.length };
        }
      },
    { also: ["DMAMAP-03"] },
  ),
  faultyDma(
    "DMAMAP-05",
    "the coherent mask is the only mask",
    (reached) =>
      class extends ReferenceDma {
        override dmaSetCoherentMask(device: Device, bits: number) {
          reached();
          return this.dmaSetMask(device, bits);
        }
      },
  ),
  faultyIommu(
    "DMAMAP-06",
    "neighbours are merged whatever comes of it",
    (reached) =>
      class extends IommuMapping {
        protected override append(device: Device, segments: Segment[], address: number, length: number) {
          const last = segments.at(-1);
          if (last === undefined || last.address + last.length !== address) {
            segments.push({ address, length });
            return;
          }
          last.length += length;
          if (last.length > device.maxSegment) reached();
        }
      },
  ),
  faultyIommu(
    "DMAMAP-09",
    "registers are cached",
    (reached) =>
      class extends IommuMapping {
        protected override protectionOf(_device: Device, attributes: DmaAttributes) {
          if (attributes.includes("mmio")) reached();
          return "cached" as const;
        }
      },
  ),
  faultyIommu(
    "DMAMAP-10",
    "the caches are synced for registers too",
    (reached) =>
      class extends IommuMapping {
        protected override syncForDeviceUnlessTold(device: Device, range: PhysRange, attributes: DmaAttributes) {
          if (device.traits.coherent) return;
          if (attributes.includes("mmio")) reached();
          this.env.syncCaches(device, range, "device");
        }
      },
  ),
  faultyDirect(
    "DMAMAP-11",
    "forced bouncing is looked at for RAM only",
    (reached) =>
      class extends DirectMapping {
        protected override refusesBouncedMmio() {
          reached();
          return false;
        }
      },
  ),
  faultyDma(
    "DMAMAP-13",
    "old operations take registers for pages",
    (reached) =>
      class extends ReferenceDma {
        protected override mapLegacy(
          device: Device,
          range: PhysRange,
          direction: Direction,
          attributes: DmaAttributes,
        ): Segment | Errno {
          if (!attributes.includes("mmio")) return super.mapLegacy(device, range, direction, attributes);
          reached();
          return this.iommu.map(device, range, direction, attributes);
        }
      },
    { also: ["DMAMAP-23"] },
  ),
  faultyDirect(
    "DMAMAP-14",
    "the offset of RAM is added to registers",
    (reached) =>
      class extends DirectMapping {
        override map(device: Device, range: PhysRange, direction: Direction, attributes: DmaAttributes) {
          const segment = super.map(device, range, direction, attributes);
          if (typeof segment === "number" || !attributes.includes("mmio")) return segment;
          if (device.traits.dmaOffset !== 0) reached();
          return { ...segment, address: segment.address + device.traits.dmaOffset };
        }
      },
  ),
  faultyDma(
    "DMAMAP-18",
    "the error of a list is whatever came up",
    (reached) =>
      class extends ReferenceDma {
        override dmaMapSg(
          device: Device,
          ranges: readonly PhysRange[],
          direction: Direction,
          attributes: DmaAttributes,
        ) {
          const list = super.dmaMapSg(device, ranges, direction, attributes);
          if (list !== EREMOTEIO) return list;
          reached();
          return EPERM;
        }
      },
  ),
  faultyIommu(
    "DMAMAP-20",
    "the end of a long list is left out",
    (reached) =>
      class extends IommuMapping {
        override mapList(
          device: Device,
          ranges: readonly PhysRange[],
          direction: Direction,
          attributes: DmaAttributes,
        ) {
          if (ranges.length < 4) return super.mapList(device, ranges, direction, attributes);
          reached();
          return super.mapList(device, ranges.slice(0, -1), direction, attributes);
        }
      },
  ),
  faultyDma(
    "DMAMAP-21",
    "coherence is demanded in vain",
    (reached) =>
      class extends ReferenceDma {
        override dmaMapPhys(device: Device, range: PhysRange, direction: Direction, attributes: DmaAttributes) {
          if (attributes.includes("requireCoherent")) reached();
          const rest = attributes.filter((name) => name !== "requireCoherent");
          return super.dmaMapPhys(device, range, direction, rest);
        }
      },
  ),
  faultyDma(
    "DMAMAP-23",
    "the mark of shared memory is dropped",
    (reached) =>
      class extends ReferenceDma {
        protected override refusesShared(attributes: DmaAttributes) {
          if (attributes.includes("ccShared")) reached();
          return false;
        }
      },
  ),
  faultyIommu(
    "DMAMAP-26",
    "the CPU keeps what it had cached",
    (reached) =>
      class extends IommuMapping {
        protected override syncForCpuUnlessTold(device: Device) {
          if (!device.traits.coherent) reached();
        }
      },
  ),
  faultyIommu(
    "DMAMAP-31",
    "nobody is untrusted",
    (reached) =>
      class extends IommuMapping {
        protected override isExposing(device: Device, range: PhysRange) {
          if (super.isExposing(device, range)) reached();
          return false;
        }
      },
  ),
  faultyIommu(
    "DMAMAP-32",
    "addresses come back before the flush",
    (reached) => {
      class Hasty extends IovaAllocator {
        override give(device: Device, address: number, size: number) {
          if (!device.traits.lazyFlush) {
            super.give(device, address, size);
            return;
          }
          reached();
          this.release(device, [{ address, size }]);
        }
      }
      return class extends IommuMapping {
        protected override createAllocator() {
          return new Hasty((device) => this.flush(device));
        }
      };
    },
    { from: ["M-MM3"] },
  ),
];
