import type {
  Attachment,
  Device,
  Direction,
  DmaBuf,
  ExporterOps,
  FileDescriptor,
  ImporterOps,
  IosysMap,
  Owner,
  Reservation,
  SgTable,
} from "../../spec/roles/handles.ts";

/** Exporter ops that passed the checks of export. */
export type CheckedOps = ExporterOps & Required<Pick<ExporterOps, "map" | "unmap" | "release">>;

/** `struct dma_buf`, with the reference count of its file. */
export class ReferenceBuffer implements DmaBuf {
  readonly size: number;
  readonly resv: Reservation;
  readonly priv: unknown;
  readonly ops: CheckedOps;
  readonly owner: Owner | null;
  /** True where the reservation object lies behind the buffer in the same allocation and dies with it. */
  readonly ownsResv: boolean;
  /** References on the file. */
  refs = 1;
  /** Null until one is set. */
  name: string | null = null;
  /** Newest first. Exchanged, never changed in place, so that a walk under way is not disturbed. */
  attachments: readonly ReferenceAttachment[] = [];
  /** The one address in the kernel (`vmap_ptr`) and how many use it (`vmapping_counter`). */
  readonly vmapped: IosysMap = { address: null, isIomem: false };
  vmappings = 0;

  constructor(size: number, priv: unknown, ops: CheckedOps, owner: Owner | null, resv: Reservation, ownsResv: boolean) {
    this.size = size;
    this.priv = priv;
    this.ops = ops;
    this.owner = owner;
    this.resv = resv;
    this.ownsResv = ownsResv;
  }
}

/** `struct dma_buf_attachment`. */
export class ReferenceAttachment implements Attachment {
  readonly buffer: ReferenceBuffer;
  readonly device: Device;
  readonly importerOps: ImporterOps | null;
  readonly importerPriv: unknown;
  peer2peer: boolean;
  priv: unknown = null;
  listed = false;
  /** The table that the core keeps for this attachment (6.12), and the direction it was made with. */
  cachedTable: SgTable | null = null;
  cachedDirection: Direction = "none";

  constructor(buffer: ReferenceBuffer, device: Device, importerOps: ImporterOps | null, importerPriv: unknown) {
    this.buffer = buffer;
    this.device = device;
    this.importerOps = importerOps;
    this.importerPriv = importerPriv;
    this.peer2peer = importerOps?.allowPeer2peer ?? false;
  }
}

/** A descriptor and the file behind it; null once it is closed. */
export class ReferenceFileDescriptor implements FileDescriptor {
  readonly number: number;
  readonly closeOnExec: boolean;
  buffer: ReferenceBuffer | null;

  constructor(number: number, closeOnExec: boolean, buffer: ReferenceBuffer) {
    this.number = number;
    this.closeOnExec = closeOnExec;
    this.buffer = buffer;
  }
}
