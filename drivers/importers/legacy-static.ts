import type { Errno } from "../../spec/errno.ts";
import { EINVAL, ENODEV } from "../../spec/errno.ts";
import type { AccessKind, Env } from "../../spec/roles/env.ts";
import type { Attachment, Device, Direction, DmaBuf, SgTable } from "../../spec/roles/handles.ts";
import type { Importer, JobUse } from "../../spec/roles/importer.ts";
import type { Suspension } from "../../spec/roles/suspendable.ts";
import { allowsAccess } from "./direction.ts";

/** An imported object with the table it keeps. */
class StaticObject {
  readonly attachment: Attachment;
  readonly table: SgTable;
  readonly direction: Direction;
  /** Frames under way. */
  busy = 0;
  closed = false;

  constructor(attachment: Attachment, table: SgTable, direction: Direction) {
    this.attachment = attachment;
    this.table = table;
    this.direction = direction;
  }
}

interface Use {
  readonly object: StaticObject;
  readonly kind: AccessKind;
}

/**
 * A display or capture driver that was never told of moves: `drm_gem_prime_import_dev` and `drm_prime_gem_destroy`
 * (`drivers/gpu/drm/drm_prime.c`), 6.12 to 7.2. It maps when it imports and unmaps when the object dies; it knows
 * no fences.
 */
export class LegacyStatic implements Importer {
  private readonly env: Env;

  constructor(env: Env) {
    this.env = env;
  }

  *import(buffer: DmaBuf, device: Device, direction: Direction): Generator<Suspension, StaticObject | Errno, unknown> {
    const { env } = this;
    if (direction === "none") return EINVAL;
    yield* env.getRef(buffer);
    const attachment = yield* env.attach(buffer, device, null);
    if (typeof attachment === "number") {
      yield* env.put(buffer);
      return attachment;
    }
    const table = yield* env.mapUnlocked(attachment, direction);
    if (typeof table !== "number") return new StaticObject(attachment, table, direction);
    yield* env.detach(buffer, attachment);
    yield* env.put(buffer);
    return table;
  }

  /** A frame, and the wait for it: who knows no fences is done when the call returns (`vb2_dqbuf`). */
  *submit(uses: readonly JobUse[]): Generator<Suspension, Errno, unknown> {
    const checked: Use[] = [];
    for (const { import: object, kind } of uses) {
      if (!(object instanceof StaticObject) || object.closed) return ENODEV;
      if (!allowsAccess(object.direction, kind)) return EINVAL;
      checked.push({ object, kind });
    }
    for (const { object } of checked) object.busy += 1;
    let done = false;
    this.env.startJob("frame", () => {
      for (const { object, kind } of checked) this.env.access(object.attachment, object.table, kind);
      done = true;
    });
    yield* this.env.wait({ kind: "other", what: "the frame" }, () => done);
    for (const { object } of checked) object.busy -= 1;
    return 0;
  }

  /** The object dies after its last frame. */
  *release(object: StaticObject): Generator<Suspension, void, unknown> {
    const { env } = this;
    const { attachment, table, direction } = object;
    if (object.closed) return;
    object.closed = true;
    yield* env.wait({ kind: "other", what: "frames" }, () => object.busy === 0);
    yield* env.unmapUnlocked(attachment, table, direction);
    yield* env.detach(attachment.buffer, attachment);
    yield* env.put(attachment.buffer);
  }
}
