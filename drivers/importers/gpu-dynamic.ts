import type { Errno } from "../../spec/errno.ts";
import type { Attachment, SgTable } from "../../spec/roles/handles.ts";
import type { Suspension } from "../../spec/roles/suspendable.ts";
import { afterFences } from "../after-fences.ts";
import { type GpuBo, GpuImporter } from "./gpu-importer.ts";

/**
 * amdgpu as an importer, 6.12 to 7.2: the callback of `amdgpu_dma_buf.c` takes the object out of its place
 * (`ttm_bo_pipeline_gutting`, `drivers/gpu/drm/ttm/ttm_bo_util.c`). Its table goes at once if nobody uses it, otherwise
 * with a ghost object that waits for the jobs under way.
 */
export class GpuDynamic extends GpuImporter {
  /** `amdgpu_dma_buf_move_notify`. */
  protected *moveNotify(attachment: Attachment, bo: GpuBo): Generator<Suspension, void, unknown> {
    const { env } = this;
    const { resv } = attachment.buffer;
    const { sg } = bo;
    if (sg === null) return;
    if (env.testSignaled(resv, "bookkeep")) return yield* this.unmapTable(attachment, bo);
    const fences = yield* env.getFences(resv, "bookkeep");
    if (typeof fences === "number") {
      // Last resort without memory: idle, here and now. Fences signal without the lock.
      yield* env.waitFences(resv, "bookkeep");
      return yield* this.unmapTable(attachment, bo);
    }
    bo.sg = null;
    bo.refs += 1;
    afterFences(env, "delayed-delete", fences, () => this.deleteGhost(attachment, bo, sg));
  }

  /** `amdgpu_ttm_backend_bind`. */
  protected validate(attachment: Attachment, bo: GpuBo): Generator<Suspension, Errno, unknown> {
    return this.mapTable(attachment, bo);
  }

  protected isValid(bo: GpuBo): boolean {
    return bo.sg !== null;
  }

  /** `ttm_bo_delayed_delete`, then `amdgpu_ttm_backend_unbind` of the ghost. */
  private *deleteGhost(attachment: Attachment, bo: GpuBo, sg: SgTable): Generator<Suspension, void, unknown> {
    const { env } = this;
    yield* env.lock(bo.buffer.resv);
    yield* env.unmap(attachment, sg, bo.direction);
    yield* env.unlock(bo.buffer.resv);
    bo.refs -= 1;
  }
}
