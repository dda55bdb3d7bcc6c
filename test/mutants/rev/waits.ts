import { ENODEV } from "../../../spec/errno.ts";
import type { Attachment, DmaBuf, SgTable, Direction } from "../../../spec/roles/handles.ts";
import { type BufferObject, objectOf } from "../../../reference-impl/exporter/buffer-object.ts";
import { DefaultExporter } from "../../../reference-impl/exporter/default-exporter.ts";
import type { MappedTable } from "../../../reference-impl/exporter/mapped-table.ts";
import { DynamicImporter } from "../../../reference-impl/importers/dynamic-importer.ts";
import type { JobAccess } from "../../../reference-impl/importers/submission.ts";
import { ENOMEM } from "../../../spec/errno.ts";
import type { ProgramBuilder } from "../../../spec/builder.ts";
import type { Mutant } from "../mutant.ts";
import type { Example } from "../faulty.ts";
import { a1, deferring, faultyExporter, faultyImporter, j1, m1, own, played } from "./kit.ts";

/** A BOOKKEEP fence of the program is pending in the buffer when it is revoked. */
function fenced(builder: ProgramBuilder): ProgramBuilder {
  return deferring(builder)
    .step("fenceInit", { fence: "f1", timeline: 1, seqno: 1 })
    .step("lock", { resv: "b1.resv" })
    .step("reserveFences", { resv: "b1.resv", count: 1 })
    .step("addFence", { resv: "b1.resv", fence: "f1", usage: "bookkeep" })
    .step("unlock", { resv: "b1.resv" })
    .step("revoke", { buffer: "b1" });
}

function mapped(builder: ProgramBuilder): ProgramBuilder {
  return deferring(builder).step("attach", a1).step("mapUnlocked", m1).step("revoke", { buffer: "b1" });
}

/** The two waits of a revoke, and the count behind the second. */
export const examples: readonly Example[] = [
  faultyExporter(
    "REV-06",
    "nobody waits for fences",
    (reached) =>
      class extends DefaultExporter {
        protected override *waitAccess() {
          reached();
          yield* this.env.point("skipped");
        }
      },
    fenced,
    { from: ["M-RV1", "B-80"], also: ["MOVE-29"] },
  ),
  faultyExporter(
    "REV-06",
    "the wait does not see BOOKKEEP fences",
    (reached) =>
      class extends DefaultExporter {
        protected override *waitAccess(buffer: DmaBuf) {
          reached();
          yield* this.env.waitFences(buffer.resv, "read");
        }
      },
    fenced,
  ),
  faultyExporter(
    "REV-06",
    "a signal can end the wait",
    (reached) =>
      class extends DefaultExporter {
        protected override *waitAccess(buffer: DmaBuf) {
          reached();
          yield* this.env.waitFences(buffer.resv, "bookkeep", true);
        }
      },
    fenced,
  ),
  faultyExporter(
    "REV-07",
    "nobody waits for unmaps",
    (reached) =>
      class extends DefaultExporter {
        protected override *waitUnmaps() {
          reached();
          yield* this.env.point("skipped");
        }
      },
    mapped,
    { from: ["M-RV3", "B-80", "B-88", "B-177"], also: ["REV-15"] },
  ),
  faultyExporter(
    "REV-08",
    "the unmaps are waited for with the lock held",
    (reached) =>
      class extends DefaultExporter {
        protected override *waitAccess(buffer: DmaBuf) {
          yield* super.waitAccess(buffer);
          reached();
          yield* this.waitUnmaps(buffer, objectOf(buffer));
        }
      },
    mapped,
    { also: ["MOVE-27", "REV-50"] },
  ),
  faultyImporter(
    "subject",
    "REV-09",
    "the device is done later than its fence says",
    (reached) =>
      class extends DynamicImporter {
        protected override runJob(accesses: readonly JobAccess[]) {
          reached();
          this.env.startJob("late", () => super.runJob(accesses));
          return 0;
        }
      },
    (builder) =>
      played("subject")(builder)
        .step("import", own)
        .step("submit", j1)
        .step("complete", { job: "j1" })
        .step("revoke", { buffer: "b1" }),
    { also: ["LIFE-26", "MAP-16"] },
  ),
  faultyImporter(
    "subject",
    "REV-10",
    "the callback is ignored and new jobs use the old mapping",
    (reached) =>
      class extends DynamicImporter {
        protected override invalidate() {
          reached();
        }
      },
    (builder) =>
      played("subject")(builder)
        .step("import", own)
        .step("submit", j1)
        .step("revoke", { buffer: "b1" })
        .task("t2")
        .step("complete", { job: "j1" })
        .step("submit", { ...j1, job: "j2" })
        .step("complete", { job: "j2" }),
    { also: ["FENCE-34", "MOVE-08", "MOVE-09", "MOVE-10", "MOVE-12", "MOVE-21", "MOVE-22", "RESV-31", "REV-02"] },
  ),
  faultyExporter(
    "REV-13",
    "the exporter's own count is never dropped",
    (reached) =>
      class extends DefaultExporter {
        protected override *waitUnmaps(buffer: DmaBuf, object: BufferObject) {
          reached();
          yield* this.env.waitUnmapped(buffer, () => object.maps < 0);
        }
      },
    (builder) => deferring(builder).step("revoke", { buffer: "b1" }),
    { also: ["REV-50"] },
  ),
  faultyExporter(
    "REV-14",
    "the count is not armed again after the wait",
    (reached) =>
      class extends DefaultExporter {
        protected override *waitUnmaps(buffer: DmaBuf, object: BufferObject) {
          yield* super.waitUnmaps(buffer, object);
          reached();
          object.maps -= 1;
        }
      },
    (builder) =>
      deferring(builder)
        .step("revoke", { buffer: "b1" })
        .step("unrevoke", { buffer: "b1" })
        .step("revoke", { buffer: "b1" }),
    { also: ["REV-13", "REV-50"] },
  ),
  faultyExporter(
    "REV-14",
    "the second wait finds the completion of the first",
    (reached) =>
      class extends DefaultExporter {
        private readonly completed = new Set<BufferObject>();
        protected override *waitUnmaps(buffer: DmaBuf, object: BufferObject) {
          if (this.completed.has(object)) reached();
          else yield* super.waitUnmaps(buffer, object);
          this.completed.add(object);
        }
      },
    (builder) =>
      deferring(builder)
        .step("attach", a1)
        .step("revoke", { buffer: "b1" })
        .step("unrevoke", { buffer: "b1" })
        .step("mapUnlocked", m1)
        .step("revoke", { buffer: "b1" }),
    { also: ["REV-07"] },
  ),
  faultyExporter(
    "REV-15",
    "a failed map is counted",
    (reached) =>
      class extends DefaultExporter {
        protected override mapTable(object: BufferObject, attachment: Attachment) {
          const table = super.mapTable(object, attachment);
          if (typeof table !== "number") return table;
          reached();
          object.maps += 1;
          return table;
        }
      },
    (builder) =>
      deferring(builder)
        .step("attach", a1)
        .step("mapUnlocked", m1)
        .step("revoke", { buffer: "b1" })
        .fail({ step: "s3", site: "dma-map", errno: ENOMEM }),
    { also: ["REV-50"] },
  ),
  faultyExporter(
    "REV-15",
    "a mapping is never uncounted",
    (reached) =>
      class extends DefaultExporter {
        protected override unmapTable(object: BufferObject, table: MappedTable) {
          super.unmapTable(object, table);
          reached();
          object.maps += 1;
        }
      },
    (builder) =>
      deferring(builder)
        .step("attach", a1)
        .step("mapUnlocked", m1)
        .step("unmapUnlocked", { mapping: "m1" })
        .step("revoke", { buffer: "b1" }),
    { also: ["REV-50"] },
  ),
  faultyExporter(
    "REV-40",
    "unmap takes the lock that a revoke holds",
    (reached) =>
      class extends DefaultExporter {
        override *unmap(attachment: Attachment, table: SgTable, direction: Direction) {
          reached();
          yield* this.env.lockMutex(this.mutex);
          super.unmap(attachment, table, direction);
          yield* this.env.unlockMutex(this.mutex);
        }
      },
    (builder) => mapped(builder).task("t2").step("unmapUnlocked", { mapping: "m1" }),
    { also: ["REV-39", "REV-50"] },
  ),
  faultyImporter(
    "subject",
    "REV-50",
    "the mappings of an import are forgotten",
    (reached) =>
      class extends DynamicImporter {
        protected override *unmapStale() {
          reached();
          yield* this.env.point("skipped");
        }
      },
    (builder) =>
      played("subject")(builder)
        .step("import", own)
        .step("submit", j1)
        .step("complete", { job: "j1" })
        .step("revoke", { buffer: "b1" }),
    { also: ["ATT-17", "MAP-15", "MOVE-21", "REV-02", "REV-16"] },
  ),
  faultyImporter(
    "subject",
    "REV-02",
    "unmaps only when the import is released",
    (reached) =>
      class extends DynamicImporter {
        protected override unmapLater() {
          reached();
        }
      },
    (builder) =>
      played("subject")(builder)
        .step("import", own)
        .step("submit", j1)
        .step("complete", { job: "j1" })
        .step("revoke", { buffer: "b1" }),
    { also: ["MOVE-21", "MOVE-22"] },
  ),
  faultyExporter(
    "REV-30",
    "one revoked buffer closes the whole device",
    (reached) =>
      class extends DefaultExporter {
        override *map(attachment: Attachment, direction: Direction) {
          if ([...this.objects].some((object) => object.revoked)) {
            if (!objectOf(attachment.buffer).revoked) reached();
            return ENODEV;
          }
          return yield* super.map(attachment, direction);
        }
      },
    (builder) =>
      builder
        .buffer("b1")
        .buffer("b2")
        .step("export", { buffer: "b1" })
        .step("export", { buffer: "b2" })
        .step("attach", a1)
        .step("revoke", { buffer: "b2" })
        .step("mapUnlocked", m1),
  ),
  faultyImporter(
    "subject",
    "REV-30",
    "a refused map takes the whole importer down",
    (reached) =>
      class extends DynamicImporter {
        private lost = false;
        protected override *submitHeld(...args: Parameters<DynamicImporter["submitHeld"]>) {
          if (this.lost) reached();
          const errno = this.lost ? ENODEV : yield* super.submitHeld(...args);
          this.lost ||= errno === ENODEV;
          return errno;
        }
      },
    (builder) =>
      builder
        .importer("i1", { kind: "subject" })
        .buffer("b1")
        .buffer("b2")
        .step("export", { buffer: "b1" })
        .step("export", { buffer: "b2" })
        .step("import", own)
        .step("import", { ...own, buffer: "b2", import: "p2" })
        .step("revoke", { buffer: "b2" })
        .step("submit", { ...j1, imports: ["p2"] })
        .step("submit", { ...j1, job: "j2" }),
    { also: ["NEG-06"] },
  ),
];

export const mutants: readonly Mutant[] = examples.map((example) => example.mutant);
