import type { Errno } from "../../spec/errno.ts";
import { EBUSY, EINVAL, ENOMEM } from "../../spec/errno.ts";
import type { Direction, SgTable } from "../../spec/roles/handles.ts";
import type { Suspension } from "../../spec/roles/suspendable.ts";
import { settle } from "../settle.ts";
import type { ReferenceAttachment } from "./buffer.ts";
import { BufferPinning } from "./pinning.ts";

/** Mapping for devices (`dma_buf_map_attachment`, `dma_buf_unmap_attachment` and their unlocked forms). */
export abstract class BufferMapping extends BufferPinning {
  /** `dma_buf_map_attachment`. */
  *map(attachment: ReferenceAttachment | null, direction: Direction): Generator<Suspension, SgTable | Errno, unknown> {
    if (attachment === null) return this.refuseNoAttachment("mapped");
    this.assertHeld(attachment.buffer, "a buffer is mapped");
    // Only the functions of the type that was agreed on serve an attachment.
    if (attachment.importerOps?.model === "physical") return EINVAL;
    if (attachment.cachedTable !== null) return this.mapCached(attachment, attachment.cachedTable, direction);
    const pinned = this.isPinnedOnMap(attachment);
    if (pinned) {
      const errno = yield* this.pinOnMap(attachment);
      if (errno !== 0) return errno;
    }
    const table = yield* this.mapAndWait(attachment, direction);
    if (typeof table === "number") {
      if (pinned) yield* this.callUnpin(attachment);
      return table;
    }
    if (this.env.profile.cacheSgtMapping && attachment.buffer.ops.cacheSgtMapping === true)
      this.cacheTable(attachment, table, direction);
    return table;
  }

  /** `dma_buf_unmap_attachment`. */
  *unmap(
    attachment: ReferenceAttachment | null,
    table: SgTable,
    direction: Direction,
  ): Generator<Suspension, void, unknown> {
    if (attachment === null) {
      this.refuseNoAttachment("unmapped");
      return;
    }
    this.assertHeld(attachment.buffer, "a buffer is unmapped");
    if (attachment.cachedTable === table) return;
    yield* this.callUnmap(attachment, table, direction);
    if (this.isPinnedOnMap(attachment)) yield* this.callUnpin(attachment);
  }

  /** `dma_buf_map_attachment_unlocked`. */
  *mapUnlocked(
    attachment: ReferenceAttachment | null,
    direction: Direction,
  ): Generator<Suspension, SgTable | Errno, unknown> {
    if (attachment === null) return this.refuseNoAttachment("mapped");
    const { resv } = attachment.buffer;
    yield* this.env.lock(resv);
    const table = yield* this.map(attachment, direction);
    yield* this.env.unlock(resv);
    return table;
  }

  /** `dma_buf_unmap_attachment_unlocked`. */
  *unmapUnlocked(
    attachment: ReferenceAttachment | null,
    table: SgTable,
    direction: Direction,
  ): Generator<Suspension, void, unknown> {
    if (attachment === null) {
      this.refuseNoAttachment("unmapped");
      return;
    }
    const { resv } = attachment.buffer;
    yield* this.env.lock(resv);
    yield* this.unmap(attachment, table, direction);
    yield* this.env.unlock(resv);
  }

  /** The exporter's hook, and for those who know nothing of fences the wait for the memory to be ready (`__map_dma_buf`). */
  protected *mapAndWait(
    attachment: ReferenceAttachment,
    direction: Direction,
  ): Generator<Suspension, SgTable | Errno, unknown> {
    const table = yield* this.callMap(attachment, direction);
    if (typeof table === "number" || this.isDynamicAttachment(attachment)) return table;
    const errno = yield* this.waitKernel(attachment);
    if (errno === 0) return table;
    yield* this.callUnmap(attachment, table, direction);
    return errno;
  }

  /** A hook that gives neither a table nor an error has no memory left. */
  protected *callMap(
    attachment: ReferenceAttachment,
    direction: Direction,
  ): Generator<Suspension, SgTable | Errno, unknown> {
    const table = yield* settle<SgTable | Errno | null>(attachment.buffer.ops.map(attachment, direction));
    return table === null || table === 0 ? ENOMEM : table;
  }

  protected *callUnmap(
    attachment: ReferenceAttachment,
    table: SgTable,
    direction: Direction,
  ): Generator<Suspension, void, unknown> {
    yield* settle(attachment.buffer.ops.unmap(attachment, table, direction));
  }

  /** With the lock held, without a limit. A fence that ends with an error is over all the same. */
  protected *waitKernel(attachment: ReferenceAttachment): Generator<Suspension, Errno, unknown> {
    const left = yield* this.env.waitFences(attachment.buffer.resv, "kernel", true);
    return left < 0 ? -left : 0;
  }

  protected mapCached(attachment: ReferenceAttachment, table: SgTable, direction: Direction): SgTable | Errno {
    const cached = attachment.cachedDirection;
    return cached === direction || cached === "bidirectional" ? table : EBUSY;
  }

  protected cacheTable(attachment: ReferenceAttachment, table: SgTable, direction: Direction): void {
    attachment.cachedTable = table;
    attachment.cachedDirection = direction;
  }

  protected refuseNoAttachment(what: string): Errno {
    this.env.warn(`no attachment is named to be ${what}`);
    return EINVAL;
  }
}
