import { EINVAL, type Errno } from "../../spec/errno.ts";
import type { Env } from "../../spec/roles/env.ts";
import type { Exporter } from "../../spec/roles/exporter.ts";
import {
  pageSize,
  type Attachment,
  type Device,
  type Direction,
  type DmaBuf,
  type IosysMap,
  type Segment,
  type SgTable,
  type Storage,
  type UserMapping,
} from "../../spec/roles/handles.ts";

/**
 * An exporter with no will of its own, for programs that make the exporter's contract calls themselves:
 * static memory, every hook present, pins counted by nobody. Only the one that does not pin lets the CPU in.
 */
export class PlainExporter implements Exporter {
  private readonly env: Env;
  private readonly storages = new Map<DmaBuf, Storage>();
  private readonly tables = new Map<SgTable, { readonly buffer: DmaBuf; readonly device: Device }>();
  readonly cacheSgtMapping: boolean;
  readonly pin?: (attachment: Attachment) => Errno;
  readonly unpin?: (attachment: Attachment) => void;
  beginCpu?: (buffer: DmaBuf, direction: Direction) => Errno;
  endCpu?: (buffer: DmaBuf, direction: Direction) => Errno;
  mmap?: (buffer: DmaBuf, mapping: UserMapping) => Errno;
  vmap?: (buffer: DmaBuf, map: IosysMap) => Errno;
  vunmap?: () => void;

  constructor(env: Env, options: { readonly dynamic: boolean; readonly caching: boolean }) {
    this.env = env;
    this.cacheSgtMapping = options.caching;
    if (!options.dynamic) {
      this.letCpuIn();
      return;
    }
    // Named first: see `equip`.
    const pin = (attachment: Attachment) => this.pinned(attachment);
    const unpin = () => undefined;
    this.pin = pin;
    this.unpin = unpin;
  }

  private pinned(attachment: Attachment): Errno {
    const storage = this.storageOf(attachment.buffer);
    return typeof storage === "number" ? storage : 0;
  }

  map(attachment: Attachment, direction: Direction): SgTable | Errno {
    if (direction === "none") return EINVAL;
    const storage = this.storageOf(attachment.buffer);
    if (typeof storage === "number") return storage;
    const step = Math.max(pageSize, Math.floor(attachment.device.maxSegment / pageSize) * pageSize);
    const segments: Segment[] = [];
    for (let offset = 0; offset < storage.size; offset += step) {
      const segment = this.env.dmaMap(attachment.device, storage, offset, Math.min(step, storage.size - offset));
      if (typeof segment === "number") {
        for (const made of segments) this.env.dmaUnmap(attachment.device, made);
        return segment;
      }
      segments.push(segment);
    }
    const table = { segments };
    this.tables.set(table, { buffer: attachment.buffer, device: attachment.device });
    return table;
  }

  unmap(attachment: Attachment, table: SgTable): void {
    this.tables.delete(table);
    for (const segment of table.segments) this.env.dmaUnmap(attachment.device, segment);
  }

  release(buffer: DmaBuf): void {
    const storage = this.storages.get(buffer);
    if (storage !== undefined) this.env.freeStorage(storage);
    this.storages.delete(buffer);
  }

  /** As a heap of cached memory (`drivers/dma-buf/heaps/system_heap.c`): all pages are there, and stay where they are. */
  private letCpuIn(): void {
    const beginCpu = (buffer: DmaBuf, direction: Direction) => this.sync(buffer, "dmaSyncForCpu", direction);
    const endCpu = (buffer: DmaBuf, direction: Direction) => this.sync(buffer, "dmaSyncForDevice", direction);
    const mmap = (buffer: DmaBuf, mapping: UserMapping) => this.showAll(buffer, mapping);
    const vmap = (buffer: DmaBuf, map: IosysMap) => this.mapForKernel(buffer, map);
    const vunmap = () => undefined;
    this.beginCpu = beginCpu;
    this.endCpu = endCpu;
    this.mmap = mmap;
    this.vmap = vmap;
    this.vunmap = vunmap;
  }

  private sync(buffer: DmaBuf, how: "dmaSyncForCpu" | "dmaSyncForDevice", direction: Direction): Errno {
    for (const [table, of] of this.tables)
      if (of.buffer === buffer) for (const segment of table.segments) this.env[how](of.device, segment, direction);
    return 0;
  }

  private showAll(buffer: DmaBuf, mapping: UserMapping): Errno {
    if (!mapping.shared) return EINVAL;
    const storage = this.storageOf(buffer);
    if (typeof storage === "number") return storage;
    this.env.insertPages(mapping, 0, mapping.pages, storage, mapping.start * pageSize);
    return 0;
  }

  private mapForKernel(buffer: DmaBuf, map: IosysMap): Errno {
    const storage = this.storageOf(buffer);
    if (typeof storage === "number") return storage;
    map.address = this.env.mapForCpu(storage);
    return 0;
  }

  private storageOf(buffer: DmaBuf): Storage | Errno {
    const known = this.storages.get(buffer);
    if (known !== undefined) return known;
    const storage = this.env.allocateStorage(buffer.size, "system");
    if (typeof storage === "number") return storage;
    this.storages.set(buffer, storage);
    this.env.setStorage(buffer, storage);
    return storage;
  }
}
