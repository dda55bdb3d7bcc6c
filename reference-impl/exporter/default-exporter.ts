import type { Errno } from "../../spec/errno.ts";
import { EINVAL, ENODEV } from "../../spec/errno.ts";
import { regionSize, type Exporter, type ExportRequest } from "../../spec/roles/exporter.ts";
import { pageSize, type DmaBuf } from "../../spec/roles/handles.ts";
import type { Suspension } from "../../spec/roles/suspendable.ts";
import { BufferObject, objectOf } from "./buffer-object.ts";
import { ExporterLists } from "./exporter-lists.ts";

/**
 * The exporter of the reference: moves, pins and revokes, and survives what its device goes through
 * (`drivers/vfio/pci/vfio_pci_core.c` and `vfio_pci_dmabuf.c` of 7.1, without their known holes).
 */
export class DefaultExporter extends ExporterLists implements Exporter {
  /** Under the mutex. */
  protected closed = false;

  /** A buffer over ranges of a BAR (`vfio_pci_core_feature_dma_buf`). */
  *exportRegion(request: ExportRequest): Generator<Suspension, DmaBuf | Errno, unknown> {
    return yield* this.export(request);
  }

  /** Function reset: nobody reaches the memory while it lasts, and afterwards whoever could before. */
  *reset(): Generator<Suspension, Errno, unknown> {
    yield* this.env.lockMutex(this.mutex);
    if (this.closed) return yield* this.refuseClosed();
    const held = yield* this.holdAll();
    yield* this.revokeAll(held, false);
    if (this.memoryOn) {
      this.env.setDeviceMemory(false);
      yield* this.env.point("reset");
      this.env.setDeviceMemory(true);
      yield* this.unrevokeAll(held);
    }
    yield* this.env.unlockMutex(this.mutex);
    yield* this.dropAll(held);
    return 0;
  }

  /** Memory decode. Off: revoked before. On: given back after. */
  *setMemory(on: boolean): Generator<Suspension, Errno, unknown> {
    yield* this.env.lockMutex(this.mutex);
    if (this.closed) return yield* this.refuseClosed();
    const held = yield* this.holdAll();
    if (on) {
      this.switchMemory(true);
      yield* this.unrevokeAll(held);
    } else {
      yield* this.revokeAll(held, false);
      this.switchMemory(false);
    }
    yield* this.env.unlockMutex(this.mutex);
    yield* this.dropAll(held);
    return 0;
  }

  /** The device goes away (`vfio_pci_dma_buf_cleanup`). A buffer without references is left to its release. */
  *close(): Generator<Suspension, void, unknown> {
    yield* this.env.lockMutex(this.mutex);
    if (this.closed) {
      yield* this.env.unlockMutex(this.mutex);
      return;
    }
    this.closed = true;
    const held = yield* this.holdAll();
    yield* this.revokeAll(held, true);
    this.switchMemory(false);
    for (const buffer of held) yield* this.cutLoose(buffer, objectOf(buffer));
    if (this.device !== null) this.env.providerGone(this.device);
    yield* this.env.unlockMutex(this.mutex);
    yield* this.dropAll(held);
  }

  protected override checkRequest(request: ExportRequest): Errno {
    if (this.closed) return ENODEV;
    return super.checkRequest(request) || this.checkRegion(request);
  }

  /** `validate_dmabuf_input`, `vfio_pci_core_fill_phys_vec`. The end of each range, not its start, has to be inside. */
  protected checkRegion({ ranges, flags = 0, device }: ExportRequest): Errno {
    if (ranges === undefined) return 0;
    if (flags !== 0 || ranges.length === 0) return EINVAL;
    for (const { offset, length } of ranges) {
      if (length === 0 || offset % pageSize !== 0 || length % pageSize !== 0) return EINVAL;
      if (!this.isInside(offset, length)) return EINVAL;
    }
    return device.traits.bar === "absent" || device.traits.bar === "io" ? ENODEV : 0;
  }

  protected isInside(offset: number, length: number): boolean {
    return offset + length <= regionSize;
  }

  protected *refuseClosed(): Generator<Suspension, Errno, unknown> {
    yield* this.env.unlockMutex(this.mutex);
    return ENODEV;
  }

  protected switchMemory(on: boolean): void {
    if (this.memoryOn === on) return;
    this.memoryOn = on;
    this.env.setDeviceMemory(on);
  }

  /** Our live buffers, each with a reference; one whose last is gone cannot be had any more. Mutex held. */
  protected *holdAll(): Generator<Suspension, readonly DmaBuf[], unknown> {
    const held: DmaBuf[] = [];
    for (const buffer of yield* this.env.listBuffers()) {
      if (buffer.priv instanceof BufferObject && this.objects.has(buffer.priv)) held.push(buffer);
      else yield* this.env.put(buffer);
    }
    return held;
  }

  /** After the mutex, which the release of a last reference wants. */
  protected *dropAll(held: readonly DmaBuf[]): Generator<Suspension, void, unknown> {
    for (const buffer of held) yield* this.env.put(buffer);
  }

  protected *revokeAll(held: readonly DmaBuf[], forever: boolean): Generator<Suspension, void, unknown> {
    for (const buffer of held) yield* this.revokeObject(buffer, objectOf(buffer), forever);
  }

  protected *unrevokeAll(held: readonly DmaBuf[]): Generator<Suspension, void, unknown> {
    for (const buffer of held) yield* this.unrevokeObject(buffer, objectOf(buffer));
  }

  /** After the revoke. Where that did not wait (up to 7.0), storage with mappings stays the buffer's until they are gone. */
  protected *cutLoose(buffer: DmaBuf, object: BufferObject): Generator<Suspension, void, unknown> {
    yield* this.env.lock(buffer.resv);
    if (object.maps === 0) this.env.setStorage(buffer, null);
    yield* this.retire(buffer.resv, object.backing);
    yield* this.env.unlock(buffer.resv);
    this.unlink(object);
  }
}
