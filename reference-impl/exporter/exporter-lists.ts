import type { Errno } from "../../spec/errno.ts";
import { EBUSY, ENODEV, EOPNOTSUPP } from "../../spec/errno.ts";
import { modelPromises } from "../../spec/roles/mapping-model.ts";
import type { Attachment, Device, DmaBuf } from "../../spec/roles/handles.ts";
import type { Guest, MappingModel, PhysicalList } from "../../spec/roles/negotiation.ts";
import type { Suspension } from "../../spec/roles/suspendable.ts";
import { type BufferObject, objectOf, ownObject, stateOf } from "./buffer-object.ts";
import { ExporterRevocation } from "./exporter-revocation.ts";

/**
 * Memory of a device as lists of physical ranges, for importers with tables of their own (2025 and 2026 RFCs): shared, or
 * private to one guest; writable, or not. Everything it offers can be revoked, as its device can be reset.
 */
export abstract class ExporterLists extends ExporterRevocation {
  override readonly models: readonly MappingModel[] = ["physical", "recoverable", "revocable"];

  override match(buffer: DmaBuf, device: Device, model: MappingModel, allowPeer2peer: boolean): Errno {
    const object = objectOf(buffer);
    if (object.revoked) return ENODEV;
    if (modelPromises[model].type === "physical") return isMmio(object) ? 0 : EOPNOTSUPP;
    return super.match(buffer, device, model, allowPeer2peer);
  }

  /** Lock held, memory ready when its KERNEL fences are signaled. */
  mapPhysical(attachment: Attachment): PhysicalList | Errno {
    const object = objectOf(attachment.buffer);
    const state = stateOf(attachment);
    if (object.revoked) return ENODEV;
    if (!isMmio(object)) return EOPNOTSUPP;
    if (state.list !== null) return EBUSY;
    const { backing } = object;
    object.maps += 1;
    backing.maps += 1;
    state.list = backing;
    return { storage: backing.storage, write: !object.readOnly, owner: object.guest, mmio: true };
  }

  unmapPhysical(attachment: Attachment): void {
    const state = stateOf(attachment);
    const { list } = state;
    if (list === null) {
      this.env.warn("kernel stops: a physical list is unmapped that is not mapped");
      return;
    }
    state.list = null;
    objectOf(attachment.buffer).maps -= 1;
    list.maps -= 1;
    this.freeIfUnused(list);
  }

  /** As long as nobody has it. */
  *makePrivate(buffer: DmaBuf, owner: Guest): Generator<Suspension, Errno, unknown> {
    const object = ownObject(buffer);
    if (object === null) return ENODEV;
    yield* this.env.lock(buffer.resv);
    const free = object.maps === 0 && isMmio(object);
    if (free) object.guest = owner;
    yield* this.env.unlock(buffer.resv);
    return free ? 0 : EBUSY;
  }

  /** The right is gone for everybody when this returns: who has it mapped is told, and asks anew. */
  *restrict(buffer: DmaBuf, write: boolean): Generator<Suspension, Errno, unknown> {
    const object = ownObject(buffer);
    if (object === null) return ENODEV;
    yield* this.env.lock(buffer.resv);
    const narrower = !object.readOnly && !write;
    object.readOnly = !write;
    if (narrower) yield* this.announceRight(buffer);
    yield* this.env.unlock(buffer.resv);
    return 0;
  }

  protected *announceRight(buffer: DmaBuf): Generator<Suspension, void, unknown> {
    yield* this.env.invalidate(buffer);
  }
}

/** Memory of the device, which has no pages. */
function isMmio(object: BufferObject): boolean {
  return object.backing.storage.placement === "device";
}
