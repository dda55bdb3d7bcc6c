import type { Errno } from "../../spec/errno.ts";
import { EBUSY } from "../../spec/errno.ts";
import type { Suspension } from "../../spec/roles/suspendable.ts";
import { settle } from "../settle.ts";
import type { ReferenceAttachment, ReferenceBuffer } from "./buffer.ts";
import { BufferDescriptors } from "./descriptors.ts";

/** Pins by importers and by the core on their behalf (`dma_buf_pin`, `dma_buf_unpin`, `dma_buf_pin_on_map`). */
export abstract class BufferPinning extends BufferDescriptors {
  protected warnedBusy = false;

  /** `dma_buf_pin`. */
  *pin(attachment: ReferenceAttachment): Generator<Suspension, Errno, unknown> {
    if (!this.isDynamicAttachment(attachment)) this.env.warn("a static attachment is pinned explicitly");
    this.assertHeld(attachment.buffer, "a buffer is pinned");
    return yield* this.callPin(attachment);
  }

  /** `dma_buf_unpin`. */
  *unpin(attachment: ReferenceAttachment): Generator<Suspension, void, unknown> {
    if (!this.isDynamicAttachment(attachment)) this.env.warn("a static attachment is unpinned explicitly");
    this.assertHeld(attachment.buffer, "a buffer is unpinned");
    yield* this.callUnpin(attachment);
  }

  /** `dma_buf_is_dynamic`. */
  protected isDynamic(buffer: ReferenceBuffer): boolean {
    return buffer.ops.pin !== undefined;
  }

  /** `dma_buf_attachment_is_dynamic`. */
  protected isDynamicAttachment(attachment: ReferenceAttachment): boolean {
    return attachment.importerOps !== null;
  }

  /** `dma_buf_pin_on_map`: who is not told of a move has to be kept from it. */
  protected isPinnedOnMap(attachment: ReferenceAttachment): boolean {
    return (
      this.isDynamic(attachment.buffer) &&
      (!this.isDynamicAttachment(attachment) || this.env.profile.moveNotify === "off")
    );
  }

  protected *pinOnMap(attachment: ReferenceAttachment): Generator<Suspension, Errno, unknown> {
    const errno = yield* this.callPin(attachment);
    if (errno === EBUSY && !this.env.profile.cachesAtAttach) this.warnBusy();
    return errno;
  }

  /** Once per boot: an exporter let in attachments that keep it from where the memory is. */
  protected warnBusy(): void {
    if (this.warnedBusy) return;
    this.warnedBusy = true;
    this.env.warn("an exporter is too busy to pin for an attachment that it accepted");
  }

  protected *callPin(attachment: ReferenceAttachment): Generator<Suspension, Errno, unknown> {
    const { ops } = attachment.buffer;
    if (ops.pin === undefined) return 0;
    return (yield* settle<Errno | void>(ops.pin(attachment))) ?? 0;
  }

  protected *callUnpin(attachment: ReferenceAttachment): Generator<Suspension, void, unknown> {
    const { ops } = attachment.buffer;
    if (ops.unpin !== undefined) yield* settle(ops.unpin(attachment));
  }

  /** `dma_resv_assert_held`: reports and goes on. `what` is what was done without the lock. */
  protected assertHeld(buffer: ReferenceBuffer, what: string): void {
    if (!this.env.isLockedByMe(buffer.resv))
      this.env.warn(`${what} without the lock of its reservation object held by this task`);
  }
}
