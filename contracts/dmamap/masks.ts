import type { ResolvedSegment } from "../../spec/calls.ts";
import type { DmaEvent } from "../../spec/platform-event.ts";
import { deviceOf } from "../../spec/platform.ts";
import type { DmaAttribute } from "../../spec/roles/dma.ts";
import type { State } from "../../spec/state/state.ts";

/** What a successful map gives the device. */
export function partsOf(event: DmaEvent): readonly Pick<ResolvedSegment, "address" | "length" | "peer">[] {
  return event.op === "mapSg" ? event.segments : [{ address: event.address, length: event.length }];
}

/** Attributes that keep nothing from being mapped. */
export function isPlain(attributes: readonly DmaAttribute[]): boolean {
  return attributes.every((name) => name === "mmio" || name === "skipSync" || name === "noWarn");
}

/** Addresses that a program of a few hundred maps takes at most. */
const enough = 2 ** 31;

/** The masks that drivers have set. */
export class Masks {
  private readonly streaming = new Map<string, number>();
  private readonly coherent = new Map<string, number>();

  note(event: DmaEvent): void {
    if (event.errno !== 0) return;
    if (event.op === "setMask") this.streaming.set(event.device, event.address);
    if (event.op === "setCoherentMask") this.coherent.set(event.device, event.address);
  }

  isSet(device: string): boolean {
    return this.streaming.has(device);
  }

  bitsOf(device: string): number {
    return this.streaming.get(device) ?? 0;
  }

  /** The last address that the device sends; null where the history does not say. */
  reachOf(state: State, device: string): number | null {
    const facts = state.platform.devices[device];
    if (facts === undefined) return null;
    const bits = this.streaming.get(device);
    const mask = bits === undefined ? facts.dmaMask : 2 ** bits - 1;
    return facts.busLimitBits === 0 ? mask : Math.min(mask, 2 ** facts.busLimitBits - 1);
  }

  /** Whether streaming maps have all the room they want. */
  roomFor(state: State, device: string): boolean {
    return (this.reachOf(state, device) ?? 0) > enough && deviceOf(state.platform, device).granule === 4096;
  }

  /** Whether the coherent mask was made narrow. */
  isNarrowed(device: string): boolean {
    return (this.coherent.get(device) ?? 64) < 32;
  }
}
