import type { Errno } from "../../spec/errno.ts";
import { EINVAL, EIO, ENODEV, ENOMEM, EOPNOTSUPP } from "../../spec/errno.ts";
import type { Env, Resource } from "../../spec/roles/env.ts";
import type { Attachment, Device, Direction, DmaBuf, ImporterOps, SgTable } from "../../spec/roles/handles.ts";
import type { Importer, JobUse } from "../../spec/roles/importer.ts";
import type { Suspension } from "../../spec/roles/suspendable.ts";
import { allows } from "./direction.ts";
import { pinAndMap } from "./pin-and-map.ts";
import { requestKind } from "./request-kind.ts";

/** Bytes that the users of one importer may have pinned at a time (`RLIMIT_MEMLOCK`). */
const pinLimit = 2 ** 36;

/** Pinned and mapped as long as it is live; what `importerPriv` of its attachment names. */
export class PinnedImport {
  readonly direction: Direction;
  attachment: Attachment | null = null;
  table: SgTable | null = null;
  /** The device may use the table. Changed under the reservation lock. */
  live = false;
  /** Somebody is giving it back. */
  closing = false;
  /** Calls that are using it and have to end before it goes. */
  users = 0;
  /** What the user names the memory by; nobody else may get it before the user has given the import back. */
  key: Resource | null = null;

  constructor(direction: Direction) {
    this.direction = direction;
  }
}

/**
 * An importer that holds its memory for as long as its user wants and cannot be told to let go, as plain pinned RDMA
 * (`ib_umem_dmabuf_get_pinned`). Its device is done when submit returns.
 */
export class PinnedImporter implements Importer {
  protected readonly env: Env;
  protected readonly ops: ImporterOps = { allowPeer2peer: true };
  /** Bytes of all imports. */
  protected charged = 0;

  constructor(env: Env) {
    this.env = env;
  }

  *import(buffer: DmaBuf, device: Device, direction: Direction): Generator<Suspension, PinnedImport | Errno, unknown> {
    if (direction === "none") return EINVAL;
    // Before 7.1 nobody may pin who has no callback.
    if (this.ops.invalidate === undefined && !this.env.profile.callbackOptional) return EOPNOTSUPP;
    if (this.charged + buffer.size > pinLimit) return ENOMEM;
    this.charged += buffer.size;
    yield* this.env.getRef(buffer);
    const imported = yield* this.attachAndPin(buffer, device, direction);
    if (typeof imported !== "number") return imported;
    this.charged -= buffer.size;
    yield* this.env.put(buffer);
    return imported;
  }

  /** Without a wait in it, so that nothing can go between the check and the access. */
  submit(uses: readonly JobUse[]): Errno {
    for (const use of uses) {
      if (!(use.import instanceof PinnedImport)) return EINVAL;
      if (use.import.closing || !use.import.live) return this.deadErrno();
      if (!allows(use.import.direction, use.kind)) return EINVAL;
    }
    let errno = 0;
    for (const { import: imported, kind } of uses) {
      const { attachment, table } = imported as PinnedImport;
      if (this.env.access(attachment!, table!, kind, 0, requestKind(attachment!, table!)) === "fault") errno = EIO;
    }
    return errno;
  }

  *release(imported: PinnedImport): Generator<Suspension, void, unknown> {
    const { attachment } = imported;
    if (attachment === null || imported.closing) return;
    imported.closing = true;
    yield* this.env.wait({ kind: "other", what: "users of the import" }, () => imported.users === 0);
    const { buffer } = attachment;
    yield* this.env.lock(buffer.resv);
    yield* this.end(imported, attachment);
    yield* this.env.unlock(buffer.resv);
    yield* this.env.detach(buffer, attachment);
    this.charged -= buffer.size;
    yield* this.env.put(buffer);
    this.giveKey(imported);
  }

  /** What a submit on something that ended is told. */
  protected deadErrno(): Errno {
    return ENODEV;
  }

  protected *attachAndPin(
    buffer: DmaBuf,
    device: Device,
    direction: Direction,
  ): Generator<Suspension, PinnedImport | Errno, unknown> {
    const imported = new PinnedImport(direction);
    const attachment = yield* this.env.attach(buffer, device, this.ops, imported);
    if (typeof attachment === "number") return attachment;
    yield* this.env.lock(buffer.resv);
    const errno = yield* this.pinAndInstall(imported, attachment);
    yield* this.env.unlock(buffer.resv);
    if (errno === 0) return imported;
    yield* this.env.detach(buffer, attachment);
    return errno;
  }

  /** Lock held, and not let go in between: the first callback after it must find everything in place. */
  protected *pinAndInstall(imported: PinnedImport, attachment: Attachment): Generator<Suspension, Errno, unknown> {
    const table = yield* pinAndMap(this.env, attachment, imported.direction);
    if (typeof table === "number") return table;
    this.install(imported, attachment, table);
    return 0;
  }

  /** Lock held. */
  protected install(imported: PinnedImport, attachment: Attachment, table: SgTable): void {
    imported.attachment = attachment;
    imported.table = table;
    imported.key = this.env.take("key");
    imported.live = true;
  }

  protected giveKey(imported: PinnedImport): void {
    if (imported.key !== null) this.env.give(imported.key);
    imported.key = null;
  }

  /** Lock held. At most once: stop the device, unmap, unpin. */
  protected *end(imported: PinnedImport, attachment: Attachment): Generator<Suspension, void, unknown> {
    const { table } = imported;
    if (!imported.live || table === null) return;
    imported.live = false;
    imported.table = null;
    this.env.stopDevice(attachment);
    yield* this.env.unmap(attachment, table, imported.direction);
    yield* this.env.unpin(attachment);
  }
}
