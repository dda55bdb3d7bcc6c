import type { Errno } from "../errno.ts";
import type { DeviceTraits } from "../platform.ts";
import type { MappingModel } from "./mapping-model.ts";
import type { NegotiationOps } from "./negotiation.ts";
import type { Suspendable } from "./suspendable.ts";

/** Direction of a mapping, as `enum dma_data_direction`. */
export type Direction = "bidirectional" | "toDevice" | "fromDevice" | "none";

/** Usage classes of a reservation object, strongest first: a query at one class covers it and all before it (`enum dma_resv_usage`). */
export const usages = ["kernel", "write", "read", "bookkeep"] as const;
export type Usage = (typeof usages)[number];

/** True if a fence stored as `usage` is seen by a query at `query`. */
export function covers(query: Usage, usage: Usage): boolean {
  return usages.indexOf(usage) <= usages.indexOf(query);
}

/** Bytes in a page everywhere in this project. */
export const pageSize = 4096;

/** Where memory lies. `device` is reached by others only peer-to-peer. */
export type Placement = "system" | "device";

/** An importing or exporting device, made by the harness from the set-up. */
export interface Device {
  readonly name: string;
  /** Highest address the device can send, inclusive. */
  readonly dmaMask: number;
  /** Largest segment the device takes, in bytes. */
  readonly maxSegment: number;
  /** What the platform says of it. */
  readonly traits: DeviceTraits;
  /** Names of the PCI ports above it, nearest first. */
  readonly upstream: readonly string[];
}

/** A piece of backing memory with its own generation; freed memory is never handed out under the same object. */
export interface Storage {
  readonly id: string;
  /** Bytes, a multiple of the page size. */
  readonly size: number;
  readonly placement: Placement;
  /** Physical address of the first byte. */
  readonly physical: number;
  /** The device whose memory it is; null for system memory. */
  readonly owner: string | null;
}

/** A range of DMA addresses for one device. Address and length in bytes. */
export interface Segment {
  address: number;
  length: number;
  /** Memory of a peer, and how it is reached: by bus address or through the host bridge. Absent: ordinary memory. */
  peer?: "bus" | "host";
}

/** A range of memory in bytes: `struct phys_vec`. */
export interface PhysRange {
  readonly storage: Storage;
  readonly offset: number;
  readonly length: number;
}

/** A mapping as map hands it out: `struct sg_table`. The importer owns it until unmap. */
export interface SgTable {
  readonly segments: Segment[];
}

/** `struct dma_buf` as both sides see it. */
export interface DmaBuf {
  /** Bytes; constant for life. */
  readonly size: number;
  readonly resv: Reservation;
  /** What the exporter passed to export; opaque to everybody else. */
  readonly priv: unknown;
}

/** `struct dma_buf_attachment`. */
export interface Attachment {
  readonly buffer: DmaBuf;
  readonly device: Device;
  /** The importer's ops record, null for a static attachment. */
  readonly importerOps: ImporterOps | null;
  readonly importerPriv: unknown;
  /** Starts as what the importer allows; the exporter's attach hook may clear it. */
  peer2peer: boolean;
  /** The exporter's own, set in its attach hook. */
  priv?: unknown;
}

/** `struct dma_buf_attach_ops`. Made with ops: a dynamic attachment. With the callback: revocable (7.1). */
export interface ImporterOps {
  readonly allowPeer2peer: boolean;
  /** What was negotiated, where anything was. */
  readonly model?: MappingModel;
  /** Called with the reservation lock held (`move_notify` up to 7.0, `invalidate_mappings` from 7.1). */
  readonly invalidate?: (attachment: Attachment) => Suspendable<void>;
}

/** Where the kernel sees storage (`vmap`, `ioremap`); made by the machine. */
export interface KernelAddress {
  readonly storage: Storage;
  /** Byte of the storage that the address shows. */
  readonly offset: number;
  /** With the protection of memory that a confidential guest shares with its host (`pgprot_decrypted`). */
  readonly decrypted: boolean;
}

/** `struct iosys_map`: filled by vmap, cleared on failure. */
export interface IosysMap {
  address: KernelAddress | null;
  /** To be touched with the accessors for I/O memory only. */
  isIomem: boolean;
}

/** `struct vm_area_struct`: a part of a process's address space that shows a file. Lengths in pages. */
export interface UserMapping {
  readonly pages: number;
  /** False: a private mapping, which copies at the first write. */
  readonly shared: boolean;
  /** First page of the file that is shown (`vm_pgoff`). */
  start: number;
  /** The buffer whose file it belongs to (`vm_file`); null: a driver's own file. Who sets it takes a reference. */
  file: DmaBuf | null;
  /**
   * Set by the exporter's mmap hook (`vm_ops->fault`): a user touched page `page` of the mapping. 0: there is an entry now,
   * EAGAIN: try again, anything else: SIGBUS.
   */
  fault: ((page: number) => Suspendable<Errno>) | null;
  /** Set by the exporter's mmap hook (`vm_ops->close`): the mapping has no entries any more and ends. */
  close?: () => Suspendable<void>;
}

/** `struct dma_resv`. */
export interface Reservation {
  readonly reservation: true;
}

/** `struct ww_acquire_ctx`. */
export interface AcquireContext {
  readonly acquireContext: true;
}

/** `struct dma_fence`. */
export interface Fence {
  /** Timeline the fence belongs to. */
  readonly context: number;
  /** Position on the timeline; a bigint, as 64-bit numbers occur. */
  readonly seqno: bigint;
}

/** `struct dma_fence_ops`: what a fence's owner supplies. All optional. Called in atomic context but for `wait`. */
export interface FenceOps {
  /** False: the fence is complete already. Called at most once, with the fence lock held. */
  readonly enableSignaling?: (fence: Fence) => boolean;
  /** Whether the work is complete. */
  readonly signaled?: (fence: Fence) => boolean;
  /** An own wait operation; the result is passed on: negative errno, 0 on expiry, remaining time. */
  readonly wait?: (fence: Fence, interruptible: boolean, timeout: number) => number;
  readonly release?: (fence: Fence) => void;
  readonly setDeadline?: (fence: Fence, deadline: number) => void;
  /** 64-bit numbering by the ops table (up to 7.0). */
  readonly seqno64?: boolean;
}

/** `struct dma_fence_cb`: one registration of a callback. */
export interface FenceCallback {
  /** Runs once in atomic context when the fence signals. */
  readonly run: (fence: Fence) => void;
  /** The framework's own, as the list node in the kernel's structure. Absent until the first registration. */
  link?: unknown;
}

/** `struct file` behind a descriptor. */
export interface FileDescriptor {
  /** Slot in the descriptor table, ≥ 0. */
  readonly number: number;
  /** Whether the descriptor closes when a program is executed; set at creation. */
  readonly closeOnExec: boolean;
}

/** A sync file behind a descriptor (`drivers/dma-buf/sync_file.c`). */
export interface SyncFile {
  /** Slot in the descriptor table, ≥ 0. */
  readonly number: number;
  readonly closeOnExec: boolean;
  /** What it stands for: one fence, or an array of several. */
  readonly fence: Fence;
}

/** What a number names that a user hands in: a sync file, another file, or nothing. */
export type AnyFile = SyncFile | FileDescriptor | null;

/** What a poll asks for, or finds ready. */
export interface PollEvents {
  readonly input: boolean;
  readonly output: boolean;
}

/** Who sleeps in a poll (`poll_table`): stays on the queue until it is woken or goes. */
export interface Poller {
  readonly wake: (events: PollEvents) => void;
}

/** The module that owns an exporter's or fence owner's code. */
export interface Owner {
  readonly name: string;
}

/** What export is asked for: `struct dma_buf_export_info`. Null where the caller left an item out. */
export interface ExportInfo {
  readonly size: number;
  readonly priv: unknown;
  readonly ops: ExporterOps | null;
  /** The reservation object to share; absent: the buffer gets its own. */
  readonly resv?: Reservation;
  /** The module that owns the exporter's code. */
  readonly owner?: Owner;
}

/** `struct dma_buf_ops`. */
export interface ExporterOps extends NegotiationOps {
  readonly attach?: (buffer: DmaBuf, attachment: Attachment) => Suspendable<Errno | void>;
  readonly detach?: (buffer: DmaBuf, attachment: Attachment) => Suspendable<void>;
  readonly pin?: (attachment: Attachment) => Suspendable<Errno | void>;
  readonly unpin?: (attachment: Attachment) => Suspendable<void>;
  /** Null stands for a hook that returned nothing. */
  readonly map?: (attachment: Attachment, direction: Direction) => Suspendable<SgTable | Errno | null>;
  readonly unmap?: (attachment: Attachment, table: SgTable, direction: Direction) => Suspendable<void>;
  readonly release?: (buffer: DmaBuf) => Suspendable<void>;
  /** Makes the memory ready for the CPU. Called without the lock, as `endCpu` and `mmap`. */
  readonly beginCpu?: (buffer: DmaBuf, direction: Direction) => Suspendable<Errno | void>;
  readonly endCpu?: (buffer: DmaBuf, direction: Direction) => Suspendable<Errno | void>;
  /** The range lies inside the buffer. */
  readonly mmap?: (buffer: DmaBuf, mapping: UserMapping) => Suspendable<Errno | void>;
  /** Called with the lock held, for the first user only; fills the map. */
  readonly vmap?: (buffer: DmaBuf, map: IosysMap) => Suspendable<Errno | void>;
  /** Called with the lock held, for the last user only. */
  readonly vunmap?: (buffer: DmaBuf, map: IosysMap) => Suspendable<void>;
  /** 6.12 only: asks the core to cache tables. */
  readonly cacheSgtMapping?: boolean;
}
