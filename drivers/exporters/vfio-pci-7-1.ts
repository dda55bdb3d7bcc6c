import type { Errno } from "../../spec/errno.ts";
import { ENODEV, EOPNOTSUPP } from "../../spec/errno.ts";
import type { Attachment, Direction, DmaBuf, SgTable } from "../../spec/roles/handles.ts";
import type { Suspension } from "../../spec/roles/suspendable.ts";
import { privOf, VfioPciCore, type VfioPciDmaBuf } from "./vfio-pci-core.ts";

/**
 * `drivers/vfio/pci/vfio_pci_dmabuf.c` of 7.1, the same in 7.2: a revoke waits until all access is over. There is no pin
 * hook, so pinning does nothing, and attach is the only barrier for importers that cannot let go.
 */
export class VfioPci71 extends VfioPciCore {
  /** `vfio_pci_dma_buf_attach`. Without the lock: map tests again. */
  attach(buffer: DmaBuf, attachment: Attachment): Errno {
    if (!attachment.peer2peer) return EOPNOTSUPP;
    if (privOf(buffer).revoked) return ENODEV;
    return this.env.isRevocable(attachment) ? 0 : EOPNOTSUPP;
  }

  override map(attachment: Attachment, direction: Direction): SgTable | Errno {
    const table = super.map(attachment, direction);
    if (typeof table !== "number") privOf(attachment.buffer).kref += 1;
    return table;
  }

  override unmap(attachment: Attachment, table: SgTable, direction: Direction): void {
    super.unmap(attachment, table, direction);
    privOf(attachment.buffer).kref -= 1;
  }

  /** Buffers first, then the function. */
  *close(): Generator<Suspension, void, unknown> {
    if (this.closed) return;
    this.closed = true;
    yield* this.cleanup();
    // vfio_pci_core_disable.
    this.writeCommand(false);
  }

  /**
   * The loop body of `vfio_pci_dma_buf_move`. Back to accessible it tells importers while they are still refused, lets go
   * of the lock and only then clears the flag: who maps at once because it was told fails, and is not told again.
   */
  protected *moveBuffer(buffer: DmaBuf, priv: VfioPciDmaBuf, revoked: boolean): Generator<Suspension, void, unknown> {
    const { env } = this;
    if (priv.revoked === revoked) return;
    yield* env.lock(buffer.resv);
    if (revoked) priv.revoked = true;
    yield* env.invalidate(buffer);
    yield* env.waitFences(buffer.resv, "bookkeep");
    yield* env.unlock(buffer.resv);
    if (revoked) {
      priv.kref -= 1;
      yield* env.waitUnmapped(buffer, () => priv.kref === 0);
      // Armed again at once: an unrevoke with a new map may follow, or the cleanup.
      priv.kref = 1;
    } else {
      yield* env.lock(buffer.resv);
      priv.revoked = false;
      yield* env.unlock(buffer.resv);
    }
  }

  /** `vfio_pci_dma_buf_cleanup`: what is revoked already is left alone; what is off the list stays revoked. */
  private *cleanup(): Generator<Suspension, void, unknown> {
    const { env } = this;
    yield* env.lockMutex(this.memoryLock);
    yield* this.moveDmaBufs(true);
    for (const buffer of yield* this.active()) {
      const priv = privOf(buffer);
      this.dmabufs.delete(priv);
      priv.vdev = false;
      env.give(priv.registration);
      yield* env.put(buffer);
    }
    yield* env.unlockMutex(this.memoryLock);
  }
}
