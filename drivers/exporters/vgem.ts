import type { Errno } from "../../spec/errno.ts";
import { EFAULT, EINVAL, ENOMEM } from "../../spec/errno.ts";
import type { DmaAttributes, SgList } from "../../spec/roles/dma.ts";
import type { Env } from "../../spec/roles/env.ts";
import type { Exporter, ExportRequest } from "../../spec/roles/exporter.ts";
import type {
  Attachment,
  Device,
  Direction,
  DmaBuf,
  IosysMap,
  PhysRange,
  Segment,
  SgTable,
  Storage,
  UserMapping,
} from "../../spec/roles/handles.ts";
import { pageSize } from "../../spec/roles/handles.ts";
import type { Suspension } from "../../spec/roles/suspendable.ts";
import { setMap } from "../user-view.ts";

/** Bytes of a dumb buffer are counted in 32 bits. */
const largest = 2 ** 32 - pageSize;
const attributes: DmaAttributes = ["skipSync"];

/** `struct drm_gem_shmem_object`. */
class ShmemObject {
  readonly memory: Storage;
  readonly device: Device;
  /** Attachments, kernel addresses and user mappings, each of which keeps the pages where they are. Under the reservation lock. */
  pagesUseCount = 0;

  constructor(memory: Storage, device: Device) {
    this.memory = memory;
    this.device = device;
  }
}

/** A table, and what `dma_unmap_sgtable` finds in it. */
class GemTable implements SgTable {
  readonly segments: Segment[];
  readonly list: SgList;

  constructor(list: SgList) {
    this.segments = list.segments.map((segment) => ({ ...segment }));
    this.list = list;
  }
}

/**
 * A graphics driver without hardware, as all that keep their objects in shared memory (`drivers/gpu/drm/vgem/vgem_drv.c`,
 * `drm_prime.c`, `drm_gem_shmem_helper.c`, 6.12 to 7.3): pages are pinned by each attachment, and stay. The buffer's
 * reservation object stands for that of the GEM object, and there is no handle any more once there is a buffer.
 */
export class Vgem implements Exporter {
  private readonly env: Env;
  /** While the core still kept tables. */
  readonly cacheSgtMapping: boolean;

  constructor(env: Env) {
    this.env = env;
    this.cacheSgtMapping = env.profile.cacheSgtMapping;
  }

  /** `drm_mode_create_dumb`, `drm_gem_prime_handle_to_fd`: whole pages. They are allocated when somebody first needs them. */
  *export({ size, owner, device }: ExportRequest): Generator<Suspension, DmaBuf | Errno, unknown> {
    const { env } = this;
    const length = Math.ceil(size / pageSize) * pageSize;
    if (length === 0 || length > largest) return EINVAL;
    const memory = env.allocateStorage(length, "system");
    if (typeof memory === "number") return memory;
    const buffer = yield* env.export({ size: length, priv: new ShmemObject(memory, device), ops: this, owner });
    if (typeof buffer === "number") env.freeStorage(memory);
    else env.setStorage(buffer, memory);
    return buffer;
  }

  /** `drm_gem_map_attach`. */
  attach(buffer: DmaBuf): Generator<Suspension, Errno, unknown> {
    return this.getPages(buffer);
  }

  /** `drm_gem_map_detach`. */
  detach(buffer: DmaBuf): Generator<Suspension, void, unknown> {
    return this.putPages(buffer);
  }

  /** `drm_gem_map_dma_buf`: a new table each time, in pieces as long as the exporting device may have them. */
  map({ buffer, device }: Attachment, direction: Direction): SgTable | Errno {
    const { env } = this;
    if (direction === "none") {
      env.warn("drm_gem_map_dma_buf is asked for no direction");
      return EINVAL;
    }
    if (!env.allocate("sg-table")) return ENOMEM;
    const list = env.dmaMapSg(device, this.piecesOf(objectOf(buffer)), direction, attributes);
    return typeof list === "number" ? list : new GemTable(list);
  }

  /** `drm_gem_unmap_dma_buf`. */
  unmap({ device }: Attachment, table: SgTable, direction: Direction): void {
    const { env } = this;
    if (table instanceof GemTable) env.dmaUnmapSg(device, table.list, table.list.ranges.length, direction, attributes);
    else env.warn("kernel stops: a table is unmapped that this exporter has not made");
  }

  /** `drm_gem_dmabuf_mmap`, `drm_gem_shmem_mmap`: the mapping keeps the pages until it ends. */
  *mmap(buffer: DmaBuf, mapping: UserMapping): Generator<Suspension, Errno, unknown> {
    if (!mapping.shared) return EINVAL;
    const errno = yield* this.getPages(buffer);
    if (errno !== 0) return errno;
    mapping.fault = (page) => this.fault(buffer, mapping, page);
    mapping.close = () => this.putPages(buffer);
    return 0;
  }

  /** `drm_gem_dmabuf_vmap`, `drm_gem_shmem_vmap`. The core calls for the first user only. Lock held. */
  vmap(buffer: DmaBuf, map: IosysMap): Errno {
    const object = objectOf(buffer);
    const errno = this.getPagesLocked(object);
    if (errno !== 0) return errno;
    if (this.env.allocate("kernel-mapping")) {
      setMap(this.env, map, object.memory);
      return 0;
    }
    object.pagesUseCount -= 1;
    return ENOMEM;
  }

  /** `drm_gem_dmabuf_vunmap`. Lock held. */
  vunmap(buffer: DmaBuf): void {
    objectOf(buffer).pagesUseCount -= 1;
  }

  /** `drm_gem_dmabuf_release`, `drm_gem_shmem_free`: looks under the lock whether there is anything left to give back. */
  *release(buffer: DmaBuf): Generator<Suspension, void, unknown> {
    const { env } = this;
    const { memory, pagesUseCount } = objectOf(buffer);
    yield* env.lock(buffer.resv);
    if (pagesUseCount > 0) env.warn("a GEM object ends while its pages are in use");
    yield* env.unlock(buffer.resv);
    env.freeStorage(memory);
  }

  /** `drm_gem_shmem_fault`. It counts pages from where the mapping begins, wherever in the buffer that is. */
  private *fault(buffer: DmaBuf, mapping: UserMapping, page: number): Generator<Suspension, Errno, unknown> {
    const { env } = this;
    const { memory } = objectOf(buffer);
    yield* env.lock(buffer.resv);
    const errno = (page + 1) * pageSize > memory.size ? EFAULT : 0;
    if (errno === 0) env.insertPages(mapping, page, 1, memory, page * pageSize);
    yield* env.unlock(buffer.resv);
    return errno;
  }

  /** `drm_gem_shmem_pin` and its like. */
  private *getPages(buffer: DmaBuf): Generator<Suspension, Errno, unknown> {
    yield* this.env.lock(buffer.resv);
    const errno = this.getPagesLocked(objectOf(buffer));
    yield* this.env.unlock(buffer.resv);
    return errno;
  }

  private *putPages(buffer: DmaBuf): Generator<Suspension, void, unknown> {
    yield* this.env.lock(buffer.resv);
    objectOf(buffer).pagesUseCount -= 1;
    yield* this.env.unlock(buffer.resv);
  }

  /** `drm_gem_get_pages`: the first user's call brings them in. */
  private getPagesLocked(object: ShmemObject): Errno {
    if (object.pagesUseCount === 0 && !this.env.allocate("pages")) return ENOMEM;
    object.pagesUseCount += 1;
    return 0;
  }

  /** `drm_prime_pages_to_sg`: runs of pages that lie side by side, here all of them. */
  private piecesOf({ memory, device }: ShmemObject): readonly PhysRange[] {
    const longest = Math.min(this.env.dmaMaxMappingSize(device), 2 ** 32 - pageSize);
    const pieces: PhysRange[] = [];
    for (let offset = 0; offset < memory.size; offset += longest)
      pieces.push({ storage: memory, offset, length: Math.min(longest, memory.size - offset) });
    return pieces;
  }
}

function objectOf(buffer: DmaBuf): ShmemObject {
  return buffer.priv as ShmemObject;
}
