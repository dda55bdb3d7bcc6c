import type { DeviceSetup, Setup } from "./program.ts";

/** Bits of the Access Control Services of a PCI function that send peer requests up to the root complex. */
export const acsBits = ["requestRedirect", "completionRedirect", "egressControl"] as const;
export type AcsBit = (typeof acsBits)[number];

/** A bridge of the PCI tree: a host bridge with its root bus, or a port of a root complex or switch. */
export interface BridgeSetup {
  readonly name: string;
  /** The bridge it hangs from; null: a host bridge. */
  readonly parent: string | null;
  readonly acs: readonly AcsBit[];
  /** Of a host bridge: what the list of bridges that pass peer traffic says of it. Of a port: `no`. */
  readonly allow: "listed" | "sameBridge" | "no";
}

/** The PCI tree of a set-up and what goes for all of it. */
export interface PlatformSetup {
  /** The CPU family is known to pass peer traffic between any two host bridges. */
  readonly cpuGood: boolean;
  /** Peer-to-peer support is built in. */
  readonly peerSupport: boolean;
  readonly bridges: readonly BridgeSetup[];
}

/** What a platform says of a device. Sizes, offsets and limits in bytes. */
export interface DeviceTraits {
  /** The bridge it hangs from; null: the root bus of a host bridge that has no name. */
  readonly bus: string | null;
  /** A PCI function, a device below one (its PCI ancestor hangs from `bus`), or none of both. */
  readonly function: "pci" | "child" | "none";
  readonly acs: readonly AcsBit[];
  /** It can send translated requests. */
  readonly ats: boolean;
  /** `legacy`: DMA operations of an old platform, which know page-backed memory only. `blocked`: no address is valid. */
  readonly iommu: "translated" | "identity" | "legacy" | "blocked";
  /** Bouncing through the software TLB is forced where it is mapped directly (swiotlb=force, confidential guests). */
  readonly bounce: boolean;
  readonly coherent: boolean;
  /** Whether its driver has set a DMA mask: to `dmaBits`, not yet (32 bits), or the device has none. */
  readonly mask: "set" | "default" | "none";
  /** Address bits that the buses on its way pass; 0: all. */
  readonly busLimitBits: number;
  /** A segment crosses no multiple of it; 0: no such limit. */
  readonly boundary: number;
  /** Added to addresses of RAM where the device is mapped directly (dma ranges). */
  readonly dmaOffset: number;
  /** From physical to bus addresses of its BAR. */
  readonly busOffset: number;
  /**
   * What its first BAR is. `unmappable`: peers cannot map the BARs of this device. `secure`: memory that ends
   * in a machine check for whoever does not know how to deal with it.
   */
  readonly bar: "memory" | "io" | "absent" | "unmappable" | "secure";
  /** Its memory answers only what comes directly, not through a host bridge. */
  readonly directOnly: boolean;
  readonly untrusted: boolean;
  /** Stale translations are flushed later, in batches. */
  readonly lazyFlush: boolean;
  /** Smallest range that its IOMMU maps, a power of two. */
  readonly granule: number;
  /** Confidential computing: in nobody's realm, shared with the host, or private. */
  readonly cc: "none" | "shared" | "private";
}

/** A device of which the set-up says nothing. */
export const plainDevice: DeviceTraits = {
  bus: null,
  function: "pci",
  acs: [],
  ats: false,
  iommu: "translated",
  bounce: false,
  coherent: true,
  mask: "set",
  busLimitBits: 0,
  boundary: 0,
  dmaOffset: 0,
  busOffset: 0,
  bar: "memory",
  directOnly: false,
  untrusted: false,
  lazyFlush: false,
  granule: 4096,
  cc: "none",
};

const plainFacts: DeviceFacts = { ...plainDevice, dmaMask: 2 ** 52 - 1, maxSegment: 2 ** 52 };

/** Names of the traits, in the order in which files have them. */
export const traitNames = Object.keys(plainDevice) as readonly (keyof DeviceTraits)[];

const plainPlatform: PlatformSetup = { cpuGood: true, peerSupport: true, bridges: [] };

/** A device as histories describe it: its traits, and what it can send at most. */
export interface DeviceFacts extends DeviceTraits {
  /** Highest address the device sends, inclusive; its driver may set another. */
  readonly dmaMask: number;
  /** Longest segment in bytes. */
  readonly maxSegment: number;
}

/** A platform as histories tell it. Constant in a run but for the masks. */
export interface Platform {
  readonly cpuGood: boolean;
  readonly peerSupport: boolean;
  readonly bridges: Readonly<Record<string, BridgeSetup>>;
  readonly devices: Readonly<Record<string, DeviceFacts>>;
  /** The device of each exporter. */
  readonly exporters: Readonly<Record<string, string>>;
}

/** One host bridge that passes everything, every PCI function on its root bus behind an IOMMU of its own. */
export const unknownPlatform: Platform = {
  cpuGood: true,
  peerSupport: true,
  bridges: {},
  devices: {},
  exporters: {},
};

/** All traits of a device. */
export function traitsOf(device: DeviceSetup): DeviceTraits {
  return Object.fromEntries(
    traitNames.map((name) => [name, device[name] ?? plainDevice[name]]),
  ) as unknown as DeviceTraits;
}

/** Whether a set-up says anything about the platform. One that does not leaves no trace of it in the history. */
export function describesPlatform({ platform, devices }: Setup): boolean {
  return platform !== undefined || devices.some((device) => traitNames.some((name) => device[name] !== undefined));
}

/** The PCI tree of a set-up. */
export function treeOf({ platform = plainPlatform }: Setup): PlatformSetup {
  return platform;
}

/** What a platform says of a device, known to the history or not. */
export function deviceOf(platform: Platform, name: string): DeviceFacts {
  return platform.devices[name] ?? plainFacts;
}

/** The ports above a place in the tree, nearest first, and the host bridge at the end (null: one without a name). */
export function waysUp(
  bridges: Readonly<Record<string, BridgeSetup>>,
  bus: string | null,
): { readonly ports: readonly BridgeSetup[]; readonly host: BridgeSetup | null } {
  const ports: BridgeSetup[] = [];
  for (let at = bus; at !== null;) {
    const bridge: BridgeSetup | undefined = bridges[at];
    if (bridge === undefined) break;
    if (bridge.parent === null) return { ports, host: bridge };
    ports.push(bridge);
    at = bridge.parent;
  }
  return { ports, host: null };
}
