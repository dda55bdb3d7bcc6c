import type { Errno } from "../../spec/errno.ts";
import { EINVAL, EIO, ENODEV } from "../../spec/errno.ts";
import type { AccessKind, Env, Mutex } from "../../spec/roles/env.ts";
import type { Attachment, Device, Direction, DmaBuf, ImporterOps, SgTable } from "../../spec/roles/handles.ts";
import type { Importer, JobUse } from "../../spec/roles/importer.ts";
import type { Suspension } from "../../spec/roles/suspendable.ts";
import { allowsAccess } from "./direction.ts";

/** `struct iopt_pages` of a dma-buf. */
class IoptPages {
  readonly direction: Direction;
  readonly mutex: Mutex;
  attach: Attachment | null = null;
  /** The range; null before it is known and once it is revoked. Under the mutex. */
  phys: SgTable | null = null;
  /** The domain translates to it (`dmabuf.tracker`). Under the mutex. */
  tracked = false;
  released = false;

  constructor(direction: Direction, mutex: Mutex) {
    this.direction = direction;
    this.mutex = mutex;
  }
}

/**
 * iommufd, which puts a buffer into a guest's address space: `drivers/iommu/iommufd/pages.c`, 6.19 to 7.2. There the
 * range comes from a private query to VFIO; here from a map in its place, in the same hold of the lock.
 */
export class Iommufd implements Importer {
  private readonly env: Env;
  private made = 0;
  private readonly ops: ImporterOps = {
    allowPeer2peer: true,
    invalidate: (attachment) => this.revokeNotify(attachment.importerPriv as IoptPages, attachment),
  };

  constructor(env: Env) {
    this.env = env;
  }

  /** `iopt_map_dmabuf`, then `iopt_area_fill_domains`. */
  *import(buffer: DmaBuf, device: Device, direction: Direction): Generator<Suspension, IoptPages | Errno, unknown> {
    const { env } = this;
    if (direction === "none") return EINVAL;
    yield* env.getRef(buffer);
    const pages = new IoptPages(direction, env.createMutex("iopt_pages", `pages${(this.made += 1)}`));
    const attach = yield* env.attach(buffer, device, this.ops, pages);
    if (typeof attach === "number") {
      yield* env.put(buffer);
      return attach;
    }
    yield* env.lock(buffer.resv);
    const errno = yield* this.pinAndQuery(pages, attach);
    yield* env.unlock(buffer.resv);
    if (errno !== 0) {
      yield* env.detach(buffer, attach);
      yield* env.put(buffer);
      return errno;
    }
    pages.attach = attach;
    yield* this.fillDomain(pages);
    return pages;
  }

  /** A device of the guest uses the range. Once that is revoked the area is a hole, and its DMA faults. */
  submit(uses: readonly JobUse[]): Errno {
    for (const { import: pages, kind } of uses)
      if (!(pages instanceof IoptPages) || pages.released || !allowsAccess(pages.direction, kind)) return EINVAL;
    let errno = 0;
    for (const { import: pages, kind } of uses) errno ||= this.dma(pages as IoptPages, kind);
    return errno;
  }

  /** `iopt_area_unfill_domains` and `iopt_release_pages`: the pin is dropped here in every case, under the lock. */
  *release(pages: IoptPages): Generator<Suspension, void, unknown> {
    const { env } = this;
    const { attach } = pages;
    if (attach === null || pages.released) return;
    pages.released = true;
    const { buffer } = attach;
    yield* env.lock(buffer.resv);
    yield* this.revokeNotify(pages, attach);
    yield* env.unpin(attach);
    yield* env.unlock(buffer.resv);
    yield* env.detach(buffer, attach);
    yield* env.put(buffer);
  }

  /** Lock held. With an errno there is no pin. */
  private *pinAndQuery(pages: IoptPages, attach: Attachment): Generator<Suspension, Errno, unknown> {
    const { env } = this;
    const errno = yield* env.pin(attach);
    if (errno !== 0) return errno;
    const phys = yield* env.map(attach, pages.direction);
    if (typeof phys === "number") {
      yield* env.unpin(attach);
      return phys;
    }
    // What only an exporter that moves can have left; VFIO has none.
    yield* env.waitFences(attach.buffer.resv, "kernel");
    pages.phys = phys;
    return 0;
  }

  /** `iopt_area_fill_domain`: outside the reservation lock, so what is revoked by now becomes an empty success. */
  private *fillDomain(pages: IoptPages): Generator<Suspension, void, unknown> {
    yield* this.env.lockMutex(pages.mutex);
    pages.tracked = pages.phys !== null;
    yield* this.env.unlockMutex(pages.mutex);
  }

  /** `iopt_revoke_notify`: out of the domain before it returns, and forgotten. Without a range yet there is nothing to lose. */
  private *revokeNotify(pages: IoptPages, attach: Attachment): Generator<Suspension, void, unknown> {
    const { env } = this;
    yield* env.lockMutex(pages.mutex);
    const { phys } = pages;
    if (phys !== null) {
      env.stopDevice(attach);
      pages.tracked = false;
      pages.phys = null;
      yield* env.unmap(attach, phys, pages.direction);
    }
    yield* env.unlockMutex(pages.mutex);
  }

  private dma(pages: IoptPages, kind: AccessKind): Errno {
    if (pages.attach === null) return ENODEV;
    if (!pages.tracked || pages.phys === null) return EIO;
    return this.env.access(pages.attach, pages.phys, kind) === "fault" ? EIO : 0;
  }
}
