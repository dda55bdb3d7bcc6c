import { EBUSY, ENODEV } from "../../../spec/errno.ts";
import type { DmaBuf, Attachment, Direction, SgTable } from "../../../spec/roles/handles.ts";
import { type BufferObject, objectOf } from "../../../reference-impl/exporter/buffer-object.ts";
import { DefaultExporter } from "../../../reference-impl/exporter/default-exporter.ts";
import type { MappedTable } from "../../../reference-impl/exporter/mapped-table.ts";
import type { Mutant } from "../mutant.ts";
import type { Example } from "../faulty.ts";
import { a1, deferring, faultyExporter, m1 } from "./kit.ts";

/** Refusal of maps, repeated revokes, unmap and detach while revoked. */
export const examples: readonly Example[] = [
  faultyExporter(
    "REV-03",
    "the flag is set after the lock was dropped",
    (reached) =>
      class extends DefaultExporter {
        protected override setRevoked() {
          reached();
        }
        protected override *waitUnmaps(buffer: DmaBuf, object: BufferObject) {
          object.revoked = true;
          yield* super.waitUnmaps(buffer, object);
        }
      },
    (builder) =>
      deferring(builder)
        .step("attach", a1)
        .step("revoke", { buffer: "b1" })
        .task("t2")
        .step("mapUnlocked", m1)
        .preempt({ step: "s3", site: "unlock", until: "s4" }),
    { also: ["MAP-24", "MOVE-24", "REV-04"] },
  ),
  faultyExporter(
    "REV-04",
    "map does not look at the flag",
    (reached) =>
      class extends DefaultExporter {
        override *map(attachment: Attachment, direction: Direction) {
          const object = objectOf(attachment.buffer);
          const { revoked } = object;
          if (revoked) reached();
          object.revoked = false;
          const table = yield* super.map(attachment, direction);
          object.revoked = revoked;
          return table;
        }
      },
    (builder) => deferring(builder).step("attach", a1).step("revoke", { buffer: "b1" }).step("mapUnlocked", m1),
    { also: ["MAP-24", "MOVE-24"] },
  ),
  faultyExporter(
    "REV-04",
    "map refuses with another error",
    (reached) =>
      class extends DefaultExporter {
        override *map(attachment: Attachment, direction: Direction) {
          const table = yield* super.map(attachment, direction);
          if (table !== ENODEV) return table;
          reached();
          return EBUSY;
        }
      },
    (builder) => deferring(builder).step("attach", a1).step("revoke", { buffer: "b1" }).step("mapUnlocked", m1),
    { also: ["MAP-24", "MOVE-24"] },
  ),
  faultyExporter(
    "REV-05",
    "map tests the flag and lets go of the lock before it makes the table",
    (reached) =>
      class extends DefaultExporter {
        override *map(attachment: Attachment) {
          if (objectOf(attachment.buffer).revoked) return ENODEV;
          yield* this.env.unlock(attachment.buffer.resv);
          reached();
          yield* this.env.lock(attachment.buffer.resv);
          return this.mapTable(objectOf(attachment.buffer), attachment);
        }
      },
    (builder) =>
      deferring(builder)
        .step("attach", a1)
        .step("mapUnlocked", m1)
        .task("t2")
        .step("mapUnlocked", { ...m1, mapping: "m2" })
        .task("t3")
        .step("revoke", { buffer: "b1" })
        .preempt({ step: "s3", site: "unlock", until: "s5" })
        .preempt({ step: "s4", site: "lock", until: "s5" }),
    { also: ["MAP-02", "MOVE-24"] },
  ),
  faultyExporter(
    "REV-12",
    "a second revoke goes all the way again",
    (reached) =>
      class extends DefaultExporter {
        protected override *revokeObject(buffer: DmaBuf, object: BufferObject, forever: boolean) {
          if (object.revoked) reached();
          object.revoked = false;
          yield* super.revokeObject(buffer, object, forever);
        }
      },
    (builder) => deferring(builder).step("revoke", { buffer: "b1" }).step("revoke", { buffer: "b1" }),
  ),
  faultyExporter(
    "REV-16",
    "unmap leaves early while the buffer is revoked",
    (reached) =>
      class extends DefaultExporter {
        override unmap(attachment: Attachment, table: SgTable, direction: Direction) {
          if (objectOf(attachment.buffer).revoked) reached();
          else super.unmap(attachment, table, direction);
        }
      },
    (builder) =>
      deferring(builder)
        .step("attach", a1)
        .step("mapUnlocked", m1)
        .step("revoke", { buffer: "b1" })
        .task("t2")
        .step("unmapUnlocked", { mapping: "m1" }),
    { also: ["MAP-17", "REV-50"] },
  ),
  faultyExporter(
    "REV-17",
    "detach waits until the buffer is unrevoked",
    (reached) =>
      class extends DefaultExporter {
        override *detach(buffer: DmaBuf, attachment: Attachment) {
          const object = objectOf(buffer);
          if (object.revoked) reached();
          yield* this.env.wait({ kind: "other", what: "access" }, () => !object.revoked);
          super.detach(buffer, attachment);
        }
      },
    (builder) =>
      deferring(builder).step("attach", a1).step("revoke", { buffer: "b1" }).step("detach", { attachment: "a1" }),
  ),
  faultyExporter(
    "REV-41",
    "a revoke puts a dummy page behind live mappings",
    (reached) =>
      class extends DefaultExporter {
        private readonly tables: MappedTable[] = [];
        protected override mapTable(object: BufferObject, attachment: Attachment) {
          const table = super.mapTable(object, attachment);
          if (typeof table !== "number") this.tables.push(table);
          return table;
        }
        protected override setRevoked(object: BufferObject) {
          super.setRevoked(object);
          const dummy = this.env.allocateStorage(4096, "system");
          for (const table of this.tables) {
            const page = typeof dummy === "number" ? dummy : this.env.dmaMap(table.device, dummy, 0, 4096);
            if (typeof page === "number" || !table.live) continue;
            reached();
            table.segments[0]!.address = page.address;
          }
        }
      },
    (builder) =>
      deferring(builder)
        .step("attach", a1)
        .step("mapUnlocked", m1)
        .step("revoke", { buffer: "b1" })
        .task("t2")
        .step("access", { mapping: "m1", kind: "speculativeRead" }),
    { also: ["MAP-13", "MOVE-20"] },
  ),
];

export const mutants: readonly Mutant[] = examples.map((example) => example.mutant);
