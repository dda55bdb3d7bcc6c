import type { EndEvent } from "../../spec/event.ts";
import type { State } from "../../spec/state/state.ts";
import type { Verdict } from "../monitor.ts";
import { isOver } from "../shared/fences.ts";
import { isShared } from "../shared/platform.ts";

/** LIFE-16: what a history shows of whose storage is whose. */
export class Homes {
  /** Buffers that had a storage, by storage. */
  private readonly buffers = new Map<string, Set<string>>();
  /** Exporters that have given device memory back, so that it is no part of the device which stays. */
  private readonly giving = new Set<string>();

  move(buffer: string, storage: string): void {
    const homes = this.buffers.get(storage);
    if (homes === undefined) this.buffers.set(storage, new Set([buffer]));
    else homes.add(buffer);
  }

  free(storage: string, state: State): void {
    const row = state.resources.get(storage);
    if (row?.placement === "device") this.giving.add(row.by);
  }

  /** At the end of a history: what nobody can reach any more is given back. */
  judge({ waiting }: EndEvent, state: State, verdict: Verdict): void {
    if (waiting.length > 0 || [...state.fences].some(([name, row]) => row.published && !isOver(state, name))) return;
    for (const [storage, buffers] of this.buffers) {
      const row = state.resources.get(storage);
      if (row === undefined || (row.placement === "device" && !this.giving.has(row.by))) continue;
      if (isShared(state, storage) || [...buffers].some((name) => isInUse(state, name))) continue;
      verdict.exercised();
      if (row.live)
        verdict.violated(
          `${row.by} never frees ${storage}, and nothing of ${[...buffers].join(" and ")} is left`,
          ...[...buffers].map((name) => verdict.since("buffers", name, "released")),
        );
    }
  }
}

/** Not released, or still mapped by somebody who owes the unmap. */
function isInUse(state: State, name: string): boolean {
  const buffer = state.buffers.get(name);
  if (buffer === undefined || !buffer.released || buffer.vmapHooked) return true;
  for (const row of state.attachments.values()) if (row.buffer === name && row.hookMaps.length > 0) return true;
  return false;
}
