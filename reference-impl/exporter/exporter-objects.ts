import type { Errno } from "../../spec/errno.ts";
import { EINVAL, ENOMEM } from "../../spec/errno.ts";
import type { Env, Mutex } from "../../spec/roles/env.ts";
import type { ExportRequest } from "../../spec/roles/exporter.ts";
import type {
  Attachment,
  Device,
  Direction,
  DmaBuf,
  FileDescriptor,
  Placement,
  Reservation,
  Segment,
  SgTable,
  Storage,
} from "../../spec/roles/handles.ts";
import type { Suspension } from "../../spec/roles/suspendable.ts";
import { Backing, BufferObject, objectOf, rangesOf } from "./buffer-object.ts";
import { mapPieces, MappedTable, pieceLength, unmapPieces } from "./mapped-table.ts";
import { mapPeer, refusesPeer, type Mapped } from "./peer-mapping.ts";
import { PendingFences } from "./pending-fences.ts";

/** What every exporter has: buffers from export to release, their storage, and tables of it. */
export abstract class ExporterObjects {
  protected readonly env: Env;
  /** Serialises what changes the device or the set of its buffers. Always taken before a reservation lock. */
  protected readonly mutex: Mutex;
  /** Every buffer that is linked to the device. */
  protected readonly objects = new Set<BufferObject>();

  /** Whose memory the buffers lie in; null as long as there was none, and where peers have no way to it. */
  protected provider: Device | null = null;
  protected device: Device | null = null;

  constructor(env: Env) {
    this.env = env;
    this.mutex = env.createMutex("exporterDevice", "device");
  }

  /** Makes a buffer; everything about it is settled before anybody else can see it. */
  *export(request: ExportRequest): Generator<Suspension, DmaBuf | Errno, unknown> {
    yield* this.env.lockMutex(this.mutex);
    const buffer = yield* this.exportLocked(request);
    yield* this.env.unlockMutex(this.mutex);
    return buffer;
  }

  /** Whatever can fail comes before the descriptor is there. All else that belongs to the buffer is left to its release. */
  *requestFd(buffer: DmaBuf, closeOnExec: boolean): Generator<Suspension, FileDescriptor | Errno, unknown> {
    const errno = this.env.failure("copy-out");
    const fd = errno === 0 ? yield* this.env.exportFd(buffer, closeOnExec) : errno;
    if (typeof fd === "number") yield* this.env.put(buffer);
    return fd;
  }

  /** The hook. Unlinks the buffer unless the device's teardown did; in that case there is nothing left to touch. */
  *release(buffer: DmaBuf): Generator<Suspension, void, unknown> {
    const object = objectOf(buffer);
    if (!object.linked) return;
    yield* this.env.lockMutex(this.mutex);
    const linked = this.unlink(object);
    yield* this.env.unlockMutex(this.mutex);
    if (linked) yield* this.retire(buffer.resv, object.backing);
  }

  /** The hook; a table of one of our map hooks, once. */
  unmap(attachment: Attachment, table: SgTable, _direction: Direction): void {
    if (!(table instanceof MappedTable) || !table.live) {
      this.env.warn("kernel stops: a table is unmapped that is not mapped");
      return;
    }
    this.unmapTable(objectOf(attachment.buffer), table);
  }

  protected checkRequest(request: ExportRequest): Errno {
    return request.size > 0 ? 0 : EINVAL;
  }

  /** Whether a new buffer starts revoked. */
  protected startsRevoked(): boolean {
    return false;
  }

  protected *exportLocked(request: ExportRequest): Generator<Suspension, DmaBuf | Errno, unknown> {
    const { env } = this;
    const refused = this.checkRequest(request) || env.failure("registration");
    if (refused !== 0) return refused;
    this.makeKnown(request.device);
    const noProvider = this.checkProvider(request);
    if (noProvider !== 0) return noProvider;
    const isShared = request.shared === true;
    const backing = this.makeBacking(this.extentOf(request), request.placement, isShared);
    if (typeof backing === "number") return backing;
    const object = new BufferObject(request.size, request.owner, env.take("registration"), backing, isShared);
    object.ranges = request.ranges ?? null;
    object.revoked = this.startsRevoked();
    const { size, resv, owner } = request;
    const info = { size, priv: object, ops: this, owner };
    const buffer = yield* env.export(resv === undefined ? info : { ...info, resv });
    if (typeof buffer === "number") {
      this.undoExport(object);
      return buffer;
    }
    object.buffer = buffer;
    this.objects.add(object);
    env.setStorage(buffer, backing.storage);
    return buffer;
  }

  /** Memory for a buffer. `isShared`: a confidential guest shares it with its host, as far as it is the guest's own. */
  protected makeBacking(size: number, placement: Placement, isShared: boolean): Backing | Errno {
    const storage = this.env.allocateStorage(size, placement);
    if (typeof storage === "number") return storage;
    const shares = isShared && placement === "system";
    const errno = shares ? this.env.setShared(storage) : 0;
    // How far the change got is unknown: nobody may have the memory again.
    return errno === 0 ? new Backing(storage, shares) : errno;
  }

  /** The core has no buffer for it: everything as it was before. */
  protected undoExport({ registration, backing }: BufferObject): void {
    this.env.give(registration);
    this.freeBacking(backing);
  }

  /** Once for each device, when its driver makes the first buffer. */
  protected makeKnown(device: Device): void {
    if (this.device !== null) return;
    this.device = device;
    if (this.env.providerInit(device) === 0) this.provider = this.env.providerFor(device);
  }

  /** Memory that cannot leave its device is of no use where no peer has a way to it. */
  protected checkProvider(request: ExportRequest): Errno {
    return request.placement === "device" && request.ranges !== undefined && this.provider === null ? EINVAL : 0;
  }

  /** Bytes from the start of the region to the end of what is asked for. */
  protected extentOf({ size, ranges }: ExportRequest): number {
    return ranges === undefined ? size : Math.max(...ranges.map(({ offset, length }) => offset + length));
  }

  /** Cuts buffer and device apart, under the mutex. False: somebody else did. */
  protected unlink(object: BufferObject): boolean {
    if (!object.linked) return false;
    object.linked = false;
    this.objects.delete(object);
    this.env.give(object.registration);
    return true;
  }

  /** A table of the current storage for an attachment's device; lock held. Only what succeeds is counted. */
  protected mapTable(
    object: BufferObject,
    attachment: Attachment,
    direction: Direction = "bidirectional",
  ): MappedTable | Errno {
    if (!this.env.allocate("sg-table")) return ENOMEM;
    const { backing } = object;
    const made =
      backing.storage.placement === "device"
        ? this.mapDeviceMemory(object, attachment, direction)
        : this.mapStorage(attachment.device, backing.storage, direction, object);
    if (typeof made === "number") return made;
    const { segments, undo } = "undo" in made ? made : { segments: made, undo: null };
    const fixed = attachment.importerOps?.invalidate === undefined;
    object.maps += 1;
    backing.maps += 1;
    if (fixed) object.fixedMaps += 1;
    const table = new MappedTable(backing, attachment.device, fixed, segments, undo);
    object.tables.add(table);
    return table;
  }

  protected unmapTable(object: BufferObject, table: MappedTable): void {
    table.live = false;
    object.tables.delete(table);
    this.unmapStorage(table);
    object.maps -= 1;
    if (table.fixed) object.fixedMaps -= 1;
    table.backing.maps -= 1;
    this.freeIfUnused(table.backing);
  }

  protected mapStorage(
    device: Device,
    storage: Storage,
    direction?: Direction,
    _object?: BufferObject,
  ): readonly Segment[] | Mapped | Errno {
    return mapPieces(this.env, device, storage, pieceLength(device), direction);
  }

  protected mapDeviceMemory(object: BufferObject, attachment: Attachment, direction: Direction): Mapped | Errno {
    if (this.provider === null) return EINVAL;
    return mapPeer(this.env, attachment, this.provider, rangesOf(object), direction);
  }

  /** Whether a peer will never reach the device's memory. `fixed`: it stays where it is. */
  protected refusesPeer(object: BufferObject, client: Device, fixed: boolean): Errno {
    const { storage } = object.backing;
    const ranges = fixed && storage.placement === "device" ? rangesOf(object) : [null];
    for (const range of ranges) {
      const errno = refusesPeer(this.env, this.provider, client, range);
      if (errno !== 0) return errno;
    }
    return 0;
  }

  /** Whether a device can be given RAM as it is: a copy of it would be nobody else's. */
  protected servesRam(device: Device, object: BufferObject): boolean {
    const { traits } = device;
    if (traits.iommu === "blocked") return false;
    if (object.backing.shared) return traits.iommu === "identity" && traits.bounce;
    return !this.env.dmaMustBounce(device);
  }

  /** By what was written down at map. */
  protected unmapStorage(table: MappedTable): void {
    if (table.undo === null) unmapPieces(this.env, table.device, table.pieces);
    else table.undo();
  }

  /** Frees storage once every fence present now has signaled and the last mapping of it is gone. Does not wait for either. */
  protected *retire(resv: Reservation, backing: Backing): Generator<Suspension, void, unknown> {
    backing.retired = true;
    const fences = yield* this.env.getFences(resv, "bookkeep");
    if (typeof fences === "number") {
      // No memory to remember the fences in: then the wait is done here, as they end without our help.
      yield* this.env.waitFences(resv, "bookkeep");
      this.accessesOver(backing);
      return;
    }
    new PendingFences(this.env, fences, () => this.accessesOver(backing)).arm();
  }

  protected accessesOver(backing: Backing): void {
    backing.idle = true;
    this.freeIfUnused(backing);
  }

  protected freeIfUnused(backing: Backing): void {
    if (!backing.retired || !backing.idle || backing.maps > 0 || backing.freed) return;
    backing.freed = true;
    this.freeBacking(backing);
  }

  /** Memory that stays shared with the host is for nobody else: it is lost. */
  protected freeBacking({ storage, shared }: Backing): void {
    if (shared && this.env.setPrivate(storage) !== 0) return;
    this.env.freeStorage(storage);
  }
}
