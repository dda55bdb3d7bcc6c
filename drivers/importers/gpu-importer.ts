import type { Errno } from "../../spec/errno.ts";
import { EBUSY, EINTR, EINVAL, EIO, ENODEV, ERESTARTSYS } from "../../spec/errno.ts";
import type { AccessKind, Env } from "../../spec/roles/env.ts";
import type {
  Attachment,
  Device,
  Direction,
  DmaBuf,
  Fence,
  ImporterOps,
  Reservation,
  SgTable,
} from "../../spec/roles/handles.ts";
import type { Importer, JobUse } from "../../spec/roles/importer.ts";
import type { Suspension } from "../../spec/roles/suspendable.ts";
import { allowsAccess } from "./direction.ts";
import { lockAll } from "./drm-exec.ts";

/** An imported buffer object over TTM; it shares the buffer's reservation. */
export class GpuBo {
  readonly buffer: DmaBuf;
  readonly direction: Direction;
  /** `import_attach`. Null until attach has returned, which the callback may not wait for. */
  attachment: Attachment | null = null;
  /** The table that is mapped now. Under the reservation lock. */
  sg: SgTable | null = null;
  /** References other than the user's handle: submits under way, objects that keep an old table. */
  refs = 0;
  closed = false;

  constructor(buffer: DmaBuf, direction: Direction) {
    this.buffer = buffer;
    this.direction = direction;
  }
}

interface Access {
  readonly attachment: Attachment;
  readonly table: SgTable;
  readonly kind: AccessKind;
}

interface Use {
  readonly bo: GpuBo;
  readonly kind: AccessKind;
}

/**
 * What GPU drivers have in common when they import: a command submission locks all its objects, makes each valid, waits
 * for the fences it has to obey and leaves one of its own (`amdgpu_cs.c`, `xe_exec.c`, both over `drm_exec.c`).
 */
export abstract class GpuImporter implements Importer {
  protected readonly env: Env;
  protected readonly ops: ImporterOps = {
    allowPeer2peer: true,
    invalidate: (attachment) => this.moveNotify(attachment, attachment.importerPriv as GpuBo),
  };

  constructor(env: Env) {
    this.env = env;
  }

  /** `amdgpu_gem_prime_import`, `xe_gem_prime_import`: the object is there before the callback can ask for it. */
  *import(buffer: DmaBuf, device: Device, direction: Direction): Generator<Suspension, GpuBo | Errno, unknown> {
    if (direction === "none") return EINVAL;
    yield* this.env.getRef(buffer);
    const bo = new GpuBo(buffer, direction);
    const attachment = yield* this.attach(buffer, device, bo);
    if (typeof attachment === "number") {
      yield* this.env.put(buffer);
      return attachment;
    }
    bo.attachment = attachment;
    return bo;
  }

  /** One command submission. */
  *submit(uses: readonly JobUse[]): Generator<Suspension, Errno, unknown> {
    const checked: Use[] = [];
    for (const { import: bo, kind } of uses) {
      if (!(bo instanceof GpuBo) || bo.closed) return ENODEV;
      if (!allowsAccess(bo.direction, kind)) return EINVAL;
      checked.push({ bo, kind });
    }
    for (const { bo } of checked) bo.refs += 1;
    const errno = yield* this.submitLocked(checked);
    for (const { bo } of checked) bo.refs -= 1;
    return errno;
  }

  /** `ttm_bo_release` and, when the last job and the last reference are gone, `drm_prime_gem_destroy`. */
  *release(bo: GpuBo): Generator<Suspension, void, unknown> {
    const { env } = this;
    const { attachment, buffer } = bo;
    if (attachment === null || bo.closed) return;
    bo.closed = true;
    yield* this.waitUnused(bo);
    yield* env.lock(buffer.resv);
    yield* env.waitFences(buffer.resv, "bookkeep");
    yield* this.unmapTable(attachment, bo);
    yield* env.unlock(buffer.resv);
    // A callback may have come before the lock was ours, and left the table to somebody else.
    yield* this.waitUnused(bo);
    yield* env.detach(buffer, attachment);
    yield* env.put(buffer);
  }

  /** `dma_buf_dynamic_attach`. */
  protected *attach(buffer: DmaBuf, device: Device, bo: GpuBo): Generator<Suspension, Attachment | Errno, unknown> {
    return yield* this.env.attach(buffer, device, this.ops, bo);
  }

  /** The callback. Lock held; the object may not be attached yet. */
  protected abstract moveNotify(attachment: Attachment, bo: GpuBo): Generator<Suspension, void, unknown>;

  /** Gives the object a table that shows where the memory is. Lock held. */
  protected abstract validate(attachment: Attachment, bo: GpuBo): Generator<Suspension, Errno, unknown>;

  /** Whether the object can be used as it is. Lock held. */
  protected abstract isValid(bo: GpuBo): boolean;

  protected *mapTable(attachment: Attachment, bo: GpuBo): Generator<Suspension, Errno, unknown> {
    const table = yield* this.env.map(attachment, bo.direction);
    if (typeof table === "number") return table;
    bo.sg = table;
    return 0;
  }

  protected *unmapTable(attachment: Attachment, bo: GpuBo): Generator<Suspension, void, unknown> {
    const { sg } = bo;
    if (sg === null) return;
    bo.sg = null;
    yield* this.env.unmap(attachment, sg, bo.direction);
  }

  private *waitUnused(bo: GpuBo): Generator<Suspension, void, unknown> {
    yield* this.env.wait({ kind: "other", what: "references of the object" }, () => bo.refs === 0);
  }

  private *submitLocked(uses: readonly Use[]): Generator<Suspension, Errno, unknown> {
    const { env } = this;
    const resvs = [...new Set(uses.map(({ bo }) => bo.buffer.resv))];
    const context = env.acquireInit();
    let errno = yield* lockAll(env, resvs, context);
    if (errno === 0) {
      env.acquireDone(context);
      errno = yield* this.prepare(uses, resvs);
      if (errno === 0) this.push(uses, resvs);
      for (const resv of resvs) yield* env.unlock(resv);
    }
    env.acquireFini(context);
    return errno;
  }

  /** To map one object can move it, and so end the table of another import of the same buffer. */
  private *prepare(uses: readonly Use[], resvs: readonly Reservation[]): Generator<Suspension, Errno, unknown> {
    const { env } = this;
    for (let round = 0; uses.some(({ bo }) => !this.isValid(bo)); round += 1) {
      if (round === 8) return EBUSY;
      for (const { bo } of uses) {
        if (this.isValid(bo)) continue;
        const errno = yield* this.validate(bo.attachment!, bo);
        if (errno !== 0) return errno;
      }
    }
    for (const resv of resvs) {
      // Stands for the dependencies of the scheduler's job.
      const left = yield* env.waitFences(resv, this.isWritten(uses, resv) ? "read" : "write", true);
      if (left < 0) return left === -ERESTARTSYS ? EINTR : -left;
      const errno = env.reserveFences(resv, 1);
      if (errno !== 0) return errno;
    }
    return 0;
  }

  /** Cannot fail. Each submission has a timeline of its own, as they may end in any order. */
  private push(uses: readonly Use[], resvs: readonly Reservation[]): void {
    const { env } = this;
    const accesses = uses.map(({ bo, kind }) => ({ attachment: bo.attachment!, table: bo.sg!, kind }));
    const fence = env.fenceInit({}, env.fenceContextAlloc(1), 1n);
    for (const resv of resvs) env.addFence(resv, fence, this.isWritten(uses, resv) ? "write" : "read");
    env.startJob("cs", () => this.runJob(accesses, fence));
  }

  /** The engine at work, and its interrupt. */
  private runJob(accesses: readonly Access[], fence: Fence): void {
    const { env } = this;
    for (const { attachment, table, kind } of accesses)
      if (env.access(attachment, table, kind) === "fault") env.setError(fence, -EIO);
    env.signal(fence);
    env.fencePut(fence);
  }

  private isWritten(uses: readonly Use[], resv: Reservation): boolean {
    return uses.some(({ bo, kind }) => bo.buffer.resv === resv && kind === "write");
  }
}
