import type { Errno } from "../../spec/errno.ts";
import { EINVAL, ENOMEM } from "../../spec/errno.ts";
import { since } from "../../spec/profile.ts";
import type { DmaAttributes, SgList } from "../../spec/roles/dma.ts";
import type { Env, Mutex } from "../../spec/roles/env.ts";
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

/** Largest piece that a buffer is allocated in: order 8. Gigabytes come in larger ones here, so that tables stay short. */
const largestPiece = 2 ** 8 * pageSize;
const mostPieces = 16;

/** `struct system_heap_buffer`. */
class HeapBuffer {
  readonly memory: Storage;
  readonly pieces: readonly PhysRange[];
  /** Memory of a confidential guest that its host sees (7.1). */
  readonly shared: boolean;
  /** Guards the next. */
  readonly lock: Mutex;
  readonly attachments = new Set<HeapAttachment>();

  constructor(memory: Storage, shared: boolean, lock: Mutex) {
    this.memory = memory;
    this.shared = shared;
    this.lock = lock;
    const pieces: PhysRange[] = [];
    const piece = Math.max(largestPiece, Math.ceil(memory.size / mostPieces / pageSize) * pageSize);
    for (let offset = 0; offset < memory.size; offset += piece)
      pieces.push({ storage: memory, offset, length: Math.min(piece, memory.size - offset) });
    this.pieces = pieces;
  }

  get attributes(): DmaAttributes {
    return this.shared ? ["ccShared"] : [];
  }
}

/** `struct dma_heap_attachment`: one table, which each map of this attachment fills in and hands out. */
class HeapAttachment {
  readonly device: Device;
  readonly table: { segments: Segment[] } = { segments: [] };
  list: SgList | null = null;
  mapped = false;

  constructor(device: Device) {
    this.device = device;
  }
}

/** `drivers/dma-buf/heaps/system_heap.c`, 6.12 to 7.2: pages of the buddy allocator, for everybody. */
export class SystemHeap implements Exporter {
  private readonly env: Env;
  private made = 0;

  constructor(env: Env) {
    this.env = env;
  }

  /** `dma_heap_buffer_alloc`, `system_heap_allocate`. Where pages could not be shared for sure nobody may have them again. */
  *export({ size, owner, shared }: ExportRequest): Generator<Suspension, DmaBuf | Errno, unknown> {
    const { env } = this;
    const length = Math.ceil(size / pageSize) * pageSize;
    if (length === 0) return EINVAL;
    const memory = env.allocateStorage(length, "system");
    if (typeof memory === "number") return memory;
    const isShared = shared === true && since(env.profile.series, "K7.1");
    if (isShared && env.setShared(memory) !== 0) return ENOMEM;
    const lock = env.createMutex("system_heap_buffer", `heap${(this.made += 1)}`);
    const priv = new HeapBuffer(memory, isShared, lock);
    const buffer = yield* env.export({ size: length, priv, ops: this, owner });
    if (typeof buffer === "number") this.freePages(priv);
    else env.setStorage(buffer, memory);
    return buffer;
  }

  /** `system_heap_attach`. */
  *attach(buffer: DmaBuf, attachment: Attachment): Generator<Suspension, Errno, unknown> {
    const { env } = this;
    if (!env.allocate("sg-table")) return ENOMEM;
    const heap = bufferOf(buffer);
    const own = new HeapAttachment(attachment.device);
    attachment.priv = own;
    yield* env.lockMutex(heap.lock);
    heap.attachments.add(own);
    yield* env.unlockMutex(heap.lock);
    return 0;
  }

  /** `system_heap_detach`. */
  *detach(buffer: DmaBuf, attachment: Attachment): Generator<Suspension, void, unknown> {
    const heap = bufferOf(buffer);
    yield* this.env.lockMutex(heap.lock);
    heap.attachments.delete(attachment.priv as HeapAttachment);
    yield* this.env.unlockMutex(heap.lock);
  }

  /** `system_heap_map_dma_buf`. A second map writes over what the first one left in the table. */
  map(attachment: Attachment, direction: Direction): SgTable | Errno {
    if (direction === "none") return EINVAL;
    const { pieces, attributes } = bufferOf(attachment.buffer);
    const own = attachment.priv as HeapAttachment;
    const list = this.env.dmaMapSg(attachment.device, pieces, direction, attributes);
    if (typeof list === "number") return list;
    own.list = list;
    own.table.segments = list.segments.map((segment) => ({ ...segment }));
    own.mapped = true;
    return own.table;
  }

  /** `system_heap_unmap_dma_buf`: nobody is mapped any more, however often they did. */
  unmap(attachment: Attachment, _table: SgTable, direction: Direction): void {
    const { pieces, attributes } = bufferOf(attachment.buffer);
    const own = attachment.priv as HeapAttachment;
    own.mapped = false;
    if (own.list !== null) this.env.dmaUnmapSg(attachment.device, own.list, pieces.length, direction, attributes);
  }

  /** `system_heap_dma_buf_begin_cpu_access`. */
  *beginCpu(buffer: DmaBuf, direction: Direction): Generator<Suspension, Errno, unknown> {
    yield* this.eachMapped(buffer, (device, segment) => this.env.dmaSyncForCpu(device, segment, direction));
    return 0;
  }

  /** `system_heap_dma_buf_end_cpu_access`. */
  *endCpu(buffer: DmaBuf, direction: Direction): Generator<Suspension, Errno, unknown> {
    yield* this.eachMapped(buffer, (device, segment) => this.env.dmaSyncForDevice(device, segment, direction));
    return 0;
  }

  /** `system_heap_mmap`. */
  mmap(buffer: DmaBuf, mapping: UserMapping): Errno {
    const { memory, shared } = bufferOf(buffer);
    // It looks at no flag, and `remap_pfn_range` takes a private mapping that it can fill in one go.
    if (!mapping.shared && mapping.pages > this.shownAtOnce(memory.size / pageSize, mapping.start)) return EINVAL;
    this.env.insertPages(mapping, 0, mapping.pages, memory, mapping.start * pageSize, shared);
    return 0;
  }

  /** `system_heap_vmap`. The core calls for the first user only, so its own count is never more than one. */
  *vmap(buffer: DmaBuf, map: IosysMap): Generator<Suspension, Errno, unknown> {
    const { env } = this;
    const { lock, memory, shared } = bufferOf(buffer);
    yield* env.lockMutex(lock);
    const errno = env.allocate("kernel-mapping") ? 0 : ENOMEM;
    if (errno === 0) setMap(env, map, memory, shared);
    yield* env.unlockMutex(lock);
    return errno;
  }

  /** `system_heap_vunmap`. */
  vunmap(): void {}

  /** `system_heap_dma_buf_release`. */
  release(buffer: DmaBuf): void {
    this.freePages(bufferOf(buffer));
  }

  /** Pages from this one on that one call shows: a single one, since 7.0 what is left of the piece it was allocated in. */
  private shownAtOnce(pages: number, start: number): number {
    if (!since(this.env.profile.series, "K7.0")) return 1;
    let first = 0;
    for (;;) {
      const piece = [2 ** 8, 2 ** 4, 1].find((size) => size <= pages - first) ?? 1;
      if (start < first + piece) return first + piece - start;
      first += piece;
    }
  }

  private *eachMapped(
    buffer: DmaBuf,
    sync: (device: Device, segment: Segment) => void,
  ): Generator<Suspension, void, unknown> {
    const heap = bufferOf(buffer);
    yield* this.env.lockMutex(heap.lock);
    for (const { device, list, mapped } of heap.attachments)
      if (mapped && list !== null) for (const segment of list.segments) sync(device, segment);
    yield* this.env.unlockMutex(heap.lock);
  }

  /** Pages that cannot be made private again are lost. */
  private freePages({ memory, shared }: HeapBuffer): void {
    if (!shared || this.env.setPrivate(memory) === 0) this.env.freeStorage(memory);
  }
}

function bufferOf(buffer: DmaBuf): HeapBuffer {
  return buffer.priv as HeapBuffer;
}
