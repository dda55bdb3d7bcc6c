import { EINVAL, EIO, ENOMEM, EOPNOTSUPP, EREMOTEIO, type Errno } from "../../spec/errno.ts";
import type { TranslateEvent } from "../../spec/event.ts";
import type { DmaEvent } from "../../spec/platform-event.ts";
import { since, type Series } from "../../spec/profile.ts";
import type { DmaAttribute } from "../../spec/roles/dma.ts";
import { mappedKey } from "../../spec/state/observe/dma.ts";
import type { DmaEntryState, State } from "../../spec/state/state.ts";

/** Attributes that decide how a mapping is taken down. */
export const lasting: readonly DmaAttribute[] = ["mmio", "requireCoherent", "privileged", "ccShared"];

/** What a call ends: undefined where that is nothing, null for calls that end nothing. */
export function endedBy(event: DmaEvent, state: State): Pick<DmaEntryState, "direction" | "length"> | undefined | null {
  switch (event.op) {
    case "unmap":
      return state.dmaEntries.get(mappedKey(state, event) ?? "");
    case "unmapSg":
      return state.dmaEntries.get(event.object ?? "");
    case "iovaDestroy": {
      const space = state.iovaSpaces.get(event.object ?? "");
      const first = space?.links[0];
      if (space === undefined || first === undefined) return undefined;
      return { direction: first.direction, length: space.links.reduce((sum, { length }) => sum + length, 0) };
    }
    default:
      return null;
  }
}

/** The attributes that what a call ends was made with. */
export function attributesEndedBy(event: DmaEvent, state: State): readonly DmaAttribute[] | undefined {
  switch (event.op) {
    case "unmap":
      return state.dmaEntries.get(mappedKey(state, event) ?? "")?.attributes;
    case "unmapSg":
      return state.dmaEntries.get(event.object ?? "")?.attributes;
    case "iovaDestroy":
      return state.iovaSpaces.get(event.object ?? "")?.links[0]?.attributes;
    default:
      return undefined;
  }
}

/** Errors that a scatterlist may fail with. */
export function listErrors(series: Series): readonly Errno[] {
  const all = [EINVAL, ENOMEM, EIO, EREMOTEIO];
  return since(series, "K7.1") ? [...all, EOPNOTSUPP] : all;
}

/** Translations that were made and that no successful call has accounted for yet. */
export class Unclaimed {
  private readonly byDevice = new Map<string, Set<string>>();

  note(event: TranslateEvent, state: State): void {
    if (state.platform.devices[event.device] === undefined) return;
    const key = `0x${event.address.toString(16)}`;
    const known = this.byDevice.get(event.device) ?? new Set();
    this.byDevice.set(event.device, known);
    if (event.on) known.add(key);
    else known.delete(key);
  }

  of(device: string): readonly string[] {
    return [...(this.byDevice.get(device) ?? [])];
  }

  claim(device: string): void {
    this.byDevice.get(device)?.clear();
  }
}
