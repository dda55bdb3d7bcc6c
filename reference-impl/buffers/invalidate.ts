import type { Suspension } from "../../spec/roles/suspendable.ts";
import { settle } from "../settle.ts";
import type { ReferenceAttachment, ReferenceBuffer } from "./buffer.ts";
import { BufferAttachments } from "./attachments.ts";

/** The exporter's message that all mappings are stale. */
export abstract class BufferInvalidate extends BufferAttachments {
  /** `dma_buf_invalidate_mappings`, up to 7.0 `dma_buf_move_notify`: one callback after the other, newest attachment first. */
  *invalidate(buffer: ReferenceBuffer): Generator<Suspension, void, unknown> {
    this.assertHeld(buffer, "mappings of a buffer are invalidated");
    for (const attachment of buffer.attachments) {
      // Without the lock, as just reported, one may have been detached since the walk began.
      if (attachment.listed && this.isRevocable(attachment)) yield* this.notify(attachment);
    }
  }

  protected *notify(attachment: ReferenceAttachment): Generator<Suspension, void, unknown> {
    yield* this.env.point("callback");
    yield* settle(attachment.importerOps?.invalidate?.(attachment));
  }
}
