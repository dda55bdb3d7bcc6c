import type { Errno } from "../../spec/errno.ts";
import { EINVAL } from "../../spec/errno.ts";
import type { Env } from "../../spec/roles/env.ts";
import type { Exporter, ExportRequest } from "../../spec/roles/exporter.ts";
import type { Attachment, Direction, DmaBuf, SgTable, Storage } from "../../spec/roles/handles.ts";
import { pageSize } from "../../spec/roles/handles.ts";
import type { Suspension } from "../../spec/roles/suspendable.ts";
import { mapStorage, unmapStorage } from "../dma-mapping.ts";

/**
 * `drivers/dma-buf/udmabuf.c`, 6.12 to 7.2: a buffer over the pages of a memfd. They were pinned when it was made and stay
 * where they are until its release, so there is nothing to attach, to pin or to tell.
 */
export class Udmabuf implements Exporter {
  private readonly env: Env;

  constructor(env: Env) {
    this.env = env;
  }

  /** `udmabuf_create`: whole pages only, whatever place is asked for, and a reservation object of its own. */
  *export({ size, owner }: ExportRequest): Generator<Suspension, DmaBuf | Errno, unknown> {
    const { env } = this;
    if (size === 0 || size % pageSize !== 0) return EINVAL;
    const pages = env.allocateStorage(size, "system");
    if (typeof pages === "number") return pages;
    const buffer = yield* env.export({ size, priv: pages, ops: this, owner });
    if (typeof buffer === "number") env.freeStorage(pages);
    else env.setStorage(buffer, pages);
    return buffer;
  }

  /** `map_udmabuf`: a new table each time, for the device that asks. */
  map(attachment: Attachment, direction: Direction): SgTable | Errno {
    return mapStorage(this.env, attachment.device, pagesOf(attachment.buffer), direction);
  }

  /** `unmap_udmabuf`. */
  unmap(_attachment: Attachment, table: SgTable): void {
    unmapStorage(this.env, table);
  }

  /** `release_udmabuf`. */
  release(buffer: DmaBuf): void {
    this.env.freeStorage(pagesOf(buffer));
  }
}

function pagesOf(buffer: DmaBuf): Storage {
  return buffer.priv as Storage;
}
