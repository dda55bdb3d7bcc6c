import type { Errno } from "../../spec/errno.ts";
import { EBADFD, ENODEV, EOPNOTSUPP } from "../../spec/errno.ts";
import type { Attachment, DmaBuf } from "../../spec/roles/handles.ts";
import type { Suspension } from "../../spec/roles/suspendable.ts";
import { type BufferObject, objectOf, ownObject } from "./buffer-object.ts";
import { DynamicExporter } from "./dynamic-exporter.ts";

/** Taking access to one buffer away and giving it back (`drivers/vfio/pci/vfio_pci_dmabuf.c`, `vfio_pci_dma_buf_move`). */
export abstract class ExporterRevocation extends DynamicExporter {
  /** Whether the memory of the device can be reached. Under the mutex. */
  protected memoryOn = true;

  /** Advisory, as it is made without the lock: map tests again. */
  override attach(buffer: DmaBuf, attachment: Attachment): Errno {
    if (objectOf(buffer).revoked) return ENODEV;
    // Who cannot be told would make a revoke wait for ever.
    if (this.env.profile.synchronousRevoke && !this.env.isRevocable(attachment)) return EOPNOTSUPP;
    return super.attach(buffer, attachment);
  }

  /** Up to 7.0 it is here that those are kept out who cannot be told: for them a pin is a promise without an end. */
  override *pin(attachment: Attachment): Generator<Suspension, Errno, unknown> {
    if (this.env.profile.hasRevoke && attachment.importerOps?.invalidate === undefined) return EOPNOTSUPP;
    return yield* super.pin(attachment);
  }

  /** Takes access away until unrevoke; nothing happens where it is gone already. ENODEV: not, or no longer, of this device. */
  *revoke(buffer: DmaBuf): Generator<Suspension, Errno, unknown> {
    const object = yield* this.hold(buffer);
    if (object === null) return ENODEV;
    const { linked } = object;
    if (linked) yield* this.revokeObject(buffer, object, false);
    yield* this.drop(buffer);
    return linked ? 0 : ENODEV;
  }

  /** ENODEV also where the memory cannot be reached, or never will be. */
  *unrevoke(buffer: DmaBuf): Generator<Suspension, Errno, unknown> {
    const object = yield* this.hold(buffer);
    if (object === null) return ENODEV;
    const allowed = object.linked && this.memoryOn && !object.revokedForever;
    if (allowed) yield* this.unrevokeObject(buffer, object);
    yield* this.drop(buffer);
    return allowed ? 0 : ENODEV;
  }

  /** A user's request. ENODEV: not, or no longer, of this device; EBADFD: made before. */
  *revokeForever(buffer: DmaBuf): Generator<Suspension, Errno, unknown> {
    const object = yield* this.hold(buffer);
    if (object === null) return ENODEV;
    const errno = this.checkRevokeForever(object);
    if (errno === 0) yield* this.revokeObject(buffer, object, true);
    yield* this.drop(buffer);
    return errno;
  }

  protected checkRevokeForever(object: BufferObject): Errno {
    if (!this.objects.has(object)) return ENODEV;
    return object.revokedForever ? EBADFD : 0;
  }

  protected override startsRevoked(): boolean {
    return !this.memoryOn;
  }

  /** Buffer and mutex, in this order: whoever drops the last reference must not hold the mutex that release wants. */
  protected *hold(buffer: DmaBuf): Generator<Suspension, BufferObject | null, unknown> {
    const object = ownObject(buffer);
    if (object === null) return null;
    yield* this.env.getRef(buffer);
    yield* this.env.lockMutex(this.mutex);
    return object;
  }

  protected *drop(buffer: DmaBuf): Generator<Suspension, void, unknown> {
    yield* this.env.unlockMutex(this.mutex);
    yield* this.env.put(buffer);
  }

  /** Mutex held. From 7.1 all access has ended when it returns; before, importers only know that it should. */
  protected *revokeObject(
    buffer: DmaBuf,
    object: BufferObject,
    forever: boolean,
  ): Generator<Suspension, void, unknown> {
    yield* this.env.lock(buffer.resv);
    const done = object.revoked;
    if (forever) object.revokedForever = true;
    if (!done) {
      this.setRevoked(object);
      this.env.zapMappings(buffer);
      yield* this.announce(buffer, object);
      if (this.env.profile.synchronousRevoke) yield* this.waitAccess(buffer);
    }
    yield* this.env.unlock(buffer.resv);
    if (!done && this.env.profile.synchronousRevoke) yield* this.waitUnmaps(buffer, object);
  }

  /** Mutex held. Flag and message in one hold: who tries again because of the message finds access given back. */
  protected *unrevokeObject(buffer: DmaBuf, object: BufferObject): Generator<Suspension, void, unknown> {
    yield* this.env.lock(buffer.resv);
    if (object.revoked && !object.revokedForever) {
      object.revoked = false;
      yield* this.env.invalidate(buffer);
    }
    yield* this.env.unlock(buffer.resv);
  }

  /** Before the message: no mapping may slip in behind it. */
  protected setRevoked(object: BufferObject): void {
    object.revoked = true;
  }

  /** The first wait, in the hold of flag and message so that no fence can be added between. */
  protected *waitAccess(buffer: DmaBuf): Generator<Suspension, void, unknown> {
    yield* this.env.waitFences(buffer.resv, "bookkeep");
  }

  /** The second wait, without the lock, which importers need to unmap. The count starts from zero again by itself. */
  protected *waitUnmaps(buffer: DmaBuf, object: BufferObject): Generator<Suspension, void, unknown> {
    yield* this.env.waitUnmapped(buffer, () => object.maps === 0);
  }
}
