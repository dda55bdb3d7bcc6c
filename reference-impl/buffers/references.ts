import type { Suspension } from "../../spec/roles/suspendable.ts";
import { settle } from "../settle.ts";
import type { ReferenceBuffer } from "./buffer.ts";
import { BufferExport } from "./export.ts";

/** References on a buffer's file and what follows the last one (`dma_buf_put`, `dma_buf_release`). */
export abstract class BufferReferences extends BufferExport {
  /** `get_dma_buf`. */
  getRef(buffer: ReferenceBuffer): void {
    if (buffer.refs === 0) this.env.warn("kernel stops: a reference is taken on a buffer whose last reference is gone");
    else buffer.refs += 1;
  }

  /** `dma_buf_put`. The end of the file is deferred, so the caller may hold what the release hook wants. */
  put(buffer: ReferenceBuffer): void {
    if (buffer.refs === 0) {
      this.env.warn("kernel stops: a reference is dropped on a buffer whose last reference is gone");
      return;
    }
    buffer.refs -= 1;
    if (buffer.refs === 0) this.env.defer("release", () => this.release(buffer));
  }

  /** `dma_buf_file_release` and `dma_buf_release`, from the deferred file put. */
  protected *release(buffer: ReferenceBuffer): Generator<Suspension, void, unknown> {
    if (buffer.vmappings > 0) this.env.warn("kernel stops: a buffer is released while it is mapped for the kernel");
    this.unlist(buffer);
    yield* settle(buffer.ops.release(buffer));
    if (buffer.ownsResv) this.env.destroyReservation(buffer.resv);
    if (buffer.attachments.length > 0) this.env.warn("a buffer is released while devices are attached to it");
    if (buffer.owner !== null) this.env.modulePut(buffer.owner);
  }
}
