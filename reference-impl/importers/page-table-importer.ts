import type { Errno } from "../../spec/errno.ts";
import { ECANCELED } from "../../spec/errno.ts";
import type { Mutex } from "../../spec/roles/env.ts";
import type { Attachment, Reservation } from "../../spec/roles/handles.ts";
import type { Suspension } from "../../spec/roles/suspendable.ts";
import { DynamicImport, type Mapping } from "./dynamic-import.ts";
import { DynamicImporter } from "./dynamic-importer.ts";
import type { JobAccess, Submission } from "./submission.ts";

/**
 * A dynamic importer whose device reaches memory through one page table with a reservation object of its own
 * (`amdgpu_dma_buf_move_notify`, `drivers/gpu/drm/amd/amdgpu/amdgpu_dma_buf.c`). The callback has the old entries cleared
 * if it can have the table at once. If not, the mark it leaves makes the next job write them anew.
 */
export class PageTableImporter extends DynamicImporter {
  protected readonly pageTable: Reservation = this.env.createReservation();
  /** Guards `evicted`. Taken inside the callback, so never held where a reservation lock is wanted. */
  protected readonly status: Mutex = this.env.createMutex("pageTableStatus", "status");
  /** Imports whose entries the next job has to write. */
  protected readonly evicted = new Set<DynamicImport>();

  protected override *invalidate(attachment: Attachment): Generator<Suspension, void, unknown> {
    const imported = attachment.importerPriv;
    if (!(imported instanceof DynamicImport) || imported.mapping === null) return;
    const { mapping } = imported;
    yield* this.evict(imported, mapping);
    if (this.env.trylock(this.pageTable)) {
      yield* this.clearEntries(imported, mapping, attachment);
      yield* this.env.unlock(this.pageTable);
    }
    if (mapping.jobs === 0) this.unmapLater(imported, mapping);
  }

  protected *evict(imported: DynamicImport, mapping: Mapping): Generator<Suspension, void, unknown> {
    yield* this.env.lockMutex(this.status);
    this.markStale(imported, mapping);
    this.evicted.add(imported);
    yield* this.env.unlockMutex(this.status);
  }

  /** By the device, behind a fence; where memory for that is short by the processor, which is done when it returns. */
  protected *clearEntries(
    imported: DynamicImport,
    mapping: Mapping,
    attachment: Attachment,
  ): Generator<Suspension, void, unknown> {
    const ready = this.env.allocate("page-table-job") && this.env.reserveFences(attachment.buffer.resv, 1) === 0;
    if (ready) this.clearByDevice(imported, mapping, attachment);
    else yield* this.env.point("page-table");
  }

  protected clearByDevice(imported: DynamicImport, mapping: Mapping, attachment: Attachment): void {
    const { env } = this;
    const fence = env.fenceInit({}, env.fenceContextAlloc(1), 1n);
    env.addFence(attachment.buffer.resv, fence, "bookkeep");
    // As a job that uses the mapping: it is not unmapped before.
    const uses: readonly JobAccess[] = [{ import: imported, attachment, mapping, kind: "read" }];
    mapping.jobs += 1;
    imported.jobs.add(fence);
    env.startJob(
      "page table",
      () => this.endJob(uses, fence, 0),
      () => this.endJob(uses, fence, -ECANCELED),
    );
  }

  protected override locksOf(submission: Submission): readonly Reservation[] {
    return [this.pageTable, ...submission.resvs];
  }

  protected override *prepare(submission: Submission): Generator<Suspension, Errno, unknown> {
    const errno = yield* super.prepare(submission);
    if (errno === 0) yield* this.writeEntries(submission.imports);
    return errno;
  }

  protected *writeEntries(imports: ReadonlySet<DynamicImport>): Generator<Suspension, void, unknown> {
    yield* this.env.lockMutex(this.status);
    for (const imported of imports) this.evicted.delete(imported);
    yield* this.env.unlockMutex(this.status);
  }
}
