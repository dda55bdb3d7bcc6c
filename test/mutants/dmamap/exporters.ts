import { EOPNOTSUPP, type Errno } from "../../../spec/errno.ts";
import type { DmaAttributes } from "../../../spec/roles/dma.ts";
import {
  pageSize,
  type Attachment,
  type Device,
  type Direction,
  type IosysMap,
  type Segment,
  type Storage,
  type UserMapping,
} from "../../../spec/roles/handles.ts";
import { Backing, type BufferObject, rangesOf } from "../../../reference-impl/exporter/buffer-object.ts";
import { DefaultExporter } from "../../../reference-impl/exporter/default-exporter.ts";
import { pieceLength } from "../../../reference-impl/exporter/mapped-table.ts";
import { type Mapped, pieces } from "../../../reference-impl/exporter/peer-mapping.ts";
import { StaticExporter } from "../../../reference-impl/exporter/static-exporter.ts";
import type { Mutant } from "../mutant.ts";
import { faultyExporter } from "../p2p/kit.ts";

/** How a list is mapped and unmapped. */
interface Habits {
  readonly attributes: DmaAttributes;
  readonly unmap?: { readonly direction?: Direction; readonly attributes?: DmaAttributes; readonly merged?: true };
}

/** A static exporter that maps lists in its own way. */
abstract class OwnWay extends StaticExporter {
  protected abstract habits(device: Device, direction: Direction, object: BufferObject): Habits;

  protected override mapStorage(
    device: Device,
    storage: Storage,
    direction: Direction = "bidirectional",
    object?: BufferObject,
  ): Mapped | Errno {
    const { env } = this;
    const { attributes, unmap = {} } = this.habits(device, direction, object!);
    const folio = Math.ceil(storage.size / 4 / pageSize) * pageSize;
    const ranges = pieces([{ storage, offset: 0, length: storage.size }], Math.min(folio, pieceLength(device)));
    const list = env.dmaMapSg(device, ranges, direction, attributes);
    if (typeof list === "number") return list;
    const count = unmap.merged === true ? list.segments.length : ranges.length;
    return {
      segments: list.segments,
      undo: () => env.dmaUnmapSg(device, list, count, unmap.direction ?? direction, unmap.attributes ?? attributes),
    };
  }
}

function marks(object: BufferObject): DmaAttributes {
  return object.backing.shared ? ["ccShared"] : [];
}

const asStatic = { kind: "static" } as const;

/** Faults of exporters in their use of the DMA API. */
export const mutants: readonly Mutant[] = [
  faultyExporter(
    "DMAMAP-01",
    "everything is unmapped as if the device had read it",
    (reached) =>
      class extends OwnWay {
        protected override habits(_device: Device, direction: Direction, object: BufferObject) {
          if (direction !== "toDevice") reached();
          return { attributes: marks(object), unmap: { direction: "toDevice" as const } };
        }
      },
    asStatic,
  ),
  faultyExporter(
    "DMAMAP-02",
    "the error value is an address",
    (reached) =>
      class extends DefaultExporter {
        protected override mapStorage(device: Device, storage: Storage, direction?: Direction) {
          const made = this.env.dmaMap(device, storage, 0, storage.size, direction);
          if (typeof made !== "number") return [made];
          reached();
          return [{ address: 2 ** 52 - storage.size, length: storage.size }];
        }
      },
    { also: ["ATT-22", "MAP-11", "MAP-36", "DMAMAP-01"] },
  ),
  faultyExporter(
    "DMAMAP-07",
    "registers go where RAM goes",
    (reached) =>
      class extends DefaultExporter {
        protected override mapDeviceMemory(
          object: BufferObject,
          attachment: Attachment,
          direction: Direction,
        ): Mapped | Errno {
          const { env } = this;
          const { device } = attachment;
          if (this.provider === null || env.mapType(this.provider, device) !== "host")
            return super.mapDeviceMemory(object, attachment, direction);
          const segments: Segment[] = [];
          for (const range of rangesOf(object)) {
            reached();
            const segment = env.dmaMapPhys(device, range, direction, []);
            if (typeof segment === "number") return segment;
            segments.push({ ...segment, peer: "host" });
          }
          return {
            segments,
            undo: () => {
              for (const segment of segments) env.dmaUnmapPhys(device, segment, direction, []);
            },
          };
        }
      },
    { also: ["DMAMAP-09", "P2P-04"] },
  ),
  faultyExporter(
    "DMAMAP-08",
    "RAM is mapped as registers, which is faster",
    (reached) =>
      class extends OwnWay {
        protected override habits() {
          reached();
          return { attributes: ["mmio"] as const };
        }
      },
    asStatic,
  ),
  faultyExporter(
    "DMAMAP-12",
    "a copy is as good as the buffer",
    (reached) =>
      class extends DefaultExporter {
        protected override servesRam() {
          return true;
        }
        protected override mapStorage(device: Device, storage: Storage, direction: Direction = "bidirectional") {
          const { env } = this;
          if (env.dmaMustBounce(device)) reached();
          const range = { storage, offset: 0, length: storage.size };
          const segment = env.dmaMapPhys(device, range, direction, []);
          if (typeof segment === "number") return segment;
          return { segments: [segment], undo: () => env.dmaUnmapPhys(device, segment, direction, []) };
        }
      },
    { also: ["DMAMAP-27", "MAP-11"] },
  ),
  faultyExporter(
    "DMAMAP-15",
    "the exporter's own domain has to fit",
    (reached) =>
      class extends DefaultExporter {
        protected override mapTable(object: BufferObject, attachment: Attachment, direction?: Direction) {
          const own = this.device?.traits.iommu;
          if (attachment.device.traits.iommu !== "identity" || own === "identity")
            return super.mapTable(object, attachment, direction);
          reached();
          return EOPNOTSUPP;
        }
      },
  ),
  faultyExporter(
    "DMAMAP-17",
    "unmap forgets that the memory is shared",
    (reached) =>
      class extends OwnWay {
        protected override habits(_device: Device, _direction: Direction, object: BufferObject) {
          if (object.backing.shared) reached();
          return { attributes: marks(object), unmap: { attributes: [] } };
        }
      },
    asStatic,
  ),
  faultyExporter(
    "DMAMAP-22",
    "shared memory is mapped as private",
    (reached) =>
      class extends OwnWay {
        protected override habits(_device: Device, _direction: Direction, object: BufferObject) {
          if (object.backing.shared) reached();
          return { attributes: [] };
        }
      },
    { ...asStatic, from: ["B-161"], also: ["MAP-11", "DMAMAP-12"] },
  ),
  faultyExporter(
    "DMAMAP-22",
    "the kernel's address of shared memory is that of private memory",
    (reached) =>
      class extends StaticExporter {
        protected override mapForKernel(object: BufferObject, map: IosysMap) {
          const errno = super.mapForKernel(object, map);
          if (errno !== 0 || !object.backing.shared) return errno;
          reached();
          map.address = this.env.mapForCpu(object.backing.storage);
          return 0;
        }
      },
    { ...asStatic, from: ["M-DM7", "B-161"] },
  ),
  faultyExporter(
    "DMAMAP-22",
    "pages of shared memory that come with a fault are private",
    (reached) =>
      class extends StaticExporter {
        protected override showPage(
          { backing: { storage, shared } }: BufferObject,
          mapping: UserMapping,
          page: number,
        ) {
          if (shared) reached();
          this.env.insertPages(mapping, page, 1, storage, (mapping.start + page) * pageSize);
        }
      },
    { ...asStatic, from: ["M-DM7", "B-161"] },
  ),
  faultyExporter(
    "DMAMAP-22",
    "a move forgets that the buffer is shared",
    (reached) =>
      class extends DefaultExporter {
        protected override switchStorage(...moved: Parameters<DefaultExporter["switchStorage"]>) {
          super.switchStorage(...moved);
          const { backing } = moved[1];
          if (!backing.shared || this.env.setPrivate(backing.storage) !== 0) return;
          reached();
          moved[1].backing = new Backing(backing.storage);
        }
      },
  ),
  faultyExporter(
    "DMAMAP-24",
    "memory goes back although it stays shared",
    (reached) =>
      class extends StaticExporter {
        protected override freeBacking({ storage, shared }: Backing) {
          if (shared && this.env.setPrivate(storage) !== 0) reached();
          this.env.freeStorage(storage);
        }
      },
    { ...asStatic, from: ["B-161"] },
  ),
  faultyExporter(
    "DMAMAP-27",
    "attach leaves it to map to find out",
    (reached) =>
      class extends DefaultExporter {
        protected override servesRam(device: Device, object: BufferObject) {
          if (!super.servesRam(device, object)) reached();
          return true;
        }
      },
  ),
  faultyExporter(
    "DMAMAP-33",
    "unmap counts the merged entries",
    (reached) =>
      class extends OwnWay {
        protected override habits(device: Device, _direction: Direction, object: BufferObject) {
          if (object.size > pageSize && device.traits.iommu === "translated") reached();
          return { attributes: marks(object), unmap: { merged: true as const } };
        }
      },
    { ...asStatic, also: ["MAP-17"] },
  ),
];
