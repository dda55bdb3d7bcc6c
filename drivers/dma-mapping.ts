import type { Errno } from "../spec/errno.ts";
import { EINVAL, ENOMEM } from "../spec/errno.ts";
import type { Env } from "../spec/roles/env.ts";
import type { Device, Direction, Segment, SgTable, Storage } from "../spec/roles/handles.ts";
import { pageSize } from "../spec/roles/handles.ts";

/** A table for one device, with the ranges that its unmap takes down. */
export class MappedTable implements SgTable {
  /** The importer's to rewrite until it unmaps. */
  readonly segments: Segment[];
  readonly device: Device;
  /** As mapped; never handed out. */
  readonly ranges: readonly Segment[];

  constructor(device: Device, ranges: readonly Segment[]) {
    this.segments = ranges.map(({ address, length }) => ({ address, length }));
    this.device = device;
    this.ranges = ranges;
  }
}

/**
 * Allocates a table and maps storage into it (`sg_alloc_table_from_pages` and `dma_map_sgtable`; for MMIO
 * `dma_buf_phys_vec_to_sgt`, `drivers/dma-buf/dma-buf-mapping.c`). Entries are 32 bits long and no longer than a device's
 * segments. The direction none stops a kernel in its DMA layer; here it is refused.
 */
export function mapStorage(env: Env, device: Device, storage: Storage, direction: Direction): MappedTable | Errno {
  if (direction === "none") return EINVAL;
  const longest = Math.floor(Math.min(device.maxSegment, 2 ** 32 - 1) / pageSize) * pageSize;
  if (longest === 0) return EINVAL;
  if (!env.allocate("sg-table")) return ENOMEM;
  const ranges: Segment[] = [];
  for (let offset = 0; offset < storage.size; offset += longest) {
    const range = env.dmaMap(device, storage, offset, Math.min(longest, storage.size - offset));
    if (typeof range === "number") {
      unmapRanges(env, device, ranges);
      return range;
    }
    ranges.push(range);
  }
  return new MappedTable(device, ranges);
}

/** Takes a table down by what was mapped, whatever the buffer has become since (`dma_unmap_sgtable`, `dma_buf_free_sgt`). */
export function unmapStorage(env: Env, table: SgTable): void {
  if (table instanceof MappedTable) unmapRanges(env, table.device, table.ranges);
  else env.warn("kernel stops: a table is unmapped that this exporter has not made");
}

function unmapRanges(env: Env, device: Device, ranges: readonly Segment[]): void {
  for (const range of ranges) env.dmaUnmap(device, range);
}
