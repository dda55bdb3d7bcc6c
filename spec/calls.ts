import type { ArgsIn, ResultsIn } from "./call-record.ts";
import type { faultCalls } from "./calls/faults.ts";
import type { negotiationCalls } from "./calls/negotiation.ts";
import type { pageTableCalls } from "./calls/page-tables.ts";
import type { spaceCalls } from "./calls/spaces.ts";
import type { AccessKind } from "./roles/env.ts";
import type { RegionRange } from "./roles/exporter.ts";
import type { Direction, Placement, Usage } from "./roles/handles.ts";

/**
 * Arguments of every operation as a history records them: names instead of objects (`b1`, `a1`, `f2`).
 * A name that the operation creates stands under the same key it is later referred to by.
 * Sequence numbers and times are plain integers; sizes, offsets and addresses are bytes.
 */
export interface CallArgs
  extends
    ArgsIn<typeof spaceCalls>,
    ArgsIn<typeof pageTableCalls>,
    ArgsIn<typeof faultCalls>,
    ArgsIn<typeof negotiationCalls> {
  // Exporter side (drivers/dma-buf/dma-buf.c)
  readonly export: {
    readonly buffer: string;
    readonly exporter: string;
    readonly size: number;
    readonly resv: string | null;
    /** Items the caller left out of the export info. */
    readonly missing: readonly string[];
    /** Optional hooks that the exporter offers. */
    readonly attach: boolean;
    readonly detach: boolean;
    readonly pin: boolean;
    readonly unpin: boolean;
    readonly caching: boolean;
    /** Optional hooks for the CPU that the exporter offers. */
    readonly cpuHooks: readonly CpuHook[];
  };
  readonly exportFd: { readonly buffer: string; readonly fd: string; readonly closeOnExec: boolean };
  readonly close: { readonly fd: string };
  readonly get: { readonly fd: string; readonly buffer: string | null };
  readonly getRef: { readonly buffer: string };
  readonly put: { readonly buffer: string };
  readonly invalidate: { readonly buffer: string };
  readonly seek: { readonly buffer: string; readonly offset: number; readonly whence: number };
  readonly setName: { readonly buffer: string; readonly name: string | null };
  readonly getName: { readonly buffer: string };
  readonly listBuffers: object;
  // Importer side
  readonly attach: {
    readonly buffer: string | null;
    readonly device: string | null;
    readonly importer: string;
    readonly attachment: string;
    readonly ops: AttachmentOps;
    readonly allowPeer2peer: boolean;
    /** Highest address the device can send, and its longest segment in bytes; 0 without a device. */
    readonly dmaMask: number;
    readonly maxSegment: number;
  };
  /** `altered`: the importer's ops are no longer what they were at attach. */
  readonly detach: { readonly buffer: string | null; readonly attachment: string | null; readonly altered: boolean };
  readonly pin: { readonly attachment: string };
  readonly unpin: { readonly attachment: string };
  readonly map: { readonly attachment: string | null; readonly direction: Direction; readonly mapping: string };
  readonly mapUnlocked: { readonly attachment: string | null; readonly direction: Direction; readonly mapping: string };
  readonly unmap: UnmapArgs;
  readonly unmapUnlocked: UnmapArgs;
  readonly isRevocable: { readonly attachment: string };
  // Reservation side (lock operations are events of their own)
  readonly acquireInit: { readonly acquire: string };
  readonly acquireDone: { readonly acquire: string };
  readonly acquireFini: { readonly acquire: string };
  readonly reserveFences: { readonly resv: string; readonly count: number };
  readonly addFence: { readonly resv: string; readonly fence: string; readonly usage: Usage };
  readonly replaceFences: {
    readonly resv: string;
    readonly context: number;
    readonly fence: string;
    readonly usage: Usage;
  };
  readonly copyFences: { readonly destination: string; readonly source: string };
  readonly iterateFences: { readonly resv: string; readonly usage: Usage };
  readonly getFences: { readonly resv: string; readonly usage: Usage };
  readonly getSingleton: { readonly resv: string; readonly usage: Usage };
  readonly waitFences: {
    readonly resv: string;
    readonly usage: Usage;
    readonly interruptible: boolean;
    readonly timeout: number;
  };
  readonly testSignaled: { readonly resv: string; readonly usage: Usage };
  readonly setDeadline: { readonly resv: string; readonly usage: Usage; readonly deadline: number };
  // Fence side
  readonly fenceInit: {
    readonly fence: string;
    readonly context: number;
    readonly seqno: number;
    readonly seqno64: boolean;
    /** Owner operations that the fence has. */
    readonly hooks: readonly FenceHook[];
  };
  readonly fenceGet: { readonly fence: string };
  readonly fenceGetLive: { readonly fence: string };
  readonly fencePut: { readonly fence: string };
  readonly signal: { readonly fence: string };
  readonly signalTimestamp: { readonly fence: string; readonly timestamp: number };
  readonly checkAndSignal: { readonly fence: string };
  readonly setError: { readonly fence: string; readonly error: number };
  readonly getStatus: { readonly fence: string };
  readonly isSignaled: { readonly fence: string };
  readonly timestamp: { readonly fence: string };
  readonly isLater: { readonly first: string; readonly second: string };
  readonly addCallback: { readonly fence: string | null; readonly callback: string | null };
  readonly removeCallback: { readonly fence: string; readonly callback: string };
  readonly enableSignaling: { readonly fence: string };
  readonly setFenceDeadline: { readonly fence: string; readonly deadline: number };
  readonly waitFence: { readonly fence: string; readonly interruptible: boolean; readonly timeout: number };
  readonly waitAny: { readonly fences: readonly string[]; readonly interruptible: boolean; readonly timeout: number };
  readonly beginSignalling: object;
  readonly endSignalling: { readonly cookie: boolean };
  readonly createArray: {
    readonly fence: string;
    readonly members: readonly string[];
    readonly context: number;
    readonly seqno: number;
    readonly signalOnAny: boolean;
  };
  readonly createChain: {
    readonly fence: string;
    readonly previous: string | null;
    readonly contained: string;
    readonly seqno: number;
  };
  readonly findSeqno: { readonly fence: string; readonly seqno: number };
  readonly merge: { readonly fence: string; readonly fences: readonly string[] };
  // CPU side
  readonly beginCpu: BracketArgs;
  readonly endCpu: BracketArgs;
  /** Flags null: a pointer that faults. Bits as in `struct dma_buf_sync`. */
  readonly ioctlSync: { readonly buffer: string; readonly flags: number | null };
  readonly ioctl: { readonly buffer: string; readonly command: number };
  readonly vmap: VmapArgs;
  readonly vmapUnlocked: VmapArgs;
  readonly vunmap: VunmapArgs;
  readonly vunmapUnlocked: VunmapArgs;
  readonly mmap: MmapArgs;
  readonly mmapFd: MmapArgs;
  // Sync files and poll. Flags null: a pointer that faults.
  readonly exportSyncFile: { readonly buffer: string; readonly syncFile: string; readonly flags: number | null };
  /** `syncFile` null: a descriptor of something else, or of nothing. */
  readonly importSyncFile: {
    readonly buffer: string;
    readonly syncFile: string | null;
    readonly flags: number | null;
  };
  readonly createSyncFile: { readonly fence: string; readonly syncFile: string };
  readonly mergeSyncFiles: {
    readonly first: string;
    readonly second: string | null;
    readonly syncFile: string;
    readonly flags: number;
    readonly pad: number;
  };
  readonly syncFileInfo: {
    readonly syncFile: string;
    readonly count: number;
    readonly flags: number;
    readonly pad: number;
  };
  readonly syncFileDeadline: { readonly syncFile: string; readonly deadline: number; readonly pad: number };
  readonly syncFileIoctl: { readonly syncFile: string; readonly command: number };
  /** `poller`: who is to be woken; null where nobody sleeps. */
  readonly pollSyncFile: { readonly syncFile: string; readonly poller: string | null };
  readonly closeSyncFile: { readonly syncFile: string };
  readonly poll: {
    readonly buffer: string;
    readonly input: boolean;
    readonly output: boolean;
    readonly poller: string | null;
  };
  readonly munmap: { readonly buffer: string; readonly view: string };
  // Driver operations of importers: what a device's user asks for
  readonly import: {
    readonly importer: string;
    readonly buffer: string;
    readonly import: string;
    readonly direction: Direction;
  };
  readonly submit: {
    readonly importer: string;
    readonly uses: readonly { readonly import: string; readonly kind: AccessKind }[];
    readonly job: string;
  };
  readonly complete: { readonly job: string };
  readonly stop: { readonly import: string };
  readonly release: { readonly import: string };
  // Driver operations of exporters
  readonly requestFd: {
    readonly exporter: string;
    readonly buffer: string;
    readonly fd: string;
    readonly closeOnExec: boolean;
  };
  readonly exportRegion: {
    readonly exporter: string;
    readonly buffer: string;
    readonly ranges: readonly RegionRange[];
    readonly flags: number;
  };
  readonly move: { readonly buffer: string; readonly placement: Placement };
  readonly evict: { readonly buffer: string };
  readonly revoke: { readonly buffer: string };
  readonly unrevoke: { readonly buffer: string };
  readonly revokeForever: { readonly buffer: string };
  readonly reset: { readonly exporter: string };
  readonly setMemory: { readonly exporter: string; readonly on: boolean };
  readonly closeDevice: { readonly exporter: string };
  readonly unloadOwner: { readonly exporter: string };
  // Harness control
  readonly interrupt: { readonly target: string };
}

/** Of a bracket of CPU access. */
export interface BracketArgs {
  readonly buffer: string;
  readonly direction: Direction;
}

interface VmapArgs {
  readonly buffer: string;
  readonly view: string;
}

interface VunmapArgs {
  readonly buffer: string;
  /** Null: an address that no vmap of this buffer gave. */
  readonly view: string | null;
}

/** A user mapping as it is asked for: offset and length in pages. */
export interface MmapArgs {
  readonly buffer: string;
  readonly view: string;
  readonly offset: number;
  readonly pages: number;
  /** False: a private mapping, which copies at the first write. */
  readonly shared: boolean;
}

interface UnmapArgs {
  readonly attachment: string | null;
  /** Null: a table that no live mapping of this attachment has. */
  readonly mapping: string | null;
  readonly direction: Direction;
  /** True if the table's segments differ from what map returned. */
  readonly altered: boolean;
}

/** Importer ops of an attachment: none, a record without the callback, a record with it. */
export type AttachmentOps = "static" | "noCallback" | "callback";

/** Owner operations a fence may have. */
export type FenceHook = "enableSignaling" | "signaled" | "wait" | "release" | "setDeadline";

/** Hooks of an exporter for the CPU. */
export const cpuHooks = ["beginCpu", "endCpu", "mmap", "vmap", "vunmap"] as const;
export type CpuHook = (typeof cpuHooks)[number];

/** A mapped range with what it resolved to when the map returned. */
export interface ResolvedSegment {
  readonly address: number;
  readonly length: number;
  /** Null where the device has no translation for it. */
  readonly storage: string | null;
  /** Bytes into the storage. */
  readonly offset: number;
  /** What the exporter says of it: memory of a peer, by bus address or through the host bridge. */
  readonly peer?: "bus" | "host";
}

/** What an operation answers beside its errno. Operations that are not listed answer nothing else. */
export interface CallResults
  extends
    ResultsIn<typeof spaceCalls>,
    ResultsIn<typeof pageTableCalls>,
    ResultsIn<typeof faultCalls>,
    ResultsIn<typeof negotiationCalls> {
  readonly export: { readonly resv: string | null };
  /** `closeOnExec`: what the new descriptor says; on failure what was asked for. */
  readonly exportFd: { readonly number: number; readonly closeOnExec: boolean };
  readonly get: { readonly buffer: string | null };
  readonly attach: { readonly peer2peer: boolean };
  readonly map: MapResult;
  readonly mapUnlocked: MapResult;
  readonly vmap: VmapResult;
  readonly vmapUnlocked: VmapResult;
  readonly exportSyncFile: SyncFileResult;
  readonly mergeSyncFiles: SyncFileResult;
  readonly createSyncFile: { readonly descriptor: number; readonly closeOnExec: boolean };
  readonly syncFileInfo: {
    readonly fences: number;
    readonly status: number;
    readonly records: readonly { readonly fence: string; readonly status: number }[];
  };
  readonly pollSyncFile: { readonly answer: boolean };
  /** What is ready. */
  readonly poll: { readonly readable: boolean; readonly writable: boolean };
  readonly mmap: MmapResult;
  readonly mmapFd: MmapResult;
  readonly isRevocable: { readonly answer: boolean };
  readonly seek: { readonly result: number };
  readonly getName: { readonly name: string };
  readonly listBuffers: { readonly buffers: readonly string[] };
  readonly iterateFences: { readonly entries: readonly { readonly fence: string; readonly usage: Usage }[] };
  readonly getFences: { readonly fences: readonly string[] };
  readonly getSingleton: { readonly fence: string | null };
  readonly waitFences: { readonly result: number };
  readonly testSignaled: { readonly answer: boolean };
  readonly signal: object;
  readonly checkAndSignal: { readonly answer: boolean };
  readonly getStatus: { readonly status: number };
  readonly isSignaled: { readonly answer: boolean };
  readonly timestamp: { readonly time: number };
  readonly isLater: { readonly answer: boolean };
  readonly removeCallback: { readonly answer: boolean };
  readonly fenceGetLive: { readonly answer: boolean };
  readonly waitFence: { readonly result: number };
  readonly waitAny: { readonly result: number; readonly index: number };
  readonly beginSignalling: { readonly cookie: boolean };
  readonly createArray: { readonly created: boolean };
  readonly createChain: { readonly created: boolean; readonly context: number; readonly number: number };
  readonly findSeqno: { readonly found: string | null };
  /** `members`: of a fresh array. `time`: stamp of a fresh fence that stands for nothing pending. */
  readonly merge: {
    readonly merged: string | null;
    readonly context: number;
    readonly number: number;
    readonly members: readonly string[];
    readonly time: number | null;
  };
}

/** What a vmap gives. */
export interface VmapResult {
  /** Identity of the kernel address; null where the result is cleared. */
  readonly address: string | null;
  readonly iomem: boolean;
}

/** A sync file as its maker answers it: null and nothing on failure. */
interface SyncFileResult {
  readonly fence: string | null;
  /** Of a fresh array: its fences. */
  readonly members: readonly string[];
  readonly context: number;
  readonly number: number;
  /** Stamp of a fresh fence that stands for nothing pending. */
  readonly time: number | null;
  readonly descriptor: number;
  readonly closeOnExec: boolean;
}

interface MmapResult {
  /** Buffer whose file the mapping belongs to, and the page of that file it starts at. */
  readonly file: string | null;
  readonly start: number;
}

/** What a map gives. */
export interface MapResult {
  /** Identity of the table that was returned; null on failure. */
  readonly table: string | null;
  readonly segments: readonly ResolvedSegment[];
}

/** Every operation that crosses a seam as call and return. */
export type CallName = keyof CallArgs;
