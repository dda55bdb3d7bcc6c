import type { Errno } from "../../spec/errno.ts";
import { EBUSY, ECANCELED, EINVAL, EIO, ENODEV } from "../../spec/errno.ts";
import type { AccessKind, Env, RequestKind } from "../../spec/roles/env.ts";
import type {
  Attachment,
  Device,
  Direction,
  DmaBuf,
  Fence,
  ImporterOps,
  Reservation,
  SgTable,
  Usage,
} from "../../spec/roles/handles.ts";
import type { Importer, JobUse } from "../../spec/roles/importer.ts";
import type { Suspendable, Suspension } from "../../spec/roles/suspendable.ts";
import { allows } from "./direction.ts";
import { DynamicImport, Mapping } from "./dynamic-import.ts";
import { Exec } from "./exec.ts";
import { requestKind } from "./request-kind.ts";
import { type JobAccess, Submission } from "./submission.ts";
import { waitUsage } from "./wait-usage.ts";

/** Rounds after which a submit gives up on an exporter that invalidates one mapping by making the next. */
const validateRounds = 8;

/**
 * An importer that lives with moves, as a GPU driver: each job maps what went stale, waits for the implicit fences, and
 * leaves its own fence in every buffer (`drivers/gpu/drm/amd/amdgpu/amdgpu_cs.c`). The callback marks the mapping; it is
 * unmapped soon after its last job, without waiting for a next one.
 */
export class DynamicImporter implements Importer {
  protected readonly env: Env;
  protected readonly ops: ImporterOps = {
    allowPeer2peer: true,
    invalidate: (attachment) => this.invalidate(attachment),
  };

  constructor(env: Env) {
    this.env = env;
  }

  *import(buffer: DmaBuf, device: Device, direction: Direction): Generator<Suspension, DynamicImport | Errno, unknown> {
    if (direction === "none") return EINVAL;
    yield* this.env.getRef(buffer);
    const imported = new DynamicImport(buffer, direction);
    const attachment = yield* this.env.attach(buffer, device, this.ops, imported);
    if (typeof attachment === "number") {
      yield* this.env.put(buffer);
      return attachment;
    }
    imported.attachment = attachment;
    return imported;
  }

  /** Waits, interruptibly, for locks and for the fences the job has to obey. */
  *submit(uses: readonly JobUse[]): Generator<Suspension, Errno, unknown> {
    const submission = this.checkUses(uses);
    if (typeof submission === "number") return submission;
    for (const imported of submission.imports) imported.users += 1;
    const errno = yield* this.submitHeld(submission);
    for (const imported of submission.imports) imported.users -= 1;
    return errno;
  }

  /** Waits for the jobs, and for everybody else who still has the import in hand. */
  *release(imported: DynamicImport): Generator<Suspension, void, unknown> {
    const { attachment, buffer } = imported;
    if (attachment === null || imported.closing) return;
    imported.closing = true;
    yield* this.env.wait({ kind: "other", what: "users of the import" }, () => imported.users === 0);
    for (const fence of imported.jobs) {
      // Whoever waits holds a reference: the job drops its own when it ends.
      this.env.fenceGet(fence);
      yield* this.env.wait({ kind: "fence", fence }, () => !imported.jobs.has(fence));
      this.env.fencePut(fence);
    }
    yield* this.env.lock(buffer.resv);
    if (imported.mapping !== null) this.markStale(imported, imported.mapping);
    for (const mapping of imported.stale) yield* this.unmapStale(imported, mapping);
    yield* this.env.unlock(buffer.resv);
    yield* this.env.detach(buffer, attachment);
    yield* this.env.put(buffer);
  }

  /** The callback. Lock held; may come before attach has returned. Jobs under way are covered by their fences already. */
  protected invalidate(attachment: Attachment): Suspendable<void> {
    const imported = attachment.importerPriv;
    if (!(imported instanceof DynamicImport) || imported.mapping === null) return;
    const { mapping } = imported;
    this.markStale(imported, mapping);
    if (mapping.jobs === 0) this.unmapLater(imported, mapping);
  }

  protected markStale(imported: DynamicImport, mapping: Mapping): void {
    imported.mapping = null;
    imported.stale.add(mapping);
  }

  /** By its own work, so that nothing depends on the user's next move. Release unmaps what is left itself. */
  protected unmapLater(imported: DynamicImport, mapping: Mapping): void {
    if (imported.closing) return;
    imported.users += 1;
    this.env.defer("unmap", () => this.unmapWork(imported, mapping));
  }

  protected *unmapWork(imported: DynamicImport, mapping: Mapping): Generator<Suspension, void, unknown> {
    const { resv } = imported.buffer;
    yield* this.env.lock(resv);
    yield* this.unmapStale(imported, mapping);
    yield* this.env.unlock(resv);
    imported.users -= 1;
  }

  /** Lock held. Once for each mapping. */
  protected *unmapStale(imported: DynamicImport, mapping: Mapping): Generator<Suspension, void, unknown> {
    if (!imported.stale.delete(mapping)) return;
    yield* this.env.unmap(imported.attachment, mapping.table, imported.direction);
  }

  protected checkUses(uses: readonly JobUse[]): Submission | Errno {
    const checked: { readonly import: DynamicImport; readonly kind: AccessKind }[] = [];
    for (const { import: imported, kind } of uses) {
      if (!(imported instanceof DynamicImport) || !allows(imported.direction, kind)) return EINVAL;
      if (imported.closing || imported.attachment === null) return ENODEV;
      checked.push({ import: imported, kind });
    }
    return checked.length === 0 ? EINVAL : new Submission(checked);
  }

  protected *submitHeld(submission: Submission): Generator<Suspension, Errno, unknown> {
    const exec = this.createExec();
    let errno = yield* exec.lockAll(this.locksOf(submission));
    if (errno === 0) {
      errno = yield* this.prepare(submission);
      if (errno === 0) this.publish(submission);
      yield* exec.unlockAll();
    }
    exec.finish();
    return errno;
  }

  protected createExec(): Exec {
    return new Exec(this.env);
  }

  /** What a job has to lock. */
  protected locksOf(submission: Submission): readonly Reservation[] {
    return submission.resvs;
  }

  /** All locks held, as they are until the job is published: what is found good here stays good. */
  protected *prepare(submission: Submission): Generator<Suspension, Errno, unknown> {
    return (
      (yield* this.validate(submission.imports)) || (yield* this.waitImplicit(submission)) || this.reserve(submission)
    );
  }

  /** Maps what has no good mapping. To map one buffer can move it, and so invalidate another import of it. */
  protected *validate(imports: ReadonlySet<DynamicImport>): Generator<Suspension, Errno, unknown> {
    for (let round = 0; round < validateRounds; round += 1) {
      let valid = true;
      for (const imported of imports) {
        if (imported.mapping !== null) continue;
        const table = yield* this.env.map(imported.attachment, imported.direction);
        if (typeof table === "number") return table;
        imported.mapping = new Mapping(table);
        valid = false;
      }
      if (valid) return 0;
    }
    return EBUSY;
  }

  /** Readers wait for writers, writers for everybody; both for the kernel's own work. */
  protected *waitImplicit(submission: Submission): Generator<Suspension, Errno, unknown> {
    for (const [resv, write] of submission.writes) {
      const errno = yield* waitUsage(this.env, resv, write ? "read" : "write");
      if (errno !== 0) return errno;
    }
    return 0;
  }

  protected reserve(submission: Submission): Errno {
    for (const resv of submission.resvs) {
      const errno = this.env.reserveFences(resv, 1);
      if (errno !== 0) return errno;
    }
    return 0;
  }

  /** A timeline for each job, as jobs may end in any order. */
  protected createFence(): Fence {
    return this.env.fenceInit({}, this.env.fenceContextAlloc(1), 1n);
  }

  /** Cannot fail. */
  protected publish(submission: Submission): void {
    const { env } = this;
    const accesses: JobAccess[] = [];
    for (const { import: imported, kind } of submission.uses) {
      const { attachment, mapping } = imported;
      if (attachment !== null && mapping !== null) accesses.push({ import: imported, attachment, mapping, kind });
    }
    const fence = this.createFence();
    this.addFence(submission, fence);
    for (const access of accesses) {
      access.mapping.jobs += 1;
      access.import.jobs.add(fence);
    }
    env.startJob(
      "submit",
      () => this.endJob(accesses, fence, this.runJob(accesses)),
      () => this.endJob(accesses, fence, -ECANCELED),
    );
  }

  protected addFence(submission: Submission, fence: Fence): void {
    for (const [resv, write] of submission.writes) this.env.addFence(resv, fence, this.usageOf(write));
  }

  protected usageOf(write: boolean): Usage {
    return write ? "write" : "read";
  }

  /** On the device. */
  protected runJob(accesses: readonly JobAccess[]): number {
    let error = 0;
    for (const { attachment, mapping, kind } of accesses) {
      const request = this.requestKind(attachment, mapping.table);
      if (this.env.access(attachment, mapping.table, kind, 0, request) === "fault") error = -EIO;
    }
    return error;
  }

  /** In interrupt context. */
  protected endJob(accesses: readonly JobAccess[], fence: Fence, error: number): void {
    const { env } = this;
    if (error !== 0) env.setError(fence, error);
    env.signal(fence);
    for (const { import: imported, mapping } of accesses) {
      imported.jobs.delete(fence);
      mapping.jobs -= 1;
      if (mapping.jobs === 0 && imported.stale.has(mapping)) this.unmapLater(imported, mapping);
    }
    env.fencePut(fence);
  }

  /** By the mark of each mapping. */
  protected requestKind(attachment: Attachment, table: SgTable): RequestKind | undefined {
    return requestKind(attachment, table);
  }
}
