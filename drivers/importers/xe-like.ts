import type { Errno } from "../../spec/errno.ts";
import type { Attachment } from "../../spec/roles/handles.ts";
import type { Suspension } from "../../spec/roles/suspendable.ts";
import { type GpuBo, GpuImporter } from "./gpu-importer.ts";

/**
 * xe as an importer, 6.12 to 7.2 (`drivers/gpu/drm/xe/xe_dma_buf.c`, `xe_bo.c`): the callback marks the object, and its
 * table stays mapped until the next job needs it or the object is destroyed. That is enough for an exporter that waits for
 * fences, and never enough for one that waits for unmaps.
 */
export class XeLike extends GpuImporter {
  /** Objects whose place is system memory: not to be used before they are validated (`xe_bo_evict`). */
  private readonly evicted = new Set<GpuBo>();

  /** `xe_dma_buf_move_notify`, `xe_bo_trigger_rebind`: jobs under way are pushed on, not waited for. */
  // oxlint-disable-next-line require-yield -- the callbacks of others wait
  protected *moveNotify(attachment: Attachment, bo: GpuBo): Generator<Suspension, void, unknown> {
    const { env } = this;
    this.evicted.add(bo);
    for (const { fence } of env.iterateFences(attachment.buffer.resv, "bookkeep")) env.enableSignaling(fence);
  }

  /** `xe_bo_move_dmabuf`: this is where the table of before is unmapped. */
  protected *validate(attachment: Attachment, bo: GpuBo): Generator<Suspension, Errno, unknown> {
    if (bo.sg !== null) yield* this.env.waitFences(bo.buffer.resv, "bookkeep");
    yield* this.unmapTable(attachment, bo);
    const errno = yield* this.mapTable(attachment, bo);
    if (errno === 0) this.evicted.delete(bo);
    return errno;
  }

  protected isValid(bo: GpuBo): boolean {
    return bo.sg !== null && !this.evicted.has(bo);
  }
}
