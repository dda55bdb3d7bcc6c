import type { Errno } from "../../spec/errno.ts";
import { EAGAIN, EFAULT, EINVAL, ENOMEM } from "../../spec/errno.ts";
import type { Direction, DmaBuf, IosysMap, UserMapping } from "../../spec/roles/handles.ts";
import { pageSize } from "../../spec/roles/handles.ts";
import type { Suspension } from "../../spec/roles/suspendable.ts";
import type { BufferObject } from "./buffer-object.ts";
import { locate, objectOf } from "./buffer-object.ts";
import { ExporterObjects } from "./exporter-objects.ts";
import type { MappedTable } from "./mapped-table.ts";

/** What an exporter does for the CPU: caches, kernel addresses, and the pages of user mappings. */
export abstract class ExporterCpu extends ExporterObjects {
  /** The hook: the CPU sees what the devices wrote (`system_heap_dma_buf_begin_cpu_access`). */
  *beginCpu(buffer: DmaBuf, direction: Direction): Generator<Suspension, Errno, unknown> {
    yield* this.env.point("begin-cpu");
    this.syncForCpu(objectOf(buffer), direction);
    return 0;
  }

  /** The hook: the devices see what the CPU wrote (`system_heap_dma_buf_end_cpu_access`). */
  endCpu(buffer: DmaBuf, direction: Direction): Errno {
    this.syncForDevice(objectOf(buffer), direction);
    return 0;
  }

  /** The hook, lock held. The memory stays where it is as long as the kernel has an address of it. */
  *vmap(buffer: DmaBuf, map: IosysMap): Generator<Suspension, Errno, unknown> {
    const object = objectOf(buffer);
    // Ranges apart have no one address.
    if ((object.ranges?.length ?? 1) > 1) return EINVAL;
    const errno = yield* this.pinForKernel(buffer, object);
    if (errno !== 0) return errno;
    const made = this.mapForKernel(object, map);
    if (made !== 0) this.unpinForKernel(object);
    return made;
  }

  /** The hook, lock held. */
  vunmap(buffer: DmaBuf, _map: IosysMap): void {
    const object = objectOf(buffer);
    object.backing.maps -= 1;
    this.unpinForKernel(object);
    this.freeIfUnused(object.backing);
  }

  /** The hook. Pages come with the first touch: what is moved or revoked can be taken away again. */
  mmap(buffer: DmaBuf, mapping: UserMapping): Errno {
    // A private mapping would go on showing what the memory held at the first write to it.
    if (!mapping.shared) return EINVAL;
    mapping.fault = (page) => this.cpuFault(buffer, mapping, page);
    return 0;
  }

  /** A touch of a page without an entry (`ttm_bo_vm_fault_reserved`): what is under way with the memory has to end first. */
  *cpuFault(buffer: DmaBuf, mapping: UserMapping, page: number): Generator<Suspension, Errno, unknown> {
    yield* this.env.lock(buffer.resv);
    const errno = yield* this.faultLocked(buffer, mapping, page);
    yield* this.env.unlock(buffer.resv);
    return errno;
  }

  protected *faultLocked(buffer: DmaBuf, mapping: UserMapping, page: number): Generator<Suspension, Errno, unknown> {
    const object = objectOf(buffer);
    if (this.isTaken(object)) return EFAULT;
    const errno = yield* this.waitForMoves(buffer);
    if (errno !== 0) return errno;
    this.showPage(object, mapping, page);
    return 0;
  }

  /** Whether there is nothing to show any more. */
  protected isTaken(object: BufferObject): boolean {
    return object.revoked;
  }

  /** A signal is for the process to look at; it touches the page again afterwards. */
  protected *waitForMoves(buffer: DmaBuf): Generator<Suspension, Errno, unknown> {
    return (yield* this.env.waitFences(buffer.resv, "kernel", true)) < 0 ? EAGAIN : 0;
  }

  protected showPage(object: BufferObject, mapping: UserMapping, page: number): void {
    const { storage, offset } = locate(object, (mapping.start + page) * pageSize);
    this.env.insertPages(mapping, page, 1, storage, offset, object.backing.shared);
  }

  protected *pinForKernel(_buffer: DmaBuf, object: BufferObject): Generator<Suspension, Errno, unknown> {
    yield* this.env.point("pin-for-kernel");
    object.kernelMaps += 1;
    return 0;
  }

  protected unpinForKernel(object: BufferObject): void {
    object.kernelMaps -= 1;
  }

  protected mapForKernel(object: BufferObject, map: IosysMap): Errno {
    if (!this.env.allocate("kernel-mapping")) return ENOMEM;
    const { storage, shared } = object.backing;
    map.address = this.env.mapForCpu(storage, locate(object, 0).offset, shared);
    map.isIomem = storage.placement === "device";
    object.backing.maps += 1;
    return 0;
  }

  /** Every device that has the memory mapped may have written to it. Device memory is not cached. */
  protected syncForCpu(object: BufferObject, direction: Direction): void {
    for (const { device, pieces } of this.cachedTables(object))
      for (const piece of pieces) this.env.dmaSyncForCpu(device, piece, direction);
  }

  protected syncForDevice(object: BufferObject, direction: Direction): void {
    for (const { device, pieces } of this.cachedTables(object))
      for (const piece of pieces) this.env.dmaSyncForDevice(device, piece, direction);
  }

  protected cachedTables(object: BufferObject): readonly MappedTable[] {
    return [...object.tables].filter(({ backing }) => backing.storage.placement === "system");
  }
}
