import type { Errno } from "../../spec/errno.ts";
import { EBUSY, EFAULT, EINVAL, ENODEV, EOPNOTSUPP } from "../../spec/errno.ts";
import type { Env } from "../../spec/roles/env.ts";
import type { Exporter } from "../../spec/roles/exporter.ts";
import { pageSize } from "../../spec/roles/handles.ts";
import type {
  Attachment,
  Direction,
  DmaBuf,
  Segment,
  SgTable,
  Storage,
  UserMapping,
} from "../../spec/roles/handles.ts";
import type { Suspension } from "../../spec/roles/suspendable.ts";

/** One place of a buffer's memory, and how many mappings show it. */
interface Place {
  readonly storage: Storage;
  maps: number;
  /** No longer the buffer's: it goes with its last mapping. */
  retired: boolean;
}

interface BufferObject {
  place: Place | null;
  pins: number;
  maps: number;
  /** Mappings of importers that cannot be told of a move. */
  fixed: number;
  revoked: boolean;
  /** Revokes that have not returned. */
  revoking: number;
}

interface Mapped {
  readonly place: Place;
  readonly fixed: boolean;
}

/**
 * The exporter that the module has as well (`kernel/module/moving.c`): it moves and revokes one step at a time, with every
 * access over before anything changes. What both do is the same, so that what differs is the core's.
 */
export class MovingExporter implements Exporter {
  private readonly env: Env;
  private readonly objects = new Map<DmaBuf, BufferObject>();
  private readonly tables = new Map<SgTable, Mapped>();
  attach?: (buffer: DmaBuf, attachment: Attachment) => Errno;

  constructor(env: Env) {
    this.env = env;
    // Where a revoke waits for unmaps, nobody may have a mapping who cannot be told to unmap.
    const attach = (buffer: DmaBuf, attachment: Attachment): Errno => {
      if (this.objectOf(buffer).revoked) return ENODEV;
      return env.isRevocable(attachment) ? 0 : EOPNOTSUPP;
    };
    if (env.profile.synchronousRevoke) this.attach = attach;
  }

  map({ buffer, device, importerOps }: Attachment, direction: Direction): SgTable | Errno {
    const object = this.objectOf(buffer);
    if (direction === "none") return EINVAL;
    if (object.revoked) return ENODEV;
    const place = this.placeOf(buffer, object);
    if (typeof place === "number") return place;
    const { storage } = place;
    const step = Math.max(pageSize, Math.floor(device.maxSegment / pageSize) * pageSize);
    const segments: Segment[] = [];
    for (let offset = 0; offset < storage.size; offset += step) {
      const segment = this.env.dmaMap(device, storage, offset, Math.min(step, storage.size - offset));
      if (typeof segment === "number") {
        for (const made of segments) this.env.dmaUnmap(device, made);
        return segment;
      }
      segments.push(segment);
    }
    const table = { segments };
    const fixed = importerOps?.invalidate === undefined;
    this.tables.set(table, { place, fixed });
    object.maps += 1;
    place.maps += 1;
    if (fixed) object.fixed += 1;
    return table;
  }

  unmap({ buffer, device }: Attachment, table: SgTable): void {
    const { place, fixed } = this.tables.get(table)!;
    const object = this.objectOf(buffer);
    this.tables.delete(table);
    for (const segment of table.segments) this.env.dmaUnmap(device, segment);
    object.maps -= 1;
    place.maps -= 1;
    if (fixed) object.fixed -= 1;
    this.freeIfUnused(place);
  }

  pin({ buffer, importerOps }: Attachment): Errno {
    const object = this.objectOf(buffer);
    if (object.revoked) return ENODEV;
    if (this.env.profile.hasRevoke && importerOps?.invalidate === undefined) return EOPNOTSUPP;
    const place = this.placeOf(buffer, object);
    if (typeof place === "number") return place;
    object.pins += 1;
    return 0;
  }

  unpin({ buffer }: Attachment): void {
    this.objectOf(buffer).pins -= 1;
  }

  release(buffer: DmaBuf): void {
    const { place } = this.objectOf(buffer);
    this.objects.delete(buffer);
    if (place !== null) this.retire(place);
  }

  /** Pages come with the first touch, so that they can be taken away again. */
  mmap(buffer: DmaBuf, mapping: UserMapping): Errno {
    if (!mapping.shared) return EINVAL;
    mapping.fault = (page) => this.cpuFault(buffer, mapping, page);
    return 0;
  }

  /** Under the lock, when what is under way with the memory is over. */
  private *cpuFault(buffer: DmaBuf, mapping: UserMapping, page: number): Generator<Suspension, Errno, unknown> {
    const object = this.objectOf(buffer);
    let errno: Errno = EFAULT;
    yield* this.env.lock(buffer.resv);
    if (!object.revoked) {
      yield* this.env.waitFences(buffer.resv, "kernel");
      const place = this.placeOf(buffer, object);
      errno = typeof place === "number" ? place : 0;
      if (typeof place !== "number")
        this.env.insertPages(mapping, page, 1, place.storage, (mapping.start + page) * pageSize);
    }
    yield* this.env.unlock(buffer.resv);
    return errno;
  }

  *move(buffer: DmaBuf): Generator<Suspension, Errno, unknown> {
    const object = this.objectOf(buffer);
    yield* this.env.getRef(buffer);
    yield* this.env.lock(buffer.resv);
    const errno = object.revoked ? ENODEV : object.pins > 0 || object.fixed > 0 ? EBUSY : 0;
    if (errno === 0) {
      yield* this.env.invalidate(buffer);
      yield* this.env.waitFences(buffer.resv, "bookkeep");
      this.env.zapMappings(buffer);
      const old = object.place;
      object.place = null;
      this.placeOf(buffer, object);
      if (old !== null) this.retire(old);
    }
    yield* this.env.unlock(buffer.resv);
    yield* this.env.put(buffer);
    return errno;
  }

  evict(buffer: DmaBuf): Generator<Suspension, Errno, unknown> {
    return this.move(buffer);
  }

  *revoke(buffer: DmaBuf): Generator<Suspension, Errno, unknown> {
    const object = this.objectOf(buffer);
    const waits = this.env.profile.synchronousRevoke;
    yield* this.env.getRef(buffer);
    yield* this.env.lock(buffer.resv);
    const done = object.revoked;
    object.revoked = true;
    object.revoking += 1;
    if (!done) {
      yield* this.env.invalidate(buffer);
      if (waits) yield* this.env.waitFences(buffer.resv, "bookkeep");
      this.env.zapMappings(buffer);
    }
    yield* this.env.unlock(buffer.resv);
    if (waits && object.maps > 0) yield* this.env.waitUnmapped(buffer, () => object.maps === 0);
    object.revoking -= 1;
    yield* this.env.put(buffer);
    return 0;
  }

  *unrevoke(buffer: DmaBuf): Generator<Suspension, Errno, unknown> {
    const object = this.objectOf(buffer);
    yield* this.env.lock(buffer.resv);
    const errno = object.revoking > 0 ? EBUSY : 0;
    if (errno === 0 && object.revoked) {
      object.revoked = false;
      yield* this.env.invalidate(buffer);
    }
    yield* this.env.unlock(buffer.resv);
    return errno;
  }

  private objectOf(buffer: DmaBuf): BufferObject {
    let object = this.objects.get(buffer);
    if (object === undefined) {
      object = { place: null, pins: 0, maps: 0, fixed: 0, revoked: false, revoking: 0 };
      this.objects.set(buffer, object);
    }
    return object;
  }

  private placeOf(buffer: DmaBuf, object: BufferObject): Place | Errno {
    if (object.place !== null) return object.place;
    const storage = this.env.allocateStorage(buffer.size, "system");
    if (typeof storage === "number") return storage;
    object.place = { storage, maps: 0, retired: false };
    this.env.setStorage(buffer, storage);
    return object.place;
  }

  private retire(place: Place): void {
    place.retired = true;
    this.freeIfUnused(place);
  }

  private freeIfUnused(place: Place): void {
    if (place.retired && place.maps === 0) this.env.freeStorage(place.storage);
  }
}
