import type { ImporterOps } from "../../spec/roles/handles.ts";
import type { Suspension } from "../../spec/roles/suspendable.ts";
import { RdmaUmem, type Umem } from "./rdma-umem.ts";

/**
 * `ib_umem_dmabuf_get_pinned_revocable_and_lock`, in the stable tree of 6.12 and from 7.1, as irdma uses it: the first
 * invalidate is the end. One that comes before creation has the lock marks the object all the same; the pin taken
 * afterwards is then never dropped.
 */
export class RdmaPinnedRevocable extends RdmaUmem {
  protected readonly ops: ImporterOps = {
    allowPeer2peer: true,
    invalidate: (attachment) => this.revokeLocked(attachment.importerPriv as Umem, attachment),
  };

  /** `ib_umem_dmabuf_revoke`: the user ends its use and keeps the object. */
  *stop(umem: Umem): Generator<Suspension, void, unknown> {
    if (umem.attach === null || umem.released) return;
    const { resv } = umem.attach.buffer;
    yield* this.env.lock(resv);
    yield* this.revokeLocked(umem, umem.attach);
    yield* this.env.unlock(resv);
  }
}
