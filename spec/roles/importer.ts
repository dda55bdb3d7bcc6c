import type { Errno } from "../errno.ts";
import type { AccessKind } from "./env.ts";
import type { Device, Direction, DmaBuf } from "./handles.ts";
import type { Guest } from "./negotiation.ts";
import type { Mirror, MirrorRequest } from "./spaces.ts";
import type { Suspendable } from "./suspendable.ts";

/** What an importer makes of a buffer; the harness only passes it back. */
export type Import = object;

/** A slice of a buffer in the memory of a guest; the harness only passes it back. */
export type Slot = object;

/** One use of an import in a job. */
export interface JobUse {
  readonly import: Import;
  readonly kind: AccessKind;
}

/** The importing side, as its user drives it. What it then calls at the seam appears as nested events. */
export interface Importer {
  /** Takes the buffer into use: attach and whatever the importer does at creation. `direction` for its mappings. */
  import(buffer: DmaBuf, device: Device, direction: Direction): Suspendable<Import | Errno>;
  /** Queues device work that touches the imports; 0, or why it was refused. */
  submit?(uses: readonly JobUse[]): Suspendable<Errno | void>;
  /** The importer ends its own use but keeps the object (importer-side revoke). */
  stop?(imported: Import): Suspendable<void>;
  /** A device starts to mirror a range of an address space. EFAULT: it is gone. */
  mirror?(request: MirrorRequest): Suspendable<Mirror | Errno>;
  /** The device wants a page. EFAULT, EPERM. */
  mirrorFault?(mirror: Mirror, page: number, write: boolean): Suspendable<Errno | void>;
  /** The CPU reads a mirrored page on behalf of the device's user. EOPNOTSUPP for memory that is there for DMA only. */
  copyPage?(mirror: Mirror, page: number): Suspendable<Errno | void>;
  unmirror?(mirror: Mirror): Suspendable<void>;
  /** The device faults on a page of an import that is mapped on demand. */
  fault?(imported: Import, page: number, write: boolean): Suspendable<Errno | void>;
  prefetch?(imported: Import, start: number, pages: number, write: boolean): Suspendable<Errno | void>;
  /** Binds a slice of a buffer, in bytes, to a guest. */
  bindSlot?(buffer: DmaBuf, device: Device, offset: number, length: number, owner: Guest): Suspendable<Slot | Errno>;
  unbindSlot?(slot: Slot): Suspendable<void>;
  /** The guest touches a page of a slot. EFAULT: it leaves to user space. */
  guestAccess?(slot: Slot, page: number, write: boolean, isPrivate: boolean): Suspendable<Errno | void>;
  /** Gives everything back: unmap, unpin, detach, and the buffer reference it took. */
  release(imported: Import): Suspendable<void>;
}
