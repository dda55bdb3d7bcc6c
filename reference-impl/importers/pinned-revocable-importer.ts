import type { Errno } from "../../spec/errno.ts";
import { EINVAL } from "../../spec/errno.ts";
import type { Attachment, ImporterOps } from "../../spec/roles/handles.ts";
import type { Suspension } from "../../spec/roles/suspendable.ts";
import { PinnedImport, PinnedImporter } from "./pinned-importer.ts";

/**
 * A pinned importer that lets go when it is told, once and for good, as
 * `ib_umem_dmabuf_get_pinned_revocable_and_lock` in `drivers/infiniband/core/umem_dmabuf.c` (7.1).
 */
export class PinnedRevocableImporter extends PinnedImporter {
  protected override readonly ops: ImporterOps = {
    allowPeer2peer: true,
    invalidate: (attachment) => this.invalidate(attachment),
  };

  /** The user ends its own use and keeps the object. */
  *stop(imported: PinnedImport): Generator<Suspension, void, unknown> {
    const { attachment } = imported;
    if (attachment === null || imported.closing) return;
    const { resv } = attachment.buffer;
    imported.users += 1;
    yield* this.env.lock(resv);
    yield* this.end(imported, attachment);
    yield* this.env.unlock(resv);
    imported.users -= 1;
  }

  /** A dead key: -EINVAL as the RDMA core says it. */
  protected override deadErrno(): Errno {
    return EINVAL;
  }

  /**
   * The callback. Looks at nothing but the attachment, as it may come before attach has returned. Without pin and
   * mapping there is nothing to lose yet: creation finds out under the lock whether it can still have them.
   */
  protected *invalidate(attachment: Attachment): Generator<Suspension, void, unknown> {
    const imported = attachment.importerPriv;
    if (imported instanceof PinnedImport) yield* this.end(imported, attachment);
  }
}
