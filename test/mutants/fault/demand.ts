import { DynamicImporter } from "../../../reference-impl/importers/dynamic-importer.ts";
import { type FaultingImport, FaultingImporter } from "../../../reference-impl/importers/faulting-importer.ts";
import type { Submission } from "../../../reference-impl/importers/submission.ts";
import { EFAULT, EIO, ENODEV } from "../../../spec/errno.ts";
import type { Attachment, Fence, SgTable } from "../../../spec/roles/handles.ts";
import type { JobUse } from "../../../spec/roles/importer.ts";
import type { Mutant } from "../mutant.ts";
import { faultyKind } from "./kit.ts";

/** Importers that map as their device faults. */
export const mutants: readonly Mutant[] = [
  faultyKind(
    "faulting",
    "FENCE-32",
    "a job that faults is fenced to its end",
    (reached) =>
      class extends FaultingImporter {
        protected override *work(imported: FaultingImport, kind: JobUse["kind"]) {
          const { attachment } = imported;
          if (attachment === null || imported.closing) return yield* super.work(imported, kind);
          const { resv } = attachment.buffer;
          const fence = this.env.fenceInit({}, this.env.fenceContextAlloc(1), 1n);
          yield* this.env.lock(resv);
          if (this.env.reserveFences(resv, 1) === 0) this.env.addFence(resv, fence, "bookkeep");
          yield* this.env.unlock(resv);
          reached();
          const errno = yield* super.work(imported, kind);
          this.env.signal(fence);
          this.env.fencePut(fence);
          return errno;
        }
      },
    { also: ["FAULT-10", "FENCE-05", "FENCE-34", "RESV-31", "RESV-33"] },
  ),
  faultyKind(
    "faulting",
    "MOVE-33",
    "the mapping goes before the entries",
    (reached) =>
      class extends FaultingImporter {
        protected override *takeOut(imported: FaultingImport, attachment: Attachment) {
          const { mapping } = imported;
          if (mapping === null) return;
          imported.mapping = null;
          yield* this.env.unmap(attachment, mapping, imported.direction);
          reached();
          this.env.zap(imported.table, 0, 64);
        }
      },
    { also: ["FAULT-02"] },
  ),
  faultyKind(
    "faulting",
    "MOVE-33",
    "the fence for the entries signals before they go",
    (reached) =>
      class extends FaultingImporter {
        protected override *invalidate(attachment: Attachment) {
          const imported = attachment.importerPriv as FaultingImport;
          const { env } = this;
          const { resv } = attachment.buffer;
          if (imported.mapping === null || imported.closing || env.reserveFences(resv, 1) !== 0)
            return yield* super.invalidate(attachment);
          const fence = env.fenceInit({}, env.fenceContextAlloc(1), 1n);
          env.addFence(resv, fence, "bookkeep");
          imported.users += 1;
          const takeOut = () => this.takeOut(imported, attachment);
          env.defer("take-out", function* () {
            reached();
            env.signal(fence);
            env.fencePut(fence);
            yield* env.lock(resv);
            yield* takeOut();
            yield* env.unlock(resv);
            imported.users -= 1;
          });
        }
      },
    { also: ["FAULT-04"] },
  ),
  faultyKind(
    "faulting",
    "FAULT-01",
    "the lock is dropped before the entry is written",
    (reached) =>
      class extends FaultingImporter {
        override *fault(imported: FaultingImport, page: number, write: boolean) {
          const { attachment } = imported;
          if (attachment === null || imported.closing) return ENODEV;
          imported.users += 1;
          yield* this.env.lock(attachment.buffer.resv);
          let errno = 0;
          if (imported.mapping === null) {
            const table = yield* this.env.map(attachment, imported.direction);
            if (typeof table === "number") errno = table;
            else imported.mapping = table;
          }
          const { mapping } = imported;
          if (errno === 0) yield* this.waitReady(attachment);
          yield* this.env.unlock(attachment.buffer.resv);
          reached();
          if (errno === 0 && mapping !== null && !write) errno = this.installPage(imported, attachment, mapping, page);
          imported.users -= 1;
          return errno;
        }
      },
    { also: ["FAULT-05", "FAULT-06", "FAULT-02"] },
  ),
  faultyKind(
    "faulting",
    "FAULT-02",
    "nobody waits for the memory to be ready",
    (reached) =>
      class extends FaultingImporter {
        protected override *waitReady(_attachment: Attachment) {
          reached();
          yield* this.env.point("ready");
        }
      },
  ),
  faultyKind(
    "faulting",
    "FAULT-05",
    "a failed fault keeps the lock",
    (reached) =>
      class extends FaultingImporter {
        override *fault(imported: FaultingImport, page: number, write: boolean) {
          const errno = yield* super.fault(imported, page, write);
          if (errno !== ENODEV && errno !== 0 && imported.attachment !== null) {
            reached();
            yield* this.env.lock(imported.attachment.buffer.resv);
          }
          return errno;
        }
      },
    { also: ["RESV-01", "RESV-02", "RESV-03", "FAULT-15", "MOVE-28"] },
  ),
  faultyKind(
    "faulting",
    "FAULT-06",
    "a fault on a revoked buffer is served with nothing",
    (reached) =>
      class extends FaultingImporter {
        override *fault(imported: FaultingImport, page: number, write: boolean) {
          const errno = yield* super.fault(imported, page, write);
          if (errno === ENODEV) reached();
          return errno === ENODEV ? 0 : errno;
        }
      },
    { also: ["FAULT-05"] },
  ),
  faultyKind(
    "faulting",
    "FAULT-07",
    "after an invalidate the import stays dead",
    (reached) =>
      class extends FaultingImporter {
        private readonly dead = new Set<FaultingImport>();
        protected override *takeOut(imported: FaultingImport, attachment: Attachment) {
          this.dead.add(imported);
          yield* super.takeOut(imported, attachment);
        }
        override *fault(imported: FaultingImport, page: number, write: boolean) {
          if (!this.dead.has(imported)) return yield* super.fault(imported, page, write);
          reached();
          return ENODEV;
        }
      },
    { also: ["FAULT-08"] },
  ),
  faultyKind(
    "faulting",
    "FAULT-08",
    "work that meets a hole ends with an error",
    (reached) =>
      class extends FaultingImporter {
        protected override *work(imported: FaultingImport, kind: JobUse["kind"]) {
          if (imported.mapping !== null && this.env.touchPage(imported.table, 0, kind) === "ok") return 0;
          if (this.env.touchPage(imported.table, 0, kind) === "ok") return yield* super.work(imported, kind);
          reached();
          return EIO;
        }
      },
  ),
  faultyKind(
    "subject",
    "FAULT-09",
    "jobs run without a pin or a fence",
    (reached) =>
      class extends DynamicImporter {
        protected override addFence(_submission: Submission, _fence: Fence) {
          reached();
        }
      },
    { also: ["MOVE-09", "MOVE-10", "MOVE-12", "RESV-31", "REV-02", "MOVE-08", "FENCE-34"] },
  ),
  faultyKind(
    "faulting",
    "FAULT-10",
    "work that waits for its own faults has a fence",
    (reached) =>
      class extends FaultingImporter {
        protected override *work(imported: FaultingImport, kind: JobUse["kind"]) {
          const { attachment } = imported;
          if (attachment !== null && !imported.closing) {
            const { resv } = attachment.buffer;
            yield* this.env.lock(resv);
            if (this.env.reserveFences(resv, 1) === 0) {
              reached();
              const fence = this.env.fenceInit({}, this.env.fenceContextAlloc(1), 1n);
              this.env.addFence(resv, fence, "bookkeep");
              this.env.signal(fence);
              this.env.fencePut(fence);
            }
            yield* this.env.unlock(resv);
          }
          return yield* super.work(imported, kind);
        }
      },
    { also: ["FENCE-05", "FENCE-34", "RESV-31", "RESV-33"] },
  ),
  faultyKind(
    "faulting",
    "FAULT-15",
    "a failed prefetch takes out what was in place",
    (reached) =>
      class extends FaultingImporter {
        override *prefetch(imported: FaultingImport, start: number, pages: number, write: boolean) {
          const errno = yield* super.prefetch(imported, start, pages, write);
          if (errno === 0 || imported.closing) return errno;
          reached();
          this.env.zap(imported.table, 0, 64);
          return errno;
        }
      },
  ),
  faultyKind(
    "faulting",
    "FAULT-05",
    "a fault without an entry passes for served",
    (reached) =>
      class extends FaultingImporter {
        protected override installPage(
          imported: FaultingImport,
          attachment: Attachment,
          mapping: SgTable,
          page: number,
        ) {
          if (page === 0) return super.installPage(imported, attachment, mapping, page);
          reached();
          return page > 2 ** 30 ? EFAULT : 0;
        }
      },
  ),
];
