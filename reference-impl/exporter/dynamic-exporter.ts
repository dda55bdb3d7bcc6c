import type { Errno } from "../../spec/errno.ts";
import { EBUSY, EINTR, EINVAL, ENODEV, EOPNOTSUPP, ERESTARTSYS } from "../../spec/errno.ts";
import { modelPromises } from "../../spec/roles/mapping-model.ts";
import type { Exporter } from "../../spec/roles/exporter.ts";
import type { Attachment, Device, Direction, DmaBuf, SgTable } from "../../spec/roles/handles.ts";
import type { MappingModel } from "../../spec/roles/negotiation.ts";
import type { Suspension } from "../../spec/roles/suspendable.ts";
import { AttachmentState, type BufferObject, objectOf, stateOf } from "./buffer-object.ts";
import { ExporterVmas } from "./exporter-vmas.ts";
import { canServe } from "./mapped-table.ts";

/**
 * An exporter that moves memory between system and device and can pin it, as
 * `drivers/gpu/drm/amd/amdgpu/amdgpu_dma_buf.c` and `drivers/gpu/drm/xe/xe_dma_buf.c`. It never revokes.
 */
export class DynamicExporter extends ExporterVmas implements Exporter {
  /** It never takes memory away for good; where it stays suits it least. */
  readonly models: readonly MappingModel[] = ["dynamicPeer", "dynamic", "pinned"];

  match(buffer: DmaBuf, device: Device, model: MappingModel, allowPeer2peer: boolean): Errno {
    const object = objectOf(buffer);
    const inDevice = isInDevice(object);
    if (modelPromises[model].peer) return this.matchPeer(object, device);
    if (modelPromises[model].stability === "L3") return 0;
    return inDevice && !allowPeer2peer ? EOPNOTSUPP : 0;
  }

  /** Peer addresses need a way from device to device. */
  protected matchPeer(object: BufferObject, device: Device): Errno {
    return this.refusesPeer(object, device, object.ranges !== null) === 0 ? 0 : EOPNOTSUPP;
  }

  /** Takes what the attachment needs until detach. Refuses a device that cannot reach where the buffer is pinned. */
  attach(buffer: DmaBuf, attachment: Attachment): Errno {
    const object = objectOf(buffer);
    if (object.buffer === null) return ENODEV;
    const { device } = attachment;
    if (!canServe(device, object.size)) return EOPNOTSUPP;
    const stays = object.ranges !== null;
    if (attachment.peer2peer && this.refusesPeer(object, device, stays) !== 0) attachment.peer2peer = false;
    // What can move is in RAM sooner or later.
    if (stays ? !attachment.peer2peer : !this.servesRam(device, object)) return EOPNOTSUPP;
    const nonPeer = !attachment.peer2peer;
    if (nonPeer && object.pins > 0 && isInDevice(object)) return EBUSY;
    const fixed = isFixed(attachment);
    // It cannot be brought to the device later: it is not to move.
    if (fixed && nonPeer && isInDevice(object)) return EBUSY;
    attachment.priv = new AttachmentState(this.env.take("power"), nonPeer, fixed);
    if (nonPeer) object.nonPeers += 1;
    if (fixed) object.agreements += 1;
    return 0;
  }

  /** Goes by what attach wrote down, not by the flag as it is now. */
  detach(buffer: DmaBuf, attachment: Attachment): void {
    const state = stateOf(attachment);
    if (state.nonPeer) objectOf(buffer).nonPeers -= 1;
    if (state.fixed) objectOf(buffer).agreements -= 1;
    this.env.give(state.power);
  }

  /** Lock held. On success the memory is in place, ready, and reached by everybody attached. */
  *pin(attachment: Attachment): Generator<Suspension, Errno, unknown> {
    const { buffer } = attachment;
    const object = objectOf(buffer);
    if (object.revoked) return ENODEV;
    // A device that attached during the wait knew of no pin yet: it has to be reached as well.
    do {
      const errno = (yield* this.placeForPin(buffer, object)) || (yield* this.waitReady(buffer));
      if (errno !== 0) return errno;
    } while (this.isOutOfReach(object));
    object.pins += 1;
    stateOf(attachment).pins += 1;
    return 0;
  }

  /** Lock held. One attachment cannot drop the pin of another. */
  unpin(attachment: Attachment): void {
    const state = stateOf(attachment);
    if (state.pins === 0) return;
    state.pins -= 1;
    objectOf(attachment.buffer).pins -= 1;
  }

  /** Lock held. The result shows the location of now; work on it in flight is covered by KERNEL fences. */
  *map(attachment: Attachment, direction: Direction): Generator<Suspension, SgTable | Errno, unknown> {
    const { buffer } = attachment;
    const object = objectOf(buffer);
    if (direction === "none") return EINVAL;
    if (object.revoked) return ENODEV;
    if (isInDevice(object) && stateOf(attachment).nonPeer) {
      const errno = this.isMovable(object) ? yield* this.relocate(buffer, object, "system") : EBUSY;
      if (errno !== 0) return errno;
    }
    return this.mapTable(object, attachment, direction);
  }

  /** Reading device memory is slow: the data comes to the CPU where it can, and is read where it is where it cannot. */
  override *beginCpu(buffer: DmaBuf, direction: Direction): Generator<Suspension, Errno, unknown> {
    yield* this.moveToReader(buffer, direction);
    return yield* super.beginCpu(buffer, direction);
  }

  protected *moveToReader(buffer: DmaBuf, direction: Direction): Generator<Suspension, void, unknown> {
    if (direction !== "fromDevice" && direction !== "bidirectional") return;
    const object = objectOf(buffer);
    yield* this.env.lock(buffer.resv);
    if (isInDevice(object) && !object.revoked && this.isMovable(object)) yield* this.relocate(buffer, object, "system");
    yield* this.env.unlock(buffer.resv);
  }

  protected override *pinForKernel(buffer: DmaBuf, object: BufferObject): Generator<Suspension, Errno, unknown> {
    if (object.revoked) return ENODEV;
    // From here on it cannot move, so it goes where every device reaches it. If it cannot, it is good where it is.
    if (isInDevice(object) && this.isMovable(object)) yield* this.relocate(buffer, object, "system");
    return yield* super.pinForKernel(buffer, object);
  }

  /** Whether somebody attached, or just attaching, cannot reach the memory where it is. */
  protected isOutOfReach(object: BufferObject): boolean {
    return isInDevice(object) && object.nonPeers > 0;
  }

  /** Device memory only if all who are attached, or are just attaching, are peers. Never EBUSY: the placement is our choice. */
  protected *placeForPin(buffer: DmaBuf, object: BufferObject): Generator<Suspension, Errno, unknown> {
    if (!this.isOutOfReach(object)) return 0;
    if (!this.isMovable(object)) return EINVAL;
    return yield* this.relocate(buffer, object, "system");
  }

  /** Waits for moves and clears under way. The lock stays held, so nothing new begins meanwhile. */
  protected *waitReady(buffer: DmaBuf): Generator<Suspension, Errno, unknown> {
    const left = yield* this.env.waitFences(buffer.resv, "kernel", true);
    if (left >= 0) return 0;
    return left === -ERESTARTSYS ? EINTR : -left;
  }
}

function isInDevice(object: BufferObject): boolean {
  return object.backing.storage.placement === "device";
}

/** Whether it was agreed that the memory stays where it is, but for a revoke. */
function isFixed({ importerOps }: Attachment): boolean {
  const model = importerOps?.model;
  return model !== undefined && modelPromises[model].stability !== "L3";
}
