import type { Errno } from "../../spec/errno.ts";
import { EINVAL, ENOENT, ENOMEM } from "../../spec/errno.ts";
import type { Env } from "../../spec/roles/env.ts";
import type { ExporterOps, ExportInfo, Owner } from "../../spec/roles/handles.ts";
import type { CheckedOps } from "./buffer.ts";
import { ReferenceBuffer } from "./buffer.ts";

/** Making buffers, and the list of all that live (`dma_buf_export`, `drivers/dma-buf/dma-buf.c`). */
export abstract class BufferExport {
  protected readonly env: Env;
  /** Newest first. A buffer leaves it when its file is released, some time after the last reference is gone. */
  protected readonly list: ReferenceBuffer[] = [];

  constructor(env: Env) {
    this.env = env;
  }

  /** `dma_buf_export`: the caller gets the one reference there is. */
  export(info: ExportInfo): ReferenceBuffer | Errno {
    const { ops } = info;
    if (info.priv === null || info.priv === undefined || !isComplete(ops)) {
      this.env.warn("export without private data, ops, or one of the operations map, unmap and release");
      return EINVAL;
    }
    const errno = this.checkPinning(ops);
    if (errno !== 0) return errno;
    const owner = info.owner ?? null;
    if (owner !== null && !this.env.moduleGet(owner)) return ENOENT;
    const buffer = this.allocateBuffer(info, ops, owner);
    if (buffer === null) {
      if (owner !== null) this.env.modulePut(owner);
      return ENOMEM;
    }
    this.list.unshift(buffer);
    return buffer;
  }

  /** Live buffers, each with a reference for the caller (`dma_buf_iter_begin`, `dma_buf_iter_next`, 7.x). */
  listBuffers(): readonly ReferenceBuffer[] {
    const found: ReferenceBuffer[] = [];
    for (const buffer of this.list) if (this.getActive(buffer)) found.push(buffer);
    return found;
  }

  /** Pin and unpin go together, and not with caching by the core. */
  protected checkPinning(ops: ExporterOps): Errno {
    if (this.env.profile.cacheSgtMapping && ops.cacheSgtMapping === true && (ops.pin || ops.unpin)) {
      this.env.warn("export asks for cached tables of an exporter that pins");
      return EINVAL;
    }
    if ((ops.pin === undefined) === (ops.unpin === undefined)) return 0;
    this.env.warn("export with only one of the operations pin and unpin");
    return EINVAL;
  }

  protected allocateBuffer(info: ExportInfo, ops: CheckedOps, owner: Owner | null): ReferenceBuffer | null {
    if (!this.env.allocate("dma-buf-file") || !this.env.allocate("dma-buf")) return null;
    const shared = info.resv;
    const resv = shared ?? this.env.createReservation();
    return new ReferenceBuffer(info.size, info.priv, ops, owner, resv, shared === undefined);
  }

  /** `get_file_active`: a reference, unless the last one is gone already. */
  protected getActive(buffer: ReferenceBuffer): boolean {
    if (buffer.refs === 0) return false;
    buffer.refs += 1;
    return true;
  }

  /** `__dma_buf_list_del`. */
  protected unlist(buffer: ReferenceBuffer): void {
    const index = this.list.indexOf(buffer);
    if (index >= 0) this.list.splice(index, 1);
  }
}

function isComplete(ops: ExporterOps | null): ops is CheckedOps {
  return ops !== null && ops.map !== undefined && ops.unmap !== undefined && ops.release !== undefined;
}
