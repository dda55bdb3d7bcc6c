import type { Errno } from "../../spec/errno.ts";
import { EINVAL, ENODEV } from "../../spec/errno.ts";
import type { Env, Mutex, Resource } from "../../spec/roles/env.ts";
import { regionSize, type Exporter, type ExportRequest, type RegionRange } from "../../spec/roles/exporter.ts";
import type { Attachment, Device, Direction, DmaBuf, PhysRange, SgTable, Storage } from "../../spec/roles/handles.ts";
import type { Suspension } from "../../spec/roles/suspendable.ts";
import { extentOf, isWholePages } from "../ranges.ts";

/** `struct vfio_pci_dma_buf`. */
export class VfioPciDmaBuf {
  readonly bar: Storage;
  readonly provider: Device;
  readonly physVec: readonly PhysRange[];
  readonly registration: Resource;
  /** The device still knows the buffer. Under memory_lock. */
  vdev = true;
  /** Changed under memory_lock and the reservation lock. Until export is through nobody may map. */
  revoked = true;
  /** Mappings, and one for the device (7.1). Under the reservation lock. */
  kref = 1;

  constructor(bar: Storage, provider: Device, physVec: readonly PhysRange[], registration: Resource) {
    this.bar = bar;
    this.provider = provider;
    this.physVec = physVec;
    this.registration = registration;
  }
}

/**
 * What does not differ from one series to the next: `drivers/vfio/pci/vfio_pci_core.c` and `vfio_pci_config.c` around the
 * BARs of a device, and the export and release of `vfio_pci_dmabuf.c`. A BAR is device memory that never moves.
 */
export abstract class VfioPciCore implements Exporter {
  protected readonly env: Env;
  /** `memory_lock`, held for write by whatever changes whether the BARs can be reached. Before any reservation lock. */
  protected readonly memoryLock: Mutex;
  protected readonly dmabufs = new Set<VfioPciDmaBuf>();
  /** `__vfio_pci_memory_enabled`. Under memory_lock. */
  protected memoryEnabled = true;
  protected closed = false;
  private bound = false;

  constructor(env: Env) {
    this.env = env;
    this.memoryLock = env.createMutex("memory_lock", "memory_lock");
  }

  /** One range, of a BAR as large as it takes. */
  export(request: ExportRequest): Generator<Suspension, DmaBuf | Errno, unknown> {
    return this.featureDmaBuf(request, [{ offset: 0, length: request.size }], Number.MAX_SAFE_INTEGER);
  }

  exportRegion(request: ExportRequest): Generator<Suspension, DmaBuf | Errno, unknown> {
    return this.featureDmaBuf(request, request.ranges ?? [], regionSize);
  }

  abstract attach(buffer: DmaBuf, attachment: Attachment): Errno;

  /** `vfio_pci_dma_buf_map`. The direction none stops a kernel in its DMA layer; here it is refused. */
  map(attachment: Attachment, direction: Direction): SgTable | Errno {
    if (direction === "none") return EINVAL;
    const priv = privOf(attachment.buffer);
    if (priv.revoked) return ENODEV;
    return this.env.physVecToSgt(attachment, priv.provider, priv.physVec, attachment.buffer.size, direction);
  }

  /** `vfio_pci_dma_buf_unmap`; revoked or not. */
  unmap(attachment: Attachment, table: SgTable, direction: Direction): void {
    this.env.freeSgt(attachment, table, direction);
  }

  /** `vfio_pci_dma_buf_release`. This or the cleanup takes the buffer off the list; the reference count prevents both. */
  *release(buffer: DmaBuf): Generator<Suspension, void, unknown> {
    const { env } = this;
    const priv = privOf(buffer);
    if (priv.vdev) {
      yield* env.lockMutex(this.memoryLock);
      this.dmabufs.delete(priv);
      yield* env.unlockMutex(this.memoryLock);
      env.give(priv.registration);
    }
    // Stands for the end of this buffer's claim on the BAR; the BAR itself stays.
    env.freeStorage(priv.bar);
  }

  /** One round of the loop in `vfio_pci_dma_buf_move`, for the buffer that is asked for. */
  revoke(buffer: DmaBuf): Generator<Suspension, Errno, unknown> {
    return this.moveOne(buffer, true);
  }

  /** The same. Only while the memory can be reached, as all callers of `vfio_pci_dma_buf_move` test. */
  unrevoke(buffer: DmaBuf): Generator<Suspension, Errno, unknown> {
    return this.moveOne(buffer, false);
  }

  /** `vfio_pci_ioctl_reset`. */
  *reset(): Generator<Suspension, Errno, unknown> {
    const { env } = this;
    yield* env.lockMutex(this.memoryLock);
    if (this.closed) return yield* this.unlockMemory(ENODEV);
    yield* this.moveDmaBufs(true);
    const errno = env.failure("reset");
    if (errno === 0 && this.memoryEnabled) {
      env.setDeviceMemory(false);
      yield* env.point("reset");
      env.setDeviceMemory(true);
    }
    if (this.memoryEnabled) yield* this.moveDmaBufs(false);
    return yield* this.unlockMemory(errno);
  }

  /** `vfio_basic_config_write` of the memory bit in the command register. */
  *setMemory(on: boolean): Generator<Suspension, Errno, unknown> {
    yield* this.env.lockMutex(this.memoryLock);
    if (this.closed) return yield* this.unlockMemory(ENODEV);
    if (!on) yield* this.moveDmaBufs(true);
    this.writeCommand(on);
    if (this.memoryEnabled) yield* this.moveDmaBufs(false);
    return yield* this.unlockMemory(0);
  }

  /** `vfio_pci_core_close_device`. */
  abstract close(): Generator<Suspension, void, unknown>;

  /** What one buffer goes through when access is taken (`revoked`) or given back. memory_lock held. */
  protected abstract moveBuffer(
    buffer: DmaBuf,
    priv: VfioPciDmaBuf,
    revoked: boolean,
  ): Generator<Suspension, void, unknown>;

  /** `vfio_pci_dma_buf_move`. memory_lock held. */
  protected *moveDmaBufs(revoked: boolean): Generator<Suspension, void, unknown> {
    for (const buffer of yield* this.active()) {
      yield* this.moveBuffer(buffer, privOf(buffer), revoked);
      // The end of the file is deferred: its release wants memory_lock.
      yield* this.env.put(buffer);
    }
  }

  /** `get_file_active` over the list: a buffer whose last reference is gone is left to its release. */
  protected *active(): Generator<Suspension, readonly DmaBuf[], unknown> {
    const found: DmaBuf[] = [];
    for (const buffer of yield* this.env.listBuffers()) {
      if (buffer.priv instanceof VfioPciDmaBuf && this.dmabufs.has(buffer.priv)) found.push(buffer);
      else yield* this.env.put(buffer);
    }
    return found;
  }

  protected writeCommand(on: boolean): void {
    if (this.memoryEnabled !== on) this.env.setDeviceMemory(on);
    this.memoryEnabled = on;
  }

  protected *unlockMemory(errno: Errno): Generator<Suspension, Errno, unknown> {
    yield* this.env.unlockMutex(this.memoryLock);
    return errno;
  }

  /** `vfio_pci_core_feature_dma_buf` as far as the buffer. */
  private *featureDmaBuf(
    { size, flags = 0, device, owner }: ExportRequest,
    ranges: readonly RegionRange[],
    barSize: number,
  ): Generator<Suspension, DmaBuf | Errno, unknown> {
    const { env } = this;
    if (this.closed) return ENODEV;
    if (ranges.length === 0 || flags !== 0) return EINVAL;
    if (device.traits.bar === "absent" || device.traits.bar === "io") return ENODEV;
    if (!ranges.every(isWholePages)) return EINVAL;
    const provider = this.getProvider(device);
    if (provider === null || extentOf(ranges) > barSize) return EINVAL;
    const bar = env.allocateStorage(extentOf(ranges), "device");
    if (typeof bar === "number") return bar;
    const physVec = ranges.map(({ offset, length }) => ({ storage: bar, offset, length }));
    const priv = new VfioPciDmaBuf(bar, provider, physVec, env.take("vfio device registration"));
    const buffer = yield* env.export({ size, priv, ops: this, owner });
    if (typeof buffer === "number") {
      env.give(priv.registration);
      env.freeStorage(bar);
      return buffer;
    }
    env.setStorage(buffer, bar);
    yield* env.lockMutex(this.memoryLock);
    yield* env.lock(buffer.resv);
    priv.revoked = !this.memoryEnabled;
    this.dmabufs.add(priv);
    yield* env.unlock(buffer.resv);
    yield* env.unlockMutex(this.memoryLock);
    return buffer;
  }

  /** `pcim_p2pdma_init` when the driver binds, here at the first export, and `pcim_p2pdma_provider`. */
  private getProvider(device: Device): Device | null {
    if (!this.bound && this.env.providerInit(device) !== 0) return null;
    this.bound = true;
    return this.env.providerFor(device);
  }

  private *moveOne(buffer: DmaBuf, revoked: boolean): Generator<Suspension, Errno, unknown> {
    const { priv } = buffer;
    if (!(priv instanceof VfioPciDmaBuf)) return ENODEV;
    yield* this.env.getRef(buffer);
    yield* this.env.lockMutex(this.memoryLock);
    const errno = this.dmabufs.has(priv) && (revoked || this.memoryEnabled) ? 0 : ENODEV;
    if (errno === 0) yield* this.moveBuffer(buffer, priv, revoked);
    yield* this.env.put(buffer);
    return yield* this.unlockMemory(errno);
  }
}

/** In a hook; also right after export, before the list knows it. */
export function privOf(buffer: DmaBuf): VfioPciDmaBuf {
  return buffer.priv as VfioPciDmaBuf;
}
