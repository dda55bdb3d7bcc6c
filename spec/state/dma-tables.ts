import type { ResolvedSegment } from "../calls.ts";
import type { DmaAttribute } from "../roles/dma.ts";
import type { Direction } from "../roles/handles.ts";
import { field, table } from "./schema.ts";

/** A range linked in reserved space. Bytes. */
export interface IovaLink {
  readonly storage: string;
  readonly from: number;
  /** Where in the space. */
  readonly offset: number;
  readonly length: number;
  readonly direction: Direction;
  readonly attributes: readonly DmaAttribute[];
}

export const translation = table({
  device: field<string>(),
  address: field<number>("ghost"),
  length: field<number>("ghost"),
  storage: field<string>("ghost"),
  offset: field<number>("ghost"),
});

/** A live mapping of the DMA API: a single one under `device@address`, a list under its name. Bytes. */
export const dmaEntry = table({
  device: field<string>("ghost"),
  by: field<string>("ghost"),
  /** Name of the list, or of a mapping that the program made; null otherwise. */
  object: field<string | null>("ghost"),
  list: field<boolean>("ghost"),
  storage: field<string | null>("ghost"),
  offset: field<number>("ghost"),
  address: field<number>("ghost"),
  length: field<number>("ghost"),
  direction: field<Direction>("ghost"),
  attributes: field<readonly DmaAttribute[]>("ghost"),
  /** Entries as they were given in. */
  count: field<number>("ghost"),
  segments: field<readonly ResolvedSegment[]>("ghost"),
});

/** Space reserved in a device's translation. */
export const iovaSpace = table({
  device: field<string>("ghost"),
  by: field<string>("ghost"),
  address: field<number>("ghost"),
  size: field<number>("ghost"),
  /** Ranges linked, by offset. */
  links: field<readonly IovaLink[]>("ghost"),
  synced: field<boolean>("ghost"),
});

/** A device whose BAR a driver made known to peers. */
export const provider = table({
  /** It still is. */
  live: field<boolean>("ghost"),
  /** Clients whose way to it was asked for, by map type or distance. */
  asked: field<string[]>("ghost"),
});
