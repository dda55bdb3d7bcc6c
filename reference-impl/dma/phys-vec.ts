import type { Errno } from "../../spec/errno.ts";
import { EINVAL, ENOMEM } from "../../spec/errno.ts";
import type { DmaAttributes, IovaSpace } from "../../spec/roles/dma.ts";
import type { Env } from "../../spec/roles/env.ts";
import {
  pageSize,
  type Attachment,
  type Device,
  type Direction,
  type PhysRange,
  type Segment,
  type SgTable,
} from "../../spec/roles/handles.ts";

/** Longest entry of a table. */
const longestEntry = 2 ** 32 - pageSize;

const mmio: DmaAttributes = ["mmio"];

/** `struct dma_buf_dma`: how a table was made, so that it is undone likewise. */
export class PhysVecTable implements SgTable {
  readonly segments: Segment[] = [];
  readonly attachment: Attachment;
  readonly direction: Direction;
  /** Bus addresses: nothing was mapped. */
  bus = false;
  space: IovaSpace | null = null;
  /** Bytes linked in the space. */
  linked = 0;
  /** Without space: what each range became. */
  readonly mapped: Segment[] = [];

  constructor(attachment: Attachment, direction: Direction) {
    this.attachment = attachment;
    this.direction = direction;
  }
}

/** The helper for exporters of device memory (`drivers/dma-buf/dma-buf-mapping.c`), without the faults known of it. */
export class PhysVecHelper {
  protected readonly env: Env;

  constructor(env: Env) {
    this.env = env;
  }

  /** `dma_buf_phys_vec_to_sgt`. */
  map(
    attachment: Attachment | null,
    provider: Device | null,
    ranges: readonly PhysRange[],
    size: number,
    direction: Direction,
  ): SgTable | Errno {
    const { env } = this;
    if (attachment === null || provider === null) {
      env.warn("the table of a provider's ranges wants an attachment and a provider");
      return EINVAL;
    }
    this.assertHeld(attachment);
    if (ranges.length === 0 || size === 0) return EINVAL;
    if (!env.allocate("helper-table")) return ENOMEM;
    const table = new PhysVecTable(attachment, direction);
    switch (env.mapType(provider, attachment.device)) {
      case "bus":
        table.bus = true;
        break;
      case "host":
        table.space = env.iovaTryAlloc(attachment.device, size);
        break;
      case "unsupported":
        return EINVAL;
    }
    const errno = env.allocate("helper-entries") ? this.fill(table, provider, ranges) : ENOMEM;
    if (errno === 0) return table;
    this.undo(table);
    return errno;
  }

  /** `dma_buf_free_sgt`. */
  free(attachment: Attachment, table: SgTable, _direction: Direction): void {
    this.assertHeld(attachment);
    if (table instanceof PhysVecTable) this.undo(table);
    else this.env.warn("kernel stops: a table is freed that the helper has not made");
  }

  protected fill(table: PhysVecTable, provider: Device, ranges: readonly PhysRange[]): Errno {
    for (const range of ranges) {
      const errno = this.fillOne(table, provider, range);
      if (errno !== 0) return errno;
    }
    const { space } = table;
    if (space === null) return 0;
    const errno = this.env.iovaSync(space, 0, table.linked);
    if (errno === 0) this.fillEntry(table, { address: space.address, length: table.linked, peer: "host" });
    return errno;
  }

  protected fillOne(table: PhysVecTable, provider: Device, range: PhysRange): Errno {
    const { device } = table.attachment;
    if (table.bus) {
      const address = range.storage.physical + range.offset + provider.traits.busOffset;
      this.fillEntry(table, { address, length: range.length, peer: "bus" });
      return 0;
    }
    if (table.space !== null) {
      const errno = this.link(table, table.space, range);
      if (errno === 0) table.linked += range.length;
      return errno;
    }
    const segment = this.env.dmaMapPhys(device, range, table.direction, this.attributes());
    if (typeof segment === "number") return segment;
    table.mapped.push(segment);
    this.fillEntry(table, { ...segment, peer: "host" });
    return 0;
  }

  /** Each range behind the one before. */
  protected link(table: PhysVecTable, space: IovaSpace, range: PhysRange): Errno {
    return this.env.iovaLink(space, range, table.linked, table.direction, this.attributes());
  }

  protected attributes(): DmaAttributes {
    return mmio;
  }

  /** `fill_sg_entry`: as many entries as it takes. */
  protected fillEntry(table: PhysVecTable, { address, length, peer }: Segment): void {
    const { maxSegment } = table.attachment.device;
    const most = Math.min(longestEntry, Math.max(pageSize, maxSegment - (maxSegment % pageSize)));
    for (let at = 0; at < length; at += most)
      table.segments.push({ address: address + at, length: Math.min(most, length - at), peer: peer! });
  }

  /** What was mapped, in the form in which it was, and no more. */
  protected undo(table: PhysVecTable): void {
    const { space, linked, direction, mapped } = table;
    if (space !== null) {
      if (linked > 0) this.env.iovaDestroy(space, linked, direction, this.attributes());
      else this.env.iovaFree(space);
    }
    for (const segment of mapped) this.env.dmaUnmapPhys(table.attachment.device, segment, direction, this.attributes());
  }

  protected assertHeld(attachment: Attachment): void {
    if (!this.env.isLockedByMe(attachment.buffer.resv))
      this.env.warn("the reservation lock is not held where a provider's ranges are mapped");
  }
}
