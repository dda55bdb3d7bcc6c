import type { Errno } from "../../spec/errno.ts";
import { ENODEV, EOPNOTSUPP } from "../../spec/errno.ts";
import type { Attachment, DmaBuf, FileDescriptor } from "../../spec/roles/handles.ts";
import type { Suspension } from "../../spec/roles/suspendable.ts";
import { privOf, VfioPciCore, type VfioPciDmaBuf } from "./vfio-pci-core.ts";

/** `drivers/vfio/pci/vfio_pci_dmabuf.c` of 6.19: a revoke is a flag and a message, and waits for nobody. */
export class VfioPci619 extends VfioPciCore {
  /** `vfio_pci_dma_buf_attach`. */
  attach(buffer: DmaBuf, attachment: Attachment): Errno {
    if (!attachment.peer2peer) return EOPNOTSUPP;
    return privOf(buffer).revoked ? ENODEV : 0;
  }

  /** `vfio_pci_dma_buf_pin`: keeps out who cannot let go, as the core pins for them. */
  pin(): Errno {
    return EOPNOTSUPP;
  }

  /** `vfio_pci_dma_buf_unpin`. */
  unpin(): void {}

  /** The rest of `vfio_pci_core_feature_dma_buf`. A failure runs on into the labels for a buffer that was never made. */
  *requestFd(buffer: DmaBuf, closeOnExec: boolean): Generator<Suspension, FileDescriptor | Errno, unknown> {
    const { env } = this;
    const fd = yield* env.exportFd(buffer, closeOnExec);
    if (typeof fd !== "number") return fd;
    yield* env.put(buffer);
    // err_dev_put: release does this too.
    env.give(privOf(buffer).registration);
    return fd;
  }

  /** Function off first, then the buffers. */
  *close(): Generator<Suspension, void, unknown> {
    if (this.closed) return;
    this.closed = true;
    // vfio_pci_core_disable.
    this.writeCommand(false);
    yield* this.env.point("disabled");
    yield* this.cleanup();
  }

  /** Flag and message in one hold, in both directions. */
  protected *moveBuffer(buffer: DmaBuf, priv: VfioPciDmaBuf, revoked: boolean): Generator<Suspension, void, unknown> {
    const { env } = this;
    if (priv.revoked === revoked) return;
    yield* env.lock(buffer.resv);
    priv.revoked = revoked;
    yield* env.invalidate(buffer);
    yield* env.unlock(buffer.resv);
  }

  /** `vfio_pci_dma_buf_cleanup`: tells also those who have been told. */
  private *cleanup(): Generator<Suspension, void, unknown> {
    const { env } = this;
    yield* env.lockMutex(this.memoryLock);
    for (const buffer of yield* this.active()) {
      const priv = privOf(buffer);
      yield* env.lock(buffer.resv);
      this.dmabufs.delete(priv);
      priv.vdev = false;
      priv.revoked = true;
      yield* env.invalidate(buffer);
      yield* env.unlock(buffer.resv);
      env.give(priv.registration);
      yield* env.put(buffer);
    }
    yield* env.unlockMutex(this.memoryLock);
  }
}
