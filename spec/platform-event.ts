import type { ResolvedSegment } from "./calls.ts";
import type { Errno } from "./errno.ts";
import type { EventBase } from "./event-base.ts";
import type { BridgeSetup, DeviceFacts } from "./platform.ts";
import type { DmaAttribute } from "./roles/dma.ts";
import type { Direction } from "./roles/handles.ts";
import type { MapType } from "./roles/peers.ts";

/** What the set-up says of the platform: the first event of a history whose set-up says anything. */
export interface PlatformEvent extends EventBase {
  readonly kind: "platform";
  readonly cpuGood: boolean;
  readonly peerSupport: boolean;
  readonly bridges: readonly BridgeSetup[];
  readonly devices: readonly (DeviceFacts & { readonly name: string })[];
  readonly exporters: readonly { readonly name: string; readonly device: string }[];
}

/** A call of the peer-to-peer part; none of them blocks. Only where the platform is described. */
export interface PeerEvent extends EventBase {
  readonly kind: "peer";
  readonly op: (typeof peerCalls)[number];
  readonly by: string;
  /** The device whose memory it is about. */
  readonly provider: string;
  readonly clients: readonly string[];
  /** What `mapType` answers. */
  readonly type: MapType | null;
  /** What `distance` answers; 1 for a provider that is there; 0 otherwise. */
  readonly result: number;
  readonly errno: Errno;
  /** Of a page lookup. */
  readonly optIn: boolean;
  readonly longTerm: boolean;
}

export const peerCalls = ["providerInit", "providerFor", "providerGone", "mapType", "distance", "pageLookup"] as const;

/** A call of the DMA API; none of them blocks. Only where the platform is described. Bytes. */
export interface DmaEvent extends EventBase {
  readonly kind: "dma";
  readonly op: (typeof dmaCalls)[number];
  readonly by: string;
  readonly device: string;
  readonly errno: Errno;
  /** The list or the reserved space it is about; null for a single mapping. */
  readonly object: string | null;
  /** Of `map` and `iovaLink`: what is mapped. */
  readonly storage: string | null;
  readonly offset: number;
  /** The address made or named; 0 where there is none. Of `iovaLink`: the offset in the space. Of the masks: bits. */
  readonly address: number;
  readonly length: number;
  readonly direction: Direction;
  readonly attributes: readonly DmaAttribute[];
  /** Entries of the list as it was given in; as the caller says they are. */
  readonly count: number;
  /** What a mapped list gives the device. */
  readonly segments: readonly ResolvedSegment[];
}

export const dmaCalls = [
  "map",
  "unmap",
  "mapSg",
  "unmapSg",
  "syncForDevice",
  "syncForCpu",
  "iovaTryAlloc",
  "iovaLink",
  "iovaSync",
  "iovaFree",
  "iovaDestroy",
  "setMask",
  "setCoherentMask",
] as const;

/** The helper for exporters of device memory makes a table or takes it back. Only where the platform is described. */
export interface HelperEvent extends EventBase {
  readonly kind: "helper";
  readonly op: "physVecToSgt" | "freeSgt";
  readonly by: string;
  readonly attachment: string | null;
  readonly provider: string | null;
  readonly ranges: readonly { readonly storage: string; readonly offset: number; readonly length: number }[];
  readonly size: number;
  readonly direction: Direction;
  readonly table: string | null;
  readonly errno: Errno;
}

/** What a DMA layer does to memory beside page tables. Only where the platform is described. Bytes. */
export interface TouchEvent extends EventBase {
  readonly kind: "touch";
  readonly what: (typeof touches)[number];
  /** Null: the memory is shared or taken back. */
  readonly device: string | null;
  readonly storage: string | null;
  readonly offset: number;
  readonly length: number;
  readonly errno: Errno;
}

export const touches = [
  "cachesForDevice",
  "cachesForCpu",
  "copyToSlot",
  "copyFromSlot",
  "page",
  "flush",
  "share",
  "unshare",
] as const;
