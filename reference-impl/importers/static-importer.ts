import type { Errno } from "../../spec/errno.ts";
import { EINVAL, EIO, ENODEV } from "../../spec/errno.ts";
import type { Env } from "../../spec/roles/env.ts";
import type { Attachment, Device, Direction, DmaBuf, SgTable } from "../../spec/roles/handles.ts";
import type { Importer, JobUse } from "../../spec/roles/importer.ts";
import type { Suspension } from "../../spec/roles/suspendable.ts";
import { allows } from "./direction.ts";
import { requestKind } from "./request-kind.ts";

/** A buffer that a static importer has mapped from import to release. */
export class StaticImport {
  readonly attachment: Attachment;
  readonly table: SgTable;
  readonly direction: Direction;
  /** False from the beginning of release: the device has stopped using it. */
  live = true;

  constructor(attachment: Attachment, table: SgTable, direction: Direction) {
    this.attachment = attachment;
    this.table = table;
    this.direction = direction;
  }
}

/**
 * An importer that knows nothing of moves: it maps once and keeps the mapping, as
 * `drivers/media/common/videobuf2/videobuf2-dma-contig.c`. Its device is done when submit returns.
 */
export class StaticImporter implements Importer {
  protected readonly env: Env;

  constructor(env: Env) {
    this.env = env;
  }

  *import(buffer: DmaBuf, device: Device, direction: Direction): Generator<Suspension, StaticImport | Errno, unknown> {
    if (direction === "none") return EINVAL;
    yield* this.env.getRef(buffer);
    const imported = yield* this.attachAndMap(buffer, device, direction);
    if (typeof imported === "number") yield* this.env.put(buffer);
    return imported;
  }

  /** Without a wait in it, so that nothing can be released between the check and the access. */
  submit(uses: readonly JobUse[]): Errno {
    const imports: StaticImport[] = [];
    for (const use of uses) {
      if (!(use.import instanceof StaticImport)) return EINVAL;
      if (!use.import.live) return ENODEV;
      if (!allows(use.import.direction, use.kind)) return EINVAL;
      imports.push(use.import);
    }
    let errno = 0;
    for (const [index, { attachment, table }] of imports.entries()) {
      const request = requestKind(attachment, table);
      if (this.env.access(attachment, table, uses[index]!.kind, 0, request) === "fault") errno = EIO;
    }
    return errno;
  }

  *release(imported: StaticImport): Generator<Suspension, void, unknown> {
    if (!imported.live) return;
    imported.live = false;
    const { attachment, table, direction } = imported;
    const { buffer } = attachment;
    yield* this.env.unmapUnlocked(attachment, table, direction);
    yield* this.env.detach(buffer, attachment);
    yield* this.env.put(buffer);
  }

  protected *attachAndMap(
    buffer: DmaBuf,
    device: Device,
    direction: Direction,
  ): Generator<Suspension, StaticImport | Errno, unknown> {
    const attachment = yield* this.env.attach(buffer, device, null, this);
    if (typeof attachment === "number") return attachment;
    const table = yield* this.env.mapUnlocked(attachment, direction);
    if (typeof table !== "number") return new StaticImport(attachment, table, direction);
    yield* this.env.detach(buffer, attachment);
    return table;
  }
}
