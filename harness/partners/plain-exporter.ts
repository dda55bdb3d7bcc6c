import { EINVAL, type Errno } from "../../spec/errno.ts";
import type { Env } from "../../spec/roles/env.ts";
import type { Exporter } from "../../spec/roles/exporter.ts";
import {
  pageSize,
  type Attachment,
  type Direction,
  type DmaBuf,
  type Segment,
  type SgTable,
  type Storage,
} from "../../spec/roles/handles.ts";

/**
 * An exporter with no will of its own, for programs that make the exporter's contract calls themselves:
 * static memory, every hook present, pins counted by nobody.
 */
export class PlainExporter implements Exporter {
  private readonly env: Env;
  private readonly storages = new Map<DmaBuf, Storage>();
  readonly cacheSgtMapping: boolean;
  readonly pin?: (attachment: Attachment) => Errno;
  readonly unpin?: (attachment: Attachment) => void;

  constructor(env: Env, options: { readonly dynamic: boolean; readonly caching: boolean }) {
    this.env = env;
    this.cacheSgtMapping = options.caching;
    if (!options.dynamic) return;
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
    return { segments };
  }

  unmap(attachment: Attachment, table: SgTable): void {
    for (const segment of table.segments) this.env.dmaUnmap(attachment.device, segment);
  }

  release(buffer: DmaBuf): void {
    const storage = this.storages.get(buffer);
    if (storage !== undefined) this.env.freeStorage(storage);
    this.storages.delete(buffer);
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
