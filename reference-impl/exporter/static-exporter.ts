import type { Errno } from "../../spec/errno.ts";
import { EINVAL, ENODEV, EOPNOTSUPP } from "../../spec/errno.ts";
import type { Exporter } from "../../spec/roles/exporter.ts";
import type { Attachment, Direction, DmaBuf, SgTable } from "../../spec/roles/handles.ts";
import { objectOf } from "./buffer-object.ts";
import { ExporterObjects } from "./exporter-objects.ts";
import { canServe } from "./mapped-table.ts";

/**
 * An exporter whose memory stays where it is for the life of a buffer, as `drivers/dma-buf/udmabuf.c` and the system heap.
 * Memory of a device that cannot leave it is reached peer-to-peer or not at all.
 */
export class StaticExporter extends ExporterObjects implements Exporter {
  attach(buffer: DmaBuf, attachment: Attachment): Errno {
    const object = objectOf(buffer);
    if (object.buffer === null) return ENODEV;
    if (!canServe(attachment.device, object.size)) return EOPNOTSUPP;
    return object.backing.storage.placement === "device" && !attachment.peer2peer ? EOPNOTSUPP : 0;
  }

  map(attachment: Attachment, direction: Direction): SgTable | Errno {
    return direction === "none" ? EINVAL : this.mapTable(objectOf(attachment.buffer), attachment);
  }
}
