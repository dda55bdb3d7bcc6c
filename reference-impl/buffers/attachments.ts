import type { Errno } from "../../spec/errno.ts";
import { EINVAL, ENOMEM } from "../../spec/errno.ts";
import type { Device, ImporterOps } from "../../spec/roles/handles.ts";
import type { Suspension } from "../../spec/roles/suspendable.ts";
import { settle } from "../settle.ts";
import type { ReferenceBuffer } from "./buffer.ts";
import { ReferenceAttachment } from "./buffer.ts";
import { BufferMapping } from "./mapping.ts";

/** Attach and detach (`dma_buf_dynamic_attach`, `dma_buf_detach`). */
export abstract class BufferAttachments extends BufferMapping {
  /** `dma_buf_dynamic_attach`, without ops `dma_buf_attach`. */
  *attach(
    buffer: ReferenceBuffer | null,
    device: Device | null,
    ops: ImporterOps | null,
    priv?: unknown,
  ): Generator<Suspension, ReferenceAttachment | Errno, unknown> {
    if (buffer === null || device === null) {
      this.env.warn("attach without a buffer or without a device");
      return EINVAL;
    }
    if (ops !== null && ops.invalidate === undefined && !this.env.profile.callbackOptional) {
      this.env.warn("attach with importer ops that lack the callback");
      return EINVAL;
    }
    if (!this.env.allocate("attachment")) return ENOMEM;
    const attachment = new ReferenceAttachment(buffer, device, ops, priv);
    const refused = yield* this.callAttach(attachment);
    if (refused !== 0) return refused;
    yield* this.env.point("attach-hook");
    yield* this.env.lock(buffer.resv);
    this.listAdd(attachment);
    yield* this.env.unlock(buffer.resv);
    if (!this.isCachedAtAttach(attachment)) return attachment;
    const errno = yield* this.mapAtAttach(attachment);
    if (errno === 0) return attachment;
    yield* this.detach(buffer, attachment);
    return errno;
  }

  /** `dma_buf_detach`. What the importer forgot to unmap or unpin stays so. */
  *detach(
    buffer: ReferenceBuffer | null,
    attachment: ReferenceAttachment | null,
  ): Generator<Suspension, void, unknown> {
    if (buffer === null || attachment === null || attachment.buffer !== buffer) {
      this.env.warn("detach without a buffer, without an attachment, or of another buffer's attachment");
      return;
    }
    yield* this.env.lock(buffer.resv);
    yield* this.dropCachedTable(attachment);
    const listed = this.listDel(attachment);
    yield* this.env.unlock(buffer.resv);
    if (listed) yield* this.callDetach(attachment);
  }

  /** `dma_buf_attach_revocable` (7.1). */
  isRevocable(attachment: ReferenceAttachment): boolean {
    return attachment.importerOps?.invalidate !== undefined;
  }

  protected *callAttach(attachment: ReferenceAttachment): Generator<Suspension, Errno, unknown> {
    const { buffer } = attachment;
    if (buffer.ops.attach === undefined) return 0;
    return (yield* settle<Errno | void>(buffer.ops.attach(buffer, attachment))) ?? 0;
  }

  protected *callDetach(attachment: ReferenceAttachment): Generator<Suspension, void, unknown> {
    const { buffer } = attachment;
    if (buffer.ops.detach !== undefined) yield* settle(buffer.ops.detach(buffer, attachment));
  }

  /** 6.12: one side cannot cope with moves, so a table is made now, while no lock of the importer is held. */
  protected isCachedAtAttach(attachment: ReferenceAttachment): boolean {
    return (
      this.env.profile.cachesAtAttach && this.isDynamicAttachment(attachment) !== this.isDynamic(attachment.buffer)
    );
  }

  /** The second half of attach in 6.12. On an error the caller detaches, by then without pin and table. */
  protected *mapAtAttach(attachment: ReferenceAttachment): Generator<Suspension, Errno, unknown> {
    const { buffer } = attachment;
    yield* this.env.lock(buffer.resv);
    const errno = yield* this.pinAndCache(attachment);
    yield* this.env.unlock(buffer.resv);
    return errno;
  }

  protected *pinAndCache(attachment: ReferenceAttachment): Generator<Suspension, Errno, unknown> {
    const dynamic = this.isDynamic(attachment.buffer);
    if (dynamic) {
      const errno = yield* this.callPin(attachment);
      if (errno !== 0) return errno;
    }
    const table = yield* this.mapAndWait(attachment, "bidirectional");
    if (typeof table !== "number") {
      this.cacheTable(attachment, table, "bidirectional");
      return 0;
    }
    if (dynamic) yield* this.callUnpin(attachment);
    return table;
  }

  /** Detach in 6.12: what the core mapped and pinned goes while the attachment is still listed. */
  protected *dropCachedTable(attachment: ReferenceAttachment): Generator<Suspension, void, unknown> {
    const table = attachment.cachedTable;
    if (table === null) return;
    attachment.cachedTable = null;
    yield* this.callUnmap(attachment, table, attachment.cachedDirection);
    if (this.isDynamic(attachment.buffer)) yield* this.callUnpin(attachment);
  }

  /** Lock held. */
  protected listAdd(attachment: ReferenceAttachment): void {
    const { buffer } = attachment;
    buffer.attachments = [attachment, ...buffer.attachments];
    attachment.listed = true;
    this.env.traceListed(attachment, true);
  }

  /** Lock held. False: it was not listed. */
  protected listDel(attachment: ReferenceAttachment): boolean {
    if (!attachment.listed) {
      this.env.warn("kernel stops: an attachment is detached that is on no list");
      return false;
    }
    const { buffer } = attachment;
    buffer.attachments = buffer.attachments.filter((other) => other !== attachment);
    attachment.listed = false;
    this.env.traceListed(attachment, false);
    return true;
  }
}
