import type { Errno } from "../../spec/errno.ts";
import { EINVAL, EIO } from "../../spec/errno.ts";
import type { Env } from "../../spec/roles/env.ts";
import type { Attachment, Device, Direction, DmaBuf, ImporterOps, SgTable } from "../../spec/roles/handles.ts";
import type { Importer, JobUse } from "../../spec/roles/importer.ts";
import type { Suspension } from "../../spec/roles/suspendable.ts";
import { allowsAccess } from "./direction.ts";

/** `struct ib_umem_dmabuf` and the memory key over it. */
export class Umem {
  readonly direction: Direction;
  /** Null until attach has returned. */
  attach: Attachment | null = null;
  /** The next three: under the reservation lock. */
  sgt: SgTable | null = null;
  pinned = false;
  revoked = false;
  /** The key works: peers may use it at any time. */
  key = false;
  released = false;

  constructor(direction: Direction) {
    this.direction = direction;
  }
}

/**
 * The pinned side of `drivers/infiniband/core/umem_dmabuf.c`, and a driver that registers a memory key over it. What
 * differs is which callback it attaches with.
 */
export abstract class RdmaUmem implements Importer {
  protected readonly env: Env;
  protected abstract readonly ops: ImporterOps;

  constructor(env: Env) {
    this.env = env;
  }

  /** `ib_umem_dmabuf_get` and `ib_umem_dmabuf_get_pinned_and_lock`, then the registration. */
  *import(buffer: DmaBuf, device: Device, direction: Direction): Generator<Suspension, Umem | Errno, unknown> {
    const { env } = this;
    if (direction === "none") return EINVAL;
    yield* env.getRef(buffer);
    const umem = new Umem(direction);
    const attach = yield* env.attach(buffer, device, this.ops, umem);
    if (typeof attach === "number") {
      yield* env.put(buffer);
      return attach;
    }
    umem.attach = attach;
    yield* env.lock(buffer.resv);
    const errno = (yield* this.pin(umem, attach)) || (yield* this.mapPages(umem, attach));
    if (errno === 0) umem.key = true;
    yield* env.unlock(buffer.resv);
    if (errno === 0) return umem;
    yield* this.releaseUmem(umem, attach);
    return errno;
  }

  /** A peer uses the key. Without a wait: nothing can go between the look at the key and the access. */
  submit(uses: readonly JobUse[]): Errno {
    for (const { import: umem, kind } of uses)
      if (!(umem instanceof Umem) || umem.released || !allowsAccess(umem.direction, kind)) return EINVAL;
    let errno = 0;
    for (const { import: umem, kind } of uses) errno ||= this.useKey(umem as Umem, kind);
    return errno;
  }

  /** Deregistration. */
  *release(umem: Umem): Generator<Suspension, void, unknown> {
    if (umem.attach === null || umem.released) return;
    umem.released = true;
    yield* this.releaseUmem(umem, umem.attach);
  }

  /** `ib_umem_dmabuf_release`: the same end as that of a revoke, once. */
  protected *releaseUmem(umem: Umem, attach: Attachment): Generator<Suspension, void, unknown> {
    const { env } = this;
    const { buffer } = attach;
    yield* env.lock(buffer.resv);
    yield* this.revokeLocked(umem, attach);
    yield* env.unlock(buffer.resv);
    yield* env.detach(buffer, attach);
    yield* env.put(buffer);
  }

  /**
   * `ib_umem_dmabuf_revoke_locked`: stops the hardware, unmaps, unpins. It may run before there is anything to undo; what
   * creation then takes, nobody gives back.
   */
  protected *revokeLocked(umem: Umem, attach: Attachment): Generator<Suspension, void, unknown> {
    const { env } = this;
    if (umem.revoked) return;
    if (umem.key) env.stopDevice(attach);
    umem.key = false;
    if (umem.sgt !== null) yield* env.unmap(attach, umem.sgt, umem.direction);
    umem.sgt = null;
    if (umem.pinned) yield* env.unpin(attach);
    umem.pinned = false;
    umem.revoked = true;
  }

  private *pin(umem: Umem, attach: Attachment): Generator<Suspension, Errno, unknown> {
    const errno = yield* this.env.pin(attach);
    umem.pinned = errno === 0;
    return errno;
  }

  /** `ib_umem_dmabuf_map_pages`. Waits for the exporter's moves, which no signal ends. */
  private *mapPages(umem: Umem, attach: Attachment): Generator<Suspension, Errno, unknown> {
    const { env } = this;
    if (umem.revoked) return EINVAL;
    const table = yield* env.map(attach, umem.direction);
    if (typeof table === "number") return table;
    umem.sgt = table;
    yield* env.waitFences(attach.buffer.resv, "kernel");
    return 0;
  }

  private useKey(umem: Umem, kind: JobUse["kind"]): Errno {
    if (!umem.key || umem.attach === null || umem.sgt === null) return EINVAL;
    return this.env.access(umem.attach, umem.sgt, kind) === "fault" ? EIO : 0;
  }
}
