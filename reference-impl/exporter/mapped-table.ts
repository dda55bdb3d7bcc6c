import type { Errno } from "../../spec/errno.ts";
import { EINVAL } from "../../spec/errno.ts";
import type { Env } from "../../spec/roles/env.ts";
import type { Device, Direction, Segment, SgTable, Storage } from "../../spec/roles/handles.ts";
import { pageSize } from "../../spec/roles/handles.ts";
import type { Backing } from "./buffer-object.ts";

/** Longest piece of any device in bytes: the largest multiple of a page that 32 bits can tell. */
const longestPiece = 2 ** 32 - pageSize;

/**
 * A table handed to an importer, with what is needed to undo it.
 * The importer may rewrite `segments` while it owns the table, and the buffer may move: unmap asks neither.
 */
export class MappedTable implements SgTable {
  readonly segments: Segment[];
  readonly backing: Backing;
  readonly device: Device;
  /** True for an attachment that cannot be told of a move. */
  readonly fixed: boolean;
  /** As mapped; never handed out. */
  readonly pieces: readonly Segment[];
  /** Takes them down; null where each is a mapping of its own. */
  readonly undo: (() => void) | null;
  live = true;

  constructor(
    backing: Backing,
    device: Device,
    fixed: boolean,
    pieces: readonly Segment[],
    undo: (() => void) | null = null,
  ) {
    this.backing = backing;
    this.device = device;
    this.fixed = fixed;
    this.pieces = pieces;
    this.undo = undo;
    this.segments = pieces.map((piece) => ({ ...piece }));
  }
}

/** Bytes in one piece for a device: as much as it takes, in whole pages; 0 where it does not take one page. */
export function pieceLength(device: Device): number {
  const length = Math.min(device.maxSegment, longestPiece);
  return length - (length % pageSize);
}

/** Whether a device can ever be given so many bytes: it has addresses for them and takes at least a page in one piece. */
export function canServe(device: Device, size: number): boolean {
  return device.dmaMask > 0 && size - 1 <= device.dmaMask && pieceLength(device) > 0;
}

/** Maps storage for a device in pieces of at most `longest` bytes; a failure leaves nothing mapped. */
export function mapPieces(
  env: Env,
  device: Device,
  storage: Storage,
  longest: number,
  direction: Direction = "bidirectional",
): readonly Segment[] | Errno {
  if (longest === 0) return EINVAL;
  const pieces: Segment[] = [];
  for (let offset = 0; offset < storage.size; offset += longest) {
    const piece = env.dmaMap(device, storage, offset, Math.min(longest, storage.size - offset), direction);
    if (typeof piece === "number") {
      unmapPieces(env, device, pieces);
      return piece;
    }
    pieces.push(piece);
  }
  return pieces;
}

/** Undoes `mapPieces`. */
export function unmapPieces(env: Env, device: Device, pieces: readonly Segment[]): void {
  for (const piece of pieces) env.dmaUnmap(device, piece);
}
