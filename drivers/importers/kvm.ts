import type { Errno } from "../../spec/errno.ts";
import { EAGAIN, EFAULT, EINVAL, ENODEV, EOPNOTSUPP, EPERM } from "../../spec/errno.ts";
import type { Env, Mutex, PageTable } from "../../spec/roles/env.ts";
import type { Attachment, Device, DmaBuf, ImporterOps } from "../../spec/roles/handles.ts";
import { pageSize } from "../../spec/roles/handles.ts";
import type { Importer } from "../../spec/roles/importer.ts";
import type { Guest, PhysicalList } from "../../spec/roles/negotiation.ts";
import type { Suspension } from "../../spec/roles/suspendable.ts";

/** Retries of a fault before the guest is let go on without one; it faults again at once. */
const retries = 8;

/** `struct kvm_memory_slot` over a dma-buf. */
class MemorySlot {
  readonly pages: number;
  readonly owner: Guest;
  /** What the guest's page table has for it. */
  readonly table: PageTable;
  attach: Attachment | null = null;
  /** Under the reservation lock. */
  list: PhysicalList | null = null;
  live = true;
  /** Fault handlers at work (`slots` held by SRCU). */
  handlers = 0;

  constructor(pages: number, owner: Guest, table: PageTable) {
    this.pages = pages;
    this.owner = owner;
    this.table = table;
  }
}

/**
 * KVM with slots over dma-bufs of device memory: `virt/kvm/vfio_dmabuf.c` and the fault path of the RFC of January 2025,
 * over the retry protocol of `kvm_main.c` (`mmu_invalidate_seq`, `is_page_fault_stale`). Where the RFC asks for a PFN
 * without an end, this takes the list of the 2026 RFC and gives it back in the callback.
 */
export class Kvm implements Importer {
  private readonly env: Env;
  private readonly mmuLock: Mutex;
  /** The next two: under `mmu_lock`. */
  private invalidateSeq = 0;
  private invalidating = 0;
  private readonly ops: ImporterOps = {
    allowPeer2peer: true,
    invalidate: (attachment) => this.moveNotify(attachment),
  };

  constructor(env: Env) {
    this.env = env;
    this.mmuLock = env.createMutex("mmu_lock", "mmu_lock");
  }

  /** It has no use for DMA. */
  import(): Errno {
    return EOPNOTSUPP;
  }

  release(): void {}

  /** `kvm_vfio_dmabuf_bind`: all of a buffer, from its start. */
  *bindSlot(
    buffer: DmaBuf,
    device: Device,
    offset: number,
    length: number,
    owner: Guest,
  ): Generator<Suspension, MemorySlot | Errno, unknown> {
    const { env } = this;
    if (offset !== 0 || length !== buffer.size) return EINVAL;
    yield* env.getRef(buffer);
    const slot = new MemorySlot(Math.ceil(length / pageSize), owner, env.createPageTable());
    env.zap(slot.table, 0, slot.pages);
    const attach = yield* env.negotiate(buffer, device, this.ops, ["physical"], slot);
    if (typeof attach === "number") {
      yield* env.put(buffer);
      return attach;
    }
    slot.attach = attach;
    return slot;
  }

  /** `kvm_vfio_dmabuf_unbind`, after the slot's entries are gone (`kvm_arch_flush_shadow_memslot`). */
  *unbindSlot(slot: MemorySlot): Generator<Suspension, void, unknown> {
    const { env } = this;
    const { attach } = slot;
    if (attach === null || !slot.live) return;
    slot.live = false;
    yield* env.wait({ kind: "other", what: "fault handlers of the slot" }, () => slot.handlers === 0);
    const { buffer } = attach;
    yield* env.lock(buffer.resv);
    yield* this.unmapRange(slot, attach);
    yield* env.unlock(buffer.resv);
    yield* env.detach(buffer, attach);
    yield* env.put(buffer);
  }

  /** `kvm_mmu_page_fault`. */
  *guestAccess(
    slot: MemorySlot,
    page: number,
    write: boolean,
    isPrivate: boolean,
  ): Generator<Suspension, Errno, unknown> {
    const { attach } = slot;
    if (attach === null || !slot.live) return ENODEV;
    slot.handlers += 1;
    let errno: Errno = EAGAIN;
    for (let round = 0; round < retries && errno === EAGAIN; round += 1)
      errno = yield* this.faultOnce(slot, attach, page, write, isPrivate);
    if (errno === 0) this.env.touchPage(slot.table, page, write ? "write" : "read");
    slot.handlers -= 1;
    return errno;
  }

  /** `kvm_tdp_mmu_page_fault`: look up, take `mmu_lock`, look whether it still holds, install. EAGAIN: `RET_PF_RETRY`. */
  private *faultOnce(
    slot: MemorySlot,
    attach: Attachment,
    page: number,
    write: boolean,
    isPrivate: boolean,
  ): Generator<Suspension, Errno, unknown> {
    const { env } = this;
    const sequence = this.invalidateSeq;
    const list = yield* this.getPfn(slot, attach);
    // kvm_mmu_prepare_memory_fault_exit, for all that user space may mend.
    if (typeof list === "number") return EFAULT;
    if (isPrivate !== (list.owner !== null)) return EFAULT;
    if (list.owner !== null && list.owner !== slot.owner) return EPERM;
    if (write && !list.write) return EFAULT;
    yield* env.lockMutex(this.mmuLock);
    const isStale = this.invalidating > 0 || this.invalidateSeq !== sequence;
    if (!isStale)
      env.install(slot.table, page, { via: "physical", storage: list.storage, offset: page * pageSize }, list.write);
    yield* env.unlockMutex(this.mmuLock);
    return isStale ? EAGAIN : 0;
  }

  /** `kvm_vfio_dmabuf_get_pfn`. What moves is waited for; VFIO, for which it was written, does not move. */
  private *getPfn(slot: MemorySlot, attach: Attachment): Generator<Suspension, PhysicalList | Errno, unknown> {
    const { env } = this;
    const { resv } = attach.buffer;
    yield* env.lock(resv);
    const list = slot.list ?? (yield* env.mapPhysical(attach));
    if (typeof list !== "number") {
      slot.list = list;
      yield* env.waitFences(resv, "kernel");
    }
    yield* env.unlock(resv);
    return list;
  }

  /** `kv_dmabuf_move_notify`. Reservation lock held. */
  private *moveNotify(attachment: Attachment): Generator<Suspension, void, unknown> {
    yield* this.unmapRange(attachment.importerPriv as MemorySlot, attachment);
  }

  /** Begin, `kvm_mmu_unmap_gfn_range`, flush and end, all under `mmu_lock`. */
  private *unmapRange(slot: MemorySlot, attach: Attachment): Generator<Suspension, void, unknown> {
    const { env } = this;
    yield* env.lockMutex(this.mmuLock);
    this.invalidating += 1;
    env.zap(slot.table, 0, slot.pages);
    yield* env.point("tlb-flush");
    this.invalidateSeq += 1;
    this.invalidating -= 1;
    yield* env.unlockMutex(this.mmuLock);
    if (slot.list === null) return;
    slot.list = null;
    yield* env.unmapPhysical(attach);
  }
}
