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
  Reservation,
  Segment,
  SgTable,
  Storage,
} from "../../spec/roles/handles.ts";
import type { Suspension } from "../../spec/roles/suspendable.ts";
import { Backing, BufferObject, objectOf } from "./buffer-object.ts";
import { mapPieces, MappedTable, pieceLength, unmapPieces } from "./mapped-table.ts";
import { PendingFences } from "./pending-fences.ts";

/** What every exporter has: buffers from export to release, their storage, and tables of it. */
export abstract class ExporterObjects {
  protected readonly env: Env;
  /** Serialises what changes the device or the set of its buffers. Always taken before a reservation lock. */
  protected readonly mutex: Mutex;
  /** Every buffer that is linked to the device. */
  protected readonly objects = new Set<BufferObject>();

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
    const storage = env.allocateStorage(request.size, request.placement);
    if (typeof storage === "number") return storage;
    const object = new BufferObject(request.size, request.owner, env.take("registration"), new Backing(storage));
    object.revoked = this.startsRevoked();
    const { size, resv, owner } = request;
    const info = { size, priv: object, ops: this, owner };
    const buffer = yield* env.export(resv === undefined ? info : { ...info, resv });
    if (typeof buffer === "number") {
      env.give(object.registration);
      env.freeStorage(storage);
      return buffer;
    }
    object.buffer = buffer;
    this.objects.add(object);
    env.setStorage(buffer, storage);
    return buffer;
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
  protected mapTable(object: BufferObject, attachment: Attachment): MappedTable | Errno {
    if (!this.env.allocate("sg-table")) return ENOMEM;
    const { backing } = object;
    const pieces = this.mapStorage(attachment.device, backing.storage);
    if (typeof pieces === "number") return pieces;
    const fixed = attachment.importerOps?.invalidate === undefined;
    object.maps += 1;
    backing.maps += 1;
    if (fixed) object.fixedMaps += 1;
    return new MappedTable(backing, attachment.device, fixed, pieces);
  }

  protected unmapTable(object: BufferObject, table: MappedTable): void {
    table.live = false;
    this.unmapStorage(table);
    object.maps -= 1;
    if (table.fixed) object.fixedMaps -= 1;
    table.backing.maps -= 1;
    this.freeIfUnused(table.backing);
  }

  protected mapStorage(device: Device, storage: Storage): readonly Segment[] | Errno {
    return mapPieces(this.env, device, storage, pieceLength(device));
  }

  /** By what was written down at map. */
  protected unmapStorage(table: MappedTable): void {
    unmapPieces(this.env, table.device, table.pieces);
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
    this.env.freeStorage(backing.storage);
  }
}
