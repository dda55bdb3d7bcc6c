import type { Errno } from "../../spec/errno.ts";
import { EINVAL, EIO, ENODEV, EOPNOTSUPP } from "../../spec/errno.ts";
import type { DmaAttributes } from "../../spec/roles/dma.ts";
import type { Exporter, ExportRequest } from "../../spec/roles/exporter.ts";
import type { MappingModel } from "../../spec/roles/negotiation.ts";
import {
  pageSize,
  type Attachment,
  type Device,
  type Direction,
  type DmaBuf,
  type Segment,
  type SgTable,
  type Storage,
} from "../../spec/roles/handles.ts";
import { type BufferObject, objectOf } from "./buffer-object.ts";
import { ExporterCpu } from "./exporter-cpu.ts";
import { canServe, pieceLength } from "./mapped-table.ts";
import { type Mapped, pieces } from "./peer-mapping.ts";

/** Pieces that RAM comes in. */
const folios = 4;

/**
 * An exporter whose memory stays where it is for the life of a buffer, as `drivers/dma-buf/udmabuf.c` and the system heap.
 * Memory of a device that cannot leave it is reached peer-to-peer or not at all.
 */
export class StaticExporter extends ExporterCpu implements Exporter {
  readonly models: readonly MappingModel[] = ["pinned"];

  attach(buffer: DmaBuf, attachment: Attachment): Errno {
    const object = objectOf(buffer);
    if (object.buffer === null) return ENODEV;
    const { device, peer2peer } = attachment;
    if (!canServe(device, object.size)) return EOPNOTSUPP;
    if (object.backing.storage.placement === "system") return this.servesRam(device, object) ? 0 : EOPNOTSUPP;
    return peer2peer ? this.refusesPeer(object, device, true) : EOPNOTSUPP;
  }

  map(attachment: Attachment, direction: Direction): SgTable | Errno {
    return direction === "none" ? EINVAL : this.mapTable(objectOf(attachment.buffer), attachment, direction);
  }

  protected override checkProvider(request: ExportRequest): Errno {
    return request.placement === "device" && this.provider === null ? EINVAL : 0;
  }

  /** All at once (`dma_map_sgtable`), and where there are no addresses for all of it, nothing. */
  protected override mapStorage(
    device: Device,
    storage: Storage,
    direction: Direction = "bidirectional",
    object?: BufferObject,
  ): readonly Segment[] | Mapped | Errno {
    const { env } = this;
    const folio = Math.ceil(storage.size / folios / pageSize) * pageSize;
    const ranges = pieces([{ storage, offset: 0, length: storage.size }], Math.min(folio, pieceLength(device)));
    const attributes: DmaAttributes = object?.backing.shared === true ? ["ccShared"] : [];
    const list = env.dmaMapSg(device, ranges, direction, attributes);
    if (typeof list === "number") return list;
    if (list.segments.length === 0) return EIO;
    return {
      segments: list.segments,
      undo: () => env.dmaUnmapSg(device, list, ranges.length, direction, attributes),
    };
  }
}
