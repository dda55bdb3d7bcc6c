import type { Errno } from "../../spec/errno.ts";
import { EAGAIN, EFAULT, EINVAL, ENODEV, EPERM } from "../../spec/errno.ts";
import type { Env, Mutex, PageTable } from "../../spec/roles/env.ts";
import type { Attachment, Device, DmaBuf, ImporterOps } from "../../spec/roles/handles.ts";
import { pageSize } from "../../spec/roles/handles.ts";
import type { Guest, PhysicalList } from "../../spec/roles/negotiation.ts";
import type { Suspension } from "../../spec/roles/suspendable.ts";
import { DynamicImporter } from "./dynamic-importer.ts";

const faultRounds = 8;

/** A slice of a buffer in the memory of a guest. */
export class GuestSlot {
  readonly offset: number;
  readonly length: number;
  readonly owner: Guest;
  readonly table: PageTable;
  attachment: Attachment | null = null;
  /** Under the reservation lock. */
  list: PhysicalList | null = null;
  /** Invalidations under way, and how many there were. Under the lock of the guest's tables. */
  running = 0;
  sequence = 0;
  closing = false;
  users = 0;

  constructor(env: Env, offset: number, length: number, owner: Guest) {
    this.offset = offset;
    this.length = length;
    this.owner = owner;
    this.table = env.createPageTable();
  }
}

/**
 * An importer that shows memory of a device to guests (2025 RFC, "KVM: Support vfio_dmabuf backed MMIO region"), with the
 * physical lists of the 2026 RFC. Its tables have a lock of their own: it counts invalidations as
 * `include/linux/kvm_host.h` (`mmu_invalidate_retry`) says.
 */
export class GuestImporter extends DynamicImporter {
  protected readonly mmuLock: Mutex = this.env.createMutex("guestMmu", "mmu");
  protected readonly slotOps: ImporterOps = {
    allowPeer2peer: true,
    invalidate: (attachment) => this.takenBack(attachment),
  };

  *bindSlot(
    buffer: DmaBuf,
    device: Device,
    offset: number,
    length: number,
    owner: Guest,
  ): Generator<Suspension, GuestSlot | Errno, unknown> {
    if (!this.fits(buffer, offset, length)) return EINVAL;
    yield* this.env.getRef(buffer);
    const slot = new GuestSlot(this.env, offset, length, owner);
    this.env.zap(slot.table, 0, Math.ceil(length / pageSize));
    const attachment = yield* this.env.negotiate(buffer, device, this.slotOps, ["physical"], slot);
    if (typeof attachment === "number") {
      yield* this.env.put(buffer);
      return attachment;
    }
    slot.attachment = attachment;
    return slot;
  }

  protected fits(buffer: DmaBuf, offset: number, length: number): boolean {
    return offset + length <= buffer.size;
  }

  *unbindSlot(slot: GuestSlot): Generator<Suspension, void, unknown> {
    const { attachment } = slot;
    if (attachment === null || slot.closing) return;
    slot.closing = true;
    yield* this.env.wait({ kind: "other", what: "users of the slot" }, () => slot.users === 0);
    const { buffer } = attachment;
    yield* this.env.lock(buffer.resv);
    yield* this.takeOut(slot, attachment);
    yield* this.env.unlock(buffer.resv);
    yield* this.env.detach(buffer, attachment);
    yield* this.env.put(buffer);
  }

  *guestAccess(
    slot: GuestSlot,
    page: number,
    write: boolean,
    isPrivate: boolean,
  ): Generator<Suspension, Errno, unknown> {
    const { attachment } = slot;
    if (attachment === null || slot.closing) return ENODEV;
    slot.users += 1;
    let errno: Errno = EAGAIN;
    for (let round = 0; round < faultRounds && errno === EAGAIN; round += 1)
      errno = yield* this.faultOnce(slot, attachment, page, write, isPrivate);
    if (errno === 0) this.env.touchPage(slot.table, page, write ? "write" : "read");
    slot.users -= 1;
    return errno;
  }

  /** EAGAIN: the memory was taken back since it was looked up. */
  protected *faultOnce(
    slot: GuestSlot,
    attachment: Attachment,
    page: number,
    write: boolean,
    isPrivate: boolean,
  ): Generator<Suspension, Errno, unknown> {
    const { sequence } = slot;
    const list = yield* this.lookUp(slot, attachment);
    if (typeof list === "number") return list === ENODEV ? EFAULT : list;
    const refused = this.check(slot, list, write, isPrivate);
    if (refused !== 0) return refused;
    yield* this.env.lockMutex(this.mmuLock);
    const errno = this.hasChanged(slot, sequence) ? EAGAIN : 0;
    if (errno === 0) {
      const offset = slot.offset + page * pageSize;
      this.env.install(slot.table, page, { via: "physical", storage: list.storage, offset }, list.write);
    }
    yield* this.env.unlockMutex(this.mmuLock);
    return errno;
  }

  /** The list, when the memory is ready. */
  protected *lookUp(slot: GuestSlot, attachment: Attachment): Generator<Suspension, PhysicalList | Errno, unknown> {
    const { resv } = attachment.buffer;
    yield* this.env.lock(resv);
    const list = slot.list ?? (yield* this.env.mapPhysical(attachment));
    if (typeof list !== "number") {
      slot.list = list;
      yield* this.env.waitFences(resv, "kernel");
    }
    yield* this.env.unlock(resv);
    return list;
  }

  /** What the guest asks for against what the memory is: user space decides, not we. */
  protected check(slot: GuestSlot, list: PhysicalList, write: boolean, isPrivate: boolean): Errno {
    if (isPrivate !== (list.owner !== null)) return EFAULT;
    if (list.owner !== null && list.owner !== slot.owner) return EPERM;
    return write && !list.write ? EFAULT : 0;
  }

  /** Lock of the tables held. */
  protected hasChanged(slot: GuestSlot, sequence: number): boolean {
    return slot.running > 0 || slot.sequence !== sequence;
  }

  /** The callback. */
  protected *takenBack(attachment: Attachment): Generator<Suspension, void, unknown> {
    const slot = attachment.importerPriv;
    if (slot instanceof GuestSlot) yield* this.takeOut(slot, attachment);
  }

  /** Reservation lock held. No entry is made from the beginning to the end of it. */
  protected *takeOut(slot: GuestSlot, attachment: Attachment): Generator<Suspension, void, unknown> {
    yield* this.env.lockMutex(this.mmuLock);
    slot.running += 1;
    yield* this.env.unlockMutex(this.mmuLock);
    this.env.zap(slot.table, 0, Math.ceil(slot.length / pageSize));
    yield* this.env.point("tlb-flush");
    if (slot.list !== null) {
      slot.list = null;
      yield* this.env.unmapPhysical(attachment);
    }
    yield* this.env.lockMutex(this.mmuLock);
    slot.sequence += 1;
    slot.running -= 1;
    yield* this.env.unlockMutex(this.mmuLock);
  }
}
