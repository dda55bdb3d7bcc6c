import type { Errno } from "../../spec/errno.ts";
import { EAGAIN, EFAULT, EINVAL, ENODEV, EPERM } from "../../spec/errno.ts";
import type { Env, PageTable } from "../../spec/roles/env.ts";
import type { Attachment, Device, Direction, DmaBuf, ImporterOps, SgTable } from "../../spec/roles/handles.ts";
import { pageSize } from "../../spec/roles/handles.ts";
import type { Importer, JobUse } from "../../spec/roles/importer.ts";
import type { Suspension } from "../../spec/roles/suspendable.ts";
import { allows } from "./direction.ts";

/** Rounds after which work gives up on a buffer that moves all the time. */
const faultRounds = 8;

/** A buffer that a device reaches through a page table of its own, filled as it faults. */
export class FaultingImport {
  readonly direction: Direction;
  readonly table: PageTable;
  attachment: Attachment | null = null;
  /** Under the reservation lock; null where there is none or it was taken back. */
  mapping: SgTable | null = null;
  closing = false;
  users = 0;

  constructor(env: Env, direction: Direction) {
    this.direction = direction;
    this.table = env.createPageTable();
  }
}

/**
 * An importer whose device can wait for memory, as RDMA with paging on demand (`drivers/infiniband/hw/mlx5/odp.c`,
 * `pagefault_dmabuf_mr`): nothing is pinned, a fault maps under the reservation lock, the callback takes all entries out.
 */
export class FaultingImporter implements Importer {
  protected readonly env: Env;
  protected readonly ops: ImporterOps = {
    allowPeer2peer: true,
    invalidate: (attachment) => this.invalidate(attachment),
  };

  constructor(env: Env) {
    this.env = env;
  }

  *import(
    buffer: DmaBuf,
    device: Device,
    direction: Direction,
  ): Generator<Suspension, FaultingImport | Errno, unknown> {
    if (direction === "none") return EINVAL;
    yield* this.env.getRef(buffer);
    const imported = new FaultingImport(this.env, direction);
    this.env.zap(imported.table, 0, pagesOf(buffer));
    const attachment = yield* this.env.attach(buffer, device, this.ops, imported);
    if (typeof attachment === "number") {
      yield* this.env.put(buffer);
      return attachment;
    }
    imported.attachment = attachment;
    return imported;
  }

  /** The work waits where the device meets a hole, and goes on when its fault was served. */
  *submit(uses: readonly JobUse[]): Generator<Suspension, Errno, unknown> {
    for (const { import: imported, kind } of uses) {
      if (!(imported instanceof FaultingImport) || !allows(imported.direction, kind)) return EINVAL;
      if (imported.closing) return ENODEV;
    }
    for (const { import: imported, kind } of uses) {
      const errno = yield* this.work(imported as FaultingImport, kind);
      if (errno !== 0) return errno;
    }
    return 0;
  }

  protected *work(imported: FaultingImport, kind: JobUse["kind"]): Generator<Suspension, Errno, unknown> {
    for (let round = 0; round < faultRounds; round += 1) {
      if (this.env.touchPage(imported.table, 0, kind) === "ok") return 0;
      const errno = yield* this.fault(imported, 0, kind === "write");
      if (errno !== 0) return errno;
    }
    return EAGAIN;
  }

  *fault(imported: FaultingImport, page: number, write: boolean): Generator<Suspension, Errno, unknown> {
    const { attachment } = imported;
    if (attachment === null || imported.closing) return ENODEV;
    if (write && !allows(imported.direction, "write")) return EPERM;
    if (page >= pagesOf(attachment.buffer)) return EFAULT;
    imported.users += 1;
    yield* this.env.lock(attachment.buffer.resv);
    const errno = yield* this.faultHeld(imported, attachment, page);
    yield* this.env.unlock(attachment.buffer.resv);
    imported.users -= 1;
    return errno;
  }

  /** Lock held from the map to the entry, so that no invalidate comes between. */
  protected *faultHeld(
    imported: FaultingImport,
    attachment: Attachment,
    page: number,
  ): Generator<Suspension, Errno, unknown> {
    if (imported.mapping === null) {
      const table = yield* this.env.map(attachment, imported.direction);
      if (typeof table === "number") return table;
      imported.mapping = table;
    }
    yield* this.waitReady(attachment);
    return this.installPage(imported, attachment, imported.mapping, page);
  }

  /** Not to be interrupted, as the device's work waits. */
  protected *waitReady({ buffer }: Attachment): Generator<Suspension, void, unknown> {
    yield* this.env.waitFences(buffer.resv, "kernel");
  }

  protected installPage(imported: FaultingImport, attachment: Attachment, mapping: SgTable, page: number): Errno {
    const address = addressAt(mapping, page * pageSize);
    if (address === null) return EFAULT;
    const write = allows(imported.direction, "write");
    this.env.install(imported.table, page, { via: "address", device: attachment.device, address }, write);
    return 0;
  }

  /** As a fault for each page; what is in place already stays so where it fails. */
  *prefetch(
    imported: FaultingImport,
    start: number,
    pages: number,
    write: boolean,
  ): Generator<Suspension, Errno, unknown> {
    for (let page = start; page < start + pages; page += 1) {
      const errno = yield* this.fault(imported, page, write);
      if (errno !== 0) return errno;
    }
    return 0;
  }

  *release(imported: FaultingImport): Generator<Suspension, void, unknown> {
    const { attachment } = imported;
    if (attachment === null || imported.closing) return;
    imported.closing = true;
    yield* this.env.wait({ kind: "other", what: "users of the import" }, () => imported.users === 0);
    const { buffer } = attachment;
    yield* this.env.lock(buffer.resv);
    yield* this.takeOut(imported, attachment);
    yield* this.env.unlock(buffer.resv);
    yield* this.env.detach(buffer, attachment);
    yield* this.env.put(buffer);
  }

  /** The callback. The device waits from here on, until its next fault is served. */
  protected *invalidate(attachment: Attachment): Generator<Suspension, void, unknown> {
    const imported = attachment.importerPriv;
    if (imported instanceof FaultingImport) yield* this.takeOut(imported, attachment);
  }

  /** Lock held. */
  protected *takeOut(imported: FaultingImport, attachment: Attachment): Generator<Suspension, void, unknown> {
    const { mapping } = imported;
    if (mapping === null) return;
    imported.mapping = null;
    this.env.zap(imported.table, 0, pagesOf(attachment.buffer));
    yield* this.env.unmap(attachment, mapping, imported.direction);
  }
}

function pagesOf({ size }: DmaBuf): number {
  return Math.ceil(size / pageSize);
}

/** The DMA address of a byte of a mapping. */
function addressAt({ segments }: SgTable, offset: number): number | null {
  let rest = offset;
  for (const { address, length } of segments) {
    if (rest < length) return address + rest;
    rest -= length;
  }
  return null;
}
