import type { Errno } from "../errno.ts";
import type { Owner } from "./env.ts";
import type { Device, DmaBuf, ExporterOps, FileDescriptor, Placement, Reservation, Storage } from "./handles.ts";
import type { Guest } from "./negotiation.ts";
import type { Vma, VmaHooks } from "./spaces.ts";
import type { Suspendable } from "./suspendable.ts";

/** Bytes in the region of a region exporter. */
export const regionSize: number = 2 ** 20;

/** One range of a region exporter, in bytes. */
export interface RegionRange {
  readonly offset: number;
  readonly length: number;
}

/** What a device's user asks an exporter for when it wants a buffer. */
export interface ExportRequest {
  readonly name: string;
  /** Bytes. */
  readonly size: number;
  readonly placement: Placement;
  /** Share this reservation object instead of a private one. */
  readonly resv?: Reservation;
  /** Memory that a confidential guest shares with its host. */
  readonly shared?: boolean;
  /** Region exporters: the ranges asked for, checked by the exporter. */
  readonly ranges?: readonly RegionRange[];
  /** Region exporters: flags of the request; none is defined. */
  readonly flags?: number;
  readonly device: Device;
  readonly owner: Owner;
}

/**
 * The exporting side. The hooks are `struct dma_buf_ops`; the other methods are what a device's user or firmware asks for.
 * An optional method that is missing is a capability that is absent.
 */
export interface Exporter extends ExporterOps {
  /** Makes a buffer with `env.export`. Absent: the harness exports with this object as the ops. */
  export?(request: ExportRequest): Suspendable<DmaBuf | Errno>;
  /** A buffer over ranges of the device's region, which `request.ranges` names. It stays in the device. */
  exportRegion?(request: ExportRequest): Suspendable<DmaBuf | Errno>;
  /**
   * A user's request for a descriptor, which brings a reference: the descriptor takes it over, or the exporter drops it.
   * Absent: the harness makes the calls.
   */
  requestFd?(buffer: DmaBuf, closeOnExec: boolean): Suspendable<FileDescriptor | Errno>;
  /** Relocates the backing storage. EBUSY while pinned. */
  move?(buffer: DmaBuf, placement: Placement): Suspendable<Errno | void>;
  /** Memory pressure: as move, to system memory. */
  evict?(buffer: DmaBuf): Suspendable<Errno | void>;
  /** Takes access away until unrevoke. */
  revoke?(buffer: DmaBuf): Suspendable<Errno | void>;
  unrevoke?(buffer: DmaBuf): Suspendable<Errno | void>;
  /** Takes access away for good. */
  revokeForever?(buffer: DmaBuf): Suspendable<Errno | void>;
  /** Function reset of the exporting device: revokes before, unrevokes after if the memory is accessible. */
  reset?(): Suspendable<Errno | void>;
  /** Memory decode (or power) on or off. */
  setMemory?(on: boolean): Suspendable<Errno | void>;
  /** Binds the memory of a buffer to one guest. EBUSY: others have it. */
  makePrivate?(buffer: DmaBuf, owner: Guest): Suspendable<Errno | void>;
  /** Takes or gives the right to write; where it is taken, nobody has it any more on return. */
  restrict?(buffer: DmaBuf, write: boolean): Suspendable<Errno | void>;
  /** Peer access to the memory of a buffer by way of a VMA (2019 RFC): one DMA address for each page, or why not. */
  p2pMap?: VmaHooks["p2pMap"];
  p2pUnmap?: VmaHooks["p2pUnmap"];
  /** A VMA that shows the buffer begins or ends: the exporter zaps it where it moves the memory. */
  vmaOpened?(buffer: DmaBuf, vma: Vma): Suspendable<void>;
  vmaClosed?(buffer: DmaBuf, vma: Vma): Suspendable<void>;
  /** Where a page of the buffer is now, for the CPU's page table. */
  vmaFault?(buffer: DmaBuf, page: number): Suspendable<Storage | Errno>;
  /** The device goes away: everything revoked for good, buffers cut loose. */
  close?(): Suspendable<void>;
}
