import { plainDevice } from "../../spec/platform.ts";
import { since } from "../../spec/profile.ts";
import type { platformOperations } from "../../spec/operations/platform.ts";
import type { DmaAttribute } from "../../spec/roles/dma.ts";
import { pickRow, type DrawContext, type Draws } from "./context.ts";

function device({ random, setup }: DrawContext): string {
  return random.pick(setup.devices).name;
}

function withDevice(context: DrawContext): { readonly device: string } {
  return { device: device(context) };
}

/** A device whose BAR is memory. */
function provider({ random, setup }: DrawContext): string | null {
  const able = setup.devices.filter(({ bar = plainDevice.bar }) => bar === "memory");
  return able.length === 0 ? null : random.pick(able).name;
}

function ownEntry({ random, state }: DrawContext): string | null {
  const key = pickRow(random, state.dmaEntries, (row) => row.by === "program");
  return key === null ? null : state.dmaEntries.get(key)!.object;
}

/** Draws for peers and the DMA API. */
export const platformDraws: Draws<keyof typeof platformOperations> = {
  providerInit: withDevice,
  providerGone: withDevice,
  providerFor: withDevice,
  mapType: (context) => ({ provider: device(context), client: device(context) }),
  distance: (context) => {
    const { random } = context;
    const clients = Array.from({ length: random.pick([0, 1, 1, 2, 3]) }, () => device(context));
    return { provider: device(context), clients };
  },
  pageLookup: (context) => {
    const { random } = context;
    return {
      owner: random.chance(0.7) ? provider(context) : null,
      optIn: random.chance(0.5),
      longTerm: random.chance(0.4),
    };
  },
  dmaMap: (context) => {
    const { random, profile } = context;
    const owner = random.chance(0.5) ? provider(context) : null;
    const pieces = random.pick([1, 1, 1, 2, 3, 5]);
    const attributes: DmaAttribute[] = owner !== null && pieces === 1 ? ["mmio"] : [];
    const newer = since(profile.series, "K7.1");
    if (newer && random.chance(0.15)) attributes.push("requireCoherent");
    if (newer && (owner === null || pieces === 1) && random.chance(0.25)) attributes.push("ccShared");
    if (random.chance(0.1)) attributes.push("skipSync");
    if (random.chance(0.05)) attributes.push("privileged");
    return {
      device: device(context),
      owner,
      pages: random.pick([1, 1, 2, 3, 16, 100]),
      first: random.pick([0, 0, 1, 5]),
      pieces,
      direction: random.pick(["bidirectional", "toDevice", "fromDevice"] as const),
      attributes,
      entry: context.name("dmaEntry"),
    };
  },
  dmaUnmap: (context) => {
    const entry = ownEntry(context);
    return entry === null ? null : { entry };
  },
  dmaSync: (context) => {
    const entry = ownEntry(context);
    return entry === null ? null : { entry, owner: context.random.pick(["device", "cpu"] as const) };
  },
  setMask: (context) => ({
    device: device(context),
    bits: context.random.pick([16, 24, 32, 40, 52]),
    coherent: context.random.chance(0.5),
  }),
};
