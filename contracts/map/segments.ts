import type { ResolvedSegment } from "../../spec/calls.ts";
import type { EpochEvent } from "../../spec/event.ts";
import { pageSize } from "../../spec/roles/handles.ts";
import type { State } from "../../spec/state/state.ts";

/** An address as people read it. */
export function hex(address: number): string {
  return `0x${address.toString(16)}`;
}

/** Bytes in all segments together. */
export function sum(segments: readonly ResolvedSegment[]): number {
  return segments.reduce((total, { length }) => total + length, 0);
}

/** A size rounded up to whole pages. */
export function wholePages(size: number): number {
  return Math.ceil(size / pageSize) * pageSize;
}

/** Storage that each buffer has or had, as its exporter declared it. */
export class Storages {
  private readonly byBuffer = new Map<string, Set<string>>();

  note(event: EpochEvent): void {
    if (event.storage === null) return;
    const known = this.byBuffer.get(event.buffer);
    if (known === undefined) this.byBuffer.set(event.buffer, new Set([event.storage]));
    else known.add(event.storage);
  }

  /** True as well where the exporter never said what the buffer consists of. */
  belongs(buffer: string, storage: string): boolean {
    return this.byBuffer.get(buffer)?.has(storage) ?? true;
  }
}

/** Storage that a segment reaches through the device's translations, piece by piece; null: nothing there. */
export function* reached(
  state: State,
  device: string,
  segment: ResolvedSegment,
): Generator<string | null, void, unknown> {
  yield segment.storage;
  const end = segment.address + segment.length;
  for (let at = segment.address; at < end;) {
    const row = state.translations.get(`${device}@${at}`);
    if (row === undefined) {
      // A segment that begins inside a translation: where it begins is all that is known.
      if (at !== segment.address) yield null;
      return;
    }
    yield row.storage;
    at += row.length;
  }
}
