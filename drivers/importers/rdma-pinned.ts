import type { ImporterOps } from "../../spec/roles/handles.ts";
import { RdmaUmem } from "./rdma-umem.ts";

/**
 * `ib_umem_dmabuf_get_pinned`: keeps its memory as long as its user wants. From 7.1 it attaches without the callback and is
 * refused by whoever revokes; before, the core wanted a callback, and `ib_umem_dmabuf_unsupported_move_notify` only warns.
 */
export class RdmaPinned extends RdmaUmem {
  protected readonly ops: ImporterOps = this.env.profile.callbackOptional
    ? { allowPeer2peer: true }
    : { allowPeer2peer: true, invalidate: () => undefined };
}
