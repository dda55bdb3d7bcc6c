import type { RegionRange } from "../spec/roles/exporter.ts";
import { pageSize } from "../spec/roles/handles.ts";

/** Whether a range of device memory is one that can be exported: some whole pages. */
export function isWholePages({ offset, length }: RegionRange): boolean {
  return length > 0 && offset % pageSize === 0 && length % pageSize === 0;
}

/** Bytes from the start of the memory to the end of the last range. */
export function extentOf(ranges: readonly RegionRange[]): number {
  return Math.max(0, ...ranges.map(({ offset, length }) => offset + length));
}
