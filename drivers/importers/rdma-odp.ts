import type { Errno } from "../../spec/errno.ts";
import { EAGAIN, EFAULT, EINVAL, ENOENT, EPERM } from "../../spec/errno.ts";
import type { Env, PageTable } from "../../spec/roles/env.ts";
import type { Attachment, Device, Direction, DmaBuf, ImporterOps, SgTable } from "../../spec/roles/handles.ts";
import { pageSize } from "../../spec/roles/handles.ts";
import type { Importer, JobUse } from "../../spec/roles/importer.ts";
import type { MappingModel } from "../../spec/roles/negotiation.ts";
import type { Suspension } from "../../spec/roles/suspendable.ts";
import { allowsAccess } from "./direction.ts";

/** Pages that one update of the device's table writes; those of larger buffers come in parts, which keeps runs short. */
const updatePages = 64;

/** Rounds after which the device gives an operation up. */
const rounds = 16;

/** What it can live with: memory that moves, as the device faults, or memory that stays. */
const accepted: readonly MappingModel[] = ["dynamicPeer", "dynamic", "pinned"];

/** `struct mlx5_ib_mr` over `struct ib_umem_dmabuf`. */
class MemoryRegion {
  readonly direction: Direction;
  /** The translation of the device. */
  readonly table: PageTable;
  /** Null until attach has returned. */
  attach: Attachment | null = null;
  /** The next two: under the reservation lock. */
  sgt: SgTable | null = null;
  pinned = false;
  /** In `odp_mkeys`: faults find it. */
  known = true;
  /** Page-fault handlers at work. */
  handlers = 0;

  constructor(direction: Direction, table: PageTable) {
    this.direction = direction;
    this.table = table;
  }
}

/**
 * RDMA with paging on demand: `pagefault_dmabuf_mr` and `mlx5_ib_fence_dmabuf_mr` (`drivers/infiniband/hw/mlx5/odp.c`),
 * `mlx5_ib_dmabuf_invalidate_cb` (`mr.c`), `ib_umem_dmabuf_map_pages` (`core/umem_dmabuf.c`), 6.12 to 7.2. An exporter
 * that names its models is asked whether the memory stays or moves; from what stays the region is filled once, pinned.
 */
export class RdmaOdp implements Importer {
  private readonly env: Env;
  private readonly ops: ImporterOps = {
    allowPeer2peer: true,
    invalidate: (attachment) => this.invalidate(attachment),
  };

  constructor(env: Env) {
    this.env = env;
  }

  /** `reg_user_mr_dmabuf`. */
  *import(buffer: DmaBuf, device: Device, direction: Direction): Generator<Suspension, MemoryRegion | Errno, unknown> {
    const { env } = this;
    if (direction === "none") return EINVAL;
    yield* env.getRef(buffer);
    const mr = new MemoryRegion(direction, env.createPageTable());
    env.zap(mr.table, 0, pagesOf(buffer));
    const attach = yield* this.attach(buffer, device, mr);
    if (typeof attach === "number") {
      yield* env.put(buffer);
      return attach;
    }
    mr.attach = attach;
    const stays = attach.importerOps?.model === "pinned";
    // mlx5_ib_init_dmabuf_mr: the first fault, before anybody has the key.
    const errno = stays ? yield* this.pinAndFill(mr, attach) : yield* this.pagefault(mr, attach, 0);
    if (errno === 0) return mr;
    yield* this.destroy(mr, attach);
    return errno;
  }

  /** The device works on its own, and resumes where its fault was served. */
  *submit(uses: readonly JobUse[]): Generator<Suspension, Errno, unknown> {
    for (const { import: mr, kind } of uses)
      if (!(mr instanceof MemoryRegion) || !mr.known || !allowsAccess(mr.direction, kind)) return EINVAL;
    for (const { import: mr, kind } of uses) {
      const errno = yield* this.work(mr as MemoryRegion, kind);
      if (errno !== 0) return errno;
    }
    return 0;
  }

  /** `mlx5_ib_pfault`: the errors end the operation, EAGAIN lets it fault again. */
  *fault(mr: MemoryRegion, page: number, write: boolean): Generator<Suspension, Errno, unknown> {
    const { attach } = mr;
    if (attach === null || !mr.known) return ENOENT;
    if (write && !allowsAccess(mr.direction, "write")) return EPERM;
    if (page >= pagesOf(attach.buffer)) return EFAULT;
    mr.handlers += 1;
    const errno = yield* this.pagefault(mr, attach, page);
    mr.handlers -= 1;
    return errno;
  }

  /** `mlx5_ib_prefetch_sg_list`. */
  *prefetch(mr: MemoryRegion, start: number, pages: number, write: boolean): Generator<Suspension, Errno, unknown> {
    for (let page = start; page < start + pages; page += 1) {
      const errno = yield* this.fault(mr, page, write);
      if (errno !== 0) return errno;
    }
    return 0;
  }

  /** `mlx5_ib_dereg_mr`. */
  *release(mr: MemoryRegion): Generator<Suspension, void, unknown> {
    if (mr.attach === null || !mr.known) return;
    yield* this.destroy(mr, mr.attach);
  }

  private *attach(
    buffer: DmaBuf,
    device: Device,
    mr: MemoryRegion,
  ): Generator<Suspension, Attachment | Errno, unknown> {
    const { env } = this;
    if (env.modelsOf(buffer).length === 0) return yield* env.attach(buffer, device, this.ops, mr);
    return yield* env.negotiate(buffer, device, this.ops, accepted, mr);
  }

  /** `ib_umem_dmabuf_get_pinned`. */
  private *pinAndFill(mr: MemoryRegion, attach: Attachment): Generator<Suspension, Errno, unknown> {
    const { env } = this;
    const { resv } = attach.buffer;
    yield* env.lock(resv);
    let errno = yield* env.pin(attach);
    mr.pinned = errno === 0;
    if (errno === 0) errno = yield* this.fillHeld(mr, attach, 0);
    yield* env.unlock(resv);
    return errno;
  }

  /** `pagefault_dmabuf_mr`: from the map to the update no invalidate comes between. */
  private *pagefault(mr: MemoryRegion, attach: Attachment, page: number): Generator<Suspension, Errno, unknown> {
    const { resv } = attach.buffer;
    yield* this.env.lock(resv);
    const errno = yield* this.fillHeld(mr, attach, page);
    yield* this.env.unlock(resv);
    return errno;
  }

  private *fillHeld(mr: MemoryRegion, attach: Attachment, page: number): Generator<Suspension, Errno, unknown> {
    const { env } = this;
    if (mr.sgt === null) {
      const sgt = yield* env.map(attach, mr.direction);
      if (typeof sgt === "number") return sgt;
      mr.sgt = sgt;
    }
    // Not to be interrupted. A fence that fails is no reason to refuse.
    yield* env.waitFences(attach.buffer.resv, "kernel");
    this.updatePas(mr, attach, mr.sgt, page);
    return 0;
  }

  /** `mlx5r_umr_update_mr_pas`. */
  private updatePas(mr: MemoryRegion, { buffer, device }: Attachment, { segments }: SgTable, page: number): void {
    const write = allowsAccess(mr.direction, "write");
    const first = page - (page % updatePages);
    let passed = 0;
    for (const { address, length } of segments) {
      const pages = Math.ceil(length / pageSize);
      const end = Math.min(passed + pages, first + updatePages, pagesOf(buffer));
      for (let at = Math.max(first, passed); at < end; at += 1)
        this.env.install(mr.table, at, { via: "address", device, address: address + (at - passed) * pageSize }, write);
      passed += pages;
    }
  }

  private *work(mr: MemoryRegion, kind: JobUse["kind"]): Generator<Suspension, Errno, unknown> {
    for (let round = 0; round < rounds; round += 1) {
      if (!mr.known) return ENOENT;
      if (this.env.touchPage(mr.table, 0, kind) === "ok") return 0;
      const errno = yield* this.fault(mr, 0, kind === "write");
      if (errno !== 0) return errno;
    }
    return EAGAIN;
  }

  /** `mlx5_ib_dmabuf_invalidate_cb`. Nothing is mapped before the first fault. */
  private *invalidate(attachment: Attachment): Generator<Suspension, void, unknown> {
    const mr = attachment.importerPriv as MemoryRegion;
    if (mr.sgt !== null) yield* this.unmapPages(mr, attachment);
  }

  /** The translations first, then `ib_umem_dmabuf_unmap_pages`. Lock held. */
  private *unmapPages(mr: MemoryRegion, attach: Attachment): Generator<Suspension, void, unknown> {
    const { sgt } = mr;
    this.env.zap(mr.table, 0, pagesOf(attach.buffer));
    mr.sgt = null;
    if (sgt !== null) yield* this.env.unmap(attach, sgt, mr.direction);
  }

  /** `mlx5_ib_fence_dmabuf_mr`, `ib_umem_dmabuf_release`. */
  private *destroy(mr: MemoryRegion, attach: Attachment): Generator<Suspension, void, unknown> {
    const { env } = this;
    const { buffer } = attach;
    mr.known = false;
    yield* env.wait({ kind: "other", what: "page-fault handlers" }, () => mr.handlers === 0);
    yield* env.lock(buffer.resv);
    yield* this.unmapPages(mr, attach);
    if (mr.pinned) yield* env.unpin(attach);
    mr.pinned = false;
    yield* env.unlock(buffer.resv);
    yield* env.detach(buffer, attach);
    yield* env.put(buffer);
  }
}

function pagesOf({ size }: DmaBuf): number {
  return Math.ceil(size / pageSize);
}
