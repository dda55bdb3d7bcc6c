import type { Errno } from "../../spec/errno.ts";
import { EBUSY, ENODEV, EOPNOTSUPP } from "../../spec/errno.ts";
import type { DmaBuf, Fence, Placement } from "../../spec/roles/handles.ts";
import type { Suspension } from "../../spec/roles/suspendable.ts";
import { type Backing, type BufferObject, ownObject } from "./buffer-object.ts";
import { CopyJob } from "./copy-job.ts";
import { ExporterCpu } from "./exporter-cpu.ts";

/** Relocation of storage, pipelined as `drivers/gpu/drm/ttm/ttm_bo_util.c` (`ttm_bo_move_accel_cleanup`) does it. */
export abstract class ExporterMoves extends ExporterCpu {
  /** Relocates a buffer: EBUSY while something holds it in its place, ENODEV while it is revoked or if it is not ours. */
  *move(buffer: DmaBuf, placement: Placement): Generator<Suspension, Errno, unknown> {
    const object = ownObject(buffer);
    if (object === null) return ENODEV;
    yield* this.env.getRef(buffer);
    yield* this.env.lock(buffer.resv);
    const errno = yield* this.moveLocked(buffer, object, placement);
    yield* this.env.unlock(buffer.resv);
    yield* this.env.put(buffer);
    return errno;
  }

  /** Memory pressure. */
  evict(buffer: DmaBuf): Generator<Suspension, Errno, unknown> {
    return this.move(buffer, "system");
  }

  protected *moveLocked(
    buffer: DmaBuf,
    object: BufferObject,
    placement: Placement,
  ): Generator<Suspension, Errno, unknown> {
    if (object.revoked) return ENODEV;
    if (object.ranges !== null) return EOPNOTSUPP;
    if (!this.isMovable(object)) return EBUSY;
    return yield* this.relocate(buffer, object, placement);
  }

  /** Neither pinned nor mapped for somebody who cannot be told, the kernel included. */
  protected isMovable(object: BufferObject): boolean {
    return (
      object.pins === 0 &&
      object.fixedMaps === 0 &&
      object.kernelMaps === 0 &&
      object.agreements === 0 &&
      object.ranges === null
    );
  }

  /** Lock held. Fails before anything but the mappings has changed. */
  protected *relocate(
    buffer: DmaBuf,
    object: BufferObject,
    placement: Placement,
  ): Generator<Suspension, Errno, unknown> {
    const backing = this.makeBacking(object.size, placement, object.shared);
    if (typeof backing === "number") return backing;
    yield* this.announce(buffer, object);
    // Only now, as the callbacks may have added fences and used up slots.
    const accesses = yield* this.env.getFences(buffer.resv, "bookkeep");
    if (typeof accesses === "number") {
      this.freeBacking(backing);
      return accesses;
    }
    const errno = this.env.reserveFences(buffer.resv, 1);
    if (errno !== 0) {
      for (const fence of accesses) this.env.fencePut(fence);
      this.freeBacking(backing);
      return errno;
    }
    this.switchStorage(buffer, object, backing, accesses);
    return 0;
  }

  /** Lock held: everybody who has the memory mapped hears that it moves. */
  protected *announce(buffer: DmaBuf, _object: BufferObject): Generator<Suspension, void, unknown> {
    yield* this.env.invalidate(buffer);
  }

  /** From here nothing fails: the copy is published and queued, and the new storage is where the buffer is. */
  protected switchStorage(buffer: DmaBuf, object: BufferObject, backing: Backing, accesses: readonly Fence[]): void {
    const old = object.backing;
    const copy = this.createCopy(object, old);
    this.publishCopy(buffer, copy);
    object.backing = backing;
    this.env.zapMappings(buffer);
    this.env.setStorage(buffer, backing.storage);
    old.retired = true;
    copy.start(accesses);
  }

  /** The copy reads the old storage last, after all accesses to it: its end is the end of them all. */
  protected createCopy(object: BufferObject, old: Backing): CopyJob {
    if (object.copyContext === 0) object.copyContext = this.env.fenceContextAlloc(1);
    object.copySeqno += 1n;
    return new CopyJob(this.env, object.owner, object.copyContext, object.copySeqno, () => this.accessesOver(old));
  }

  protected publishCopy(buffer: DmaBuf, copy: CopyJob): void {
    this.env.addFence(buffer.resv, copy.fence, "kernel");
  }
}
