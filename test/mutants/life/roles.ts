import { EBUSY, EFAULT, EMFILE, ENOMEM } from "../../../spec/errno.ts";
import type { ExportRequest } from "../../../spec/roles/exporter.ts";
import type { Device, Direction, DmaBuf } from "../../../spec/roles/handles.ts";
import type { Suspension } from "../../../spec/roles/suspendable.ts";
import { type BufferObject, objectOf } from "../../../reference-impl/exporter/buffer-object.ts";
import { DefaultExporter } from "../../../reference-impl/exporter/default-exporter.ts";
import type { DynamicImport } from "../../../reference-impl/importers/dynamic-import.ts";
import { DynamicImporter } from "../../../reference-impl/importers/dynamic-importer.ts";
import { type StaticImport, StaticImporter } from "../../../reference-impl/importers/static-importer.ts";
import type { Mutant } from "../mutant.ts";
import type { Example } from "../faulty.ts";
import { a1, b1, faultyExporter, faultyImporter, fd1, m1, p1, staticWorld } from "./kit.ts";

type Requested = ReturnType<DefaultExporter["requestFd"]>;
type Exported = ReturnType<DefaultExporter["export"]>;

/** Faults of exporters and importers in what they owe a buffer's life. */
export const examples: readonly Example[] = [
  faultyExporter(
    "LIFE-06",
    "the exporter puts the buffer after it made the descriptor",
    (reached) =>
      class extends DefaultExporter {
        override *requestFd(buffer: DmaBuf, closeOnExec: boolean): Requested {
          const fd = yield* super.requestFd(buffer, closeOnExec);
          if (typeof fd === "number") return fd;
          reached();
          yield* this.env.put(buffer);
          return fd;
        }
      },
    (builder) => builder.step("export", b1).step("getRef", b1).step("requestFd", fd1).step("put", b1),
  ),
  faultyExporter(
    "LIFE-07",
    "a failed descriptor takes the buffer apart by hand too",
    (reached) =>
      class extends DefaultExporter {
        override *requestFd(buffer: DmaBuf, closeOnExec: boolean): Requested {
          const fd = yield* super.requestFd(buffer, closeOnExec);
          if (typeof fd !== "number") return fd;
          reached();
          this.env.give(objectOf(buffer).registration);
          return fd;
        }
      },
    (builder) => builder.step("export", b1).step("requestFd", fd1).fail({ step: "s2", site: "fd", errno: EMFILE }),
    { from: ["M-LT1", "B-01"], also: ["LIFE-19", "LIFE-21"] },
  ),
  faultyExporter(
    "LIFE-07",
    "a failed descriptor leaves the buffer behind",
    (reached) =>
      class extends DefaultExporter {
        override *requestFd(buffer: DmaBuf, closeOnExec: boolean): Requested {
          const fd = yield* this.env.exportFd(buffer, closeOnExec);
          if (typeof fd === "number") reached();
          return fd;
        }
      },
    (builder) => builder.step("export", b1).step("requestFd", fd1).fail({ step: "s2", site: "fd", errno: EMFILE }),
    { from: ["M-LT1", "B-13"], also: ["LIFE-09"] },
  ),
  faultyImporter(
    "LIFE-09",
    "a failed import keeps its reference",
    (reached) =>
      class extends DynamicImporter {
        override *import(buffer: DmaBuf, device: Device, direction: Direction) {
          const imported = yield* super.import(buffer, device, direction);
          if (typeof imported === "number") reached();
          if (typeof imported === "number") yield* this.env.getRef(buffer);
          return imported;
        }
      },
    (builder) =>
      builder
        .importer("i1", { kind: "subject" })
        .step("export", b1)
        .step("import", p1)
        .fail({ step: "s2", site: "hook:attach", errno: EBUSY }),
  ),
  faultyImporter(
    "LIFE-11",
    "release reads the buffer after its put",
    (reached) =>
      class extends DynamicImporter {
        override *release(imported: DynamicImport) {
          yield* super.release(imported);
          reached();
          this.env.getName(imported.buffer);
        }
      },
    (builder) =>
      builder
        .importer("i1", { kind: "subject" })
        .step("export", b1)
        .step("import", p1)
        .step("put", b1)
        .step("release", { import: "p1" }),
    { from: ["M-LT3", "B-03"] },
  ),
  faultyImporter(
    "LIFE-12",
    "release forgets to detach",
    (reached) =>
      class extends StaticImporter {
        override *release({ attachment, table, direction }: StaticImport) {
          yield* this.env.unmapUnlocked(attachment, table, direction);
          reached();
          yield* this.env.put(attachment.buffer);
        }
      },
    (builder) => staticWorld(builder, "static").step("import", p1),
    { kind: "static", also: ["LIFE-22"] },
  ),
  faultyExporter(
    "LIFE-16",
    "storage is freed with the last mapping",
    (reached) =>
      class extends DefaultExporter {
        override *export(request: ExportRequest): Exported {
          const buffer = yield* super.export(request);
          if (typeof buffer === "number") return buffer;
          reached();
          Object.assign(objectOf(buffer).backing, { retired: true, idle: true });
          return buffer;
        }
      },
    (builder) =>
      builder.step("export", b1).step("attach", a1).step("mapUnlocked", m1).step("unmapUnlocked", { mapping: "m1" }),
  ),
  faultyExporter(
    "LIFE-16",
    "nobody gives back what a released buffer had",
    (reached) =>
      class extends DefaultExporter {
        protected override *retire() {
          reached();
          yield* this.env.point("retire");
        }
      },
    (builder) => builder.step("export", b1),
  ),
  faultyExporter(
    "LIFE-16",
    "nobody gives back what a move left behind",
    (reached) =>
      class extends DefaultExporter {
        protected override switchStorage(...moved: Parameters<DefaultExporter["switchStorage"]>) {
          const old = moved[1].backing;
          super.switchStorage(...moved);
          reached();
          old.freed = true;
        }
      },
    (builder) => builder.step("export", b1).step("move", { buffer: "b1", placement: "device" }),
  ),
  faultyExporter(
    "LIFE-17",
    "the device goes without a revoke",
    (reached) =>
      class extends DefaultExporter {
        protected override *revokeAll(held: readonly DmaBuf[], forever: boolean) {
          if (forever) reached();
          else yield* super.revokeAll(held, forever);
        }
      },
    (builder) => builder.step("export", b1).step("closeDevice", { exporter: "e1" }).step("attach", a1),
    { also: ["ATT-23", "REV-31"] },
  ),
  faultyExporter(
    "LIFE-18",
    "the walk takes references without asking whether one is left",
    (reached) =>
      class extends DefaultExporter {
        protected override *holdAll(): Generator<Suspension, readonly DmaBuf[], unknown> {
          const held = [...this.objects].flatMap(({ buffer }) => (buffer === null ? [] : [buffer]));
          reached();
          for (const buffer of held) yield* this.env.getRef(buffer);
          return held;
        }
      },
    (builder) =>
      builder
        .step("export", b1)
        .step("put", b1)
        .task("t2")
        .step("closeDevice", { exporter: "e1" })
        .preempt({ step: "s2", site: "deferred:release", until: "s3" }),
    { also: ["LIFE-09", "LIFE-10", "LIFE-11"] },
  ),
  faultyExporter(
    "LIFE-19",
    "release drops what the teardown has dropped",
    (reached) =>
      class extends DefaultExporter {
        override *release(buffer: DmaBuf) {
          const { linked, registration } = objectOf(buffer);
          yield* super.release(buffer);
          if (!linked) reached();
          if (!linked) this.env.give(registration);
        }
      },
    (builder) => builder.step("export", b1).step("closeDevice", { exporter: "e1" }),
  ),
  faultyExporter(
    "LIFE-19",
    "an export that failed keeps its device reference",
    (reached) =>
      class extends DefaultExporter {
        protected override undoExport({ backing }: BufferObject) {
          reached();
          this.freeBacking(backing);
        }
      },
    (builder) => builder.step("export", b1).fail({ step: "s1", site: "dma-buf", errno: ENOMEM }),
    { from: ["M-DM3", "B-156"] },
  ),
  faultyExporter(
    "LIFE-20",
    "a new buffer starts open although the memory is off",
    (reached) =>
      class extends DefaultExporter {
        protected override startsRevoked() {
          if (!this.memoryOn) reached();
          return false;
        }
      },
    (builder) =>
      builder
        .step("setMemory", { exporter: "e1", on: false })
        .step("export", b1)
        .step("attach", a1)
        .step("mapUnlocked", m1),
    { also: ["ATT-23", "MAP-24", "REV-04", "REV-34"] },
  ),
  faultyExporter(
    "LIFE-21",
    "the registration is given back when the export is done",
    (reached) =>
      class extends DefaultExporter {
        override *export(request: ExportRequest): Exported {
          const buffer = yield* super.export(request);
          if (typeof buffer === "number") return buffer;
          reached();
          this.env.give(objectOf(buffer).registration);
          return buffer;
        }
      },
    (builder) => builder.step("export", b1),
    { also: ["LIFE-19"] },
  ),
  faultyImporter(
    "LIFE-22",
    "release puts before it detaches",
    (reached) =>
      class extends StaticImporter {
        override *release({ attachment, table, direction }: StaticImport) {
          const { buffer } = attachment;
          yield* this.env.unmapUnlocked(attachment, table, direction);
          reached();
          yield* this.env.put(buffer);
          yield* this.env.detach(buffer, attachment);
        }
      },
    (builder) => staticWorld(builder, "static").step("import", p1),
    { kind: "static" },
  ),
  faultyImporter(
    "LIFE-26",
    "the device reads once more after release",
    (reached) =>
      class extends StaticImporter {
        override *release(imported: StaticImport) {
          yield* super.release(imported);
          reached();
          this.env.access(imported.attachment, imported.table, "speculativeRead");
        }
      },
    (builder) =>
      staticWorld(builder, "static")
        .step("import", p1)
        .step("submit", { importer: "i1", imports: ["p1"], kind: "read", job: "j1" }),
    { kind: "static", also: ["MAP-16"] },
  ),
  faultyExporter(
    "LIFE-30",
    "the exporter has no way to ask for close-on-exec",
    (reached) =>
      class extends DefaultExporter {
        override *requestFd(buffer: DmaBuf, closeOnExec: boolean): Requested {
          if (closeOnExec) reached();
          return yield* super.requestFd(buffer, false);
        }
      },
    (builder) => builder.step("export", b1).step("requestFd", { ...fd1, closeOnExec: true }),
  ),
  faultyExporter(
    "LIFE-33",
    "the descriptor is there before the number is copied out",
    (reached) =>
      class extends DefaultExporter {
        override *requestFd(buffer: DmaBuf, closeOnExec: boolean): Requested {
          const fd = yield* this.env.exportFd(buffer, closeOnExec);
          const errno = this.env.failure("copy-out");
          if (typeof fd !== "number" && errno !== 0) reached();
          if (typeof fd === "number") yield* this.env.put(buffer);
          return errno === 0 ? fd : errno;
        }
      },
    (builder) =>
      builder.step("export", b1).step("requestFd", fd1).fail({ step: "s2", site: "copy-out", errno: EFAULT }),
    { also: ["LIFE-07"] },
  ),
  faultyImporter(
    "LIFE-35",
    "release puts with the lock held",
    (reached) =>
      class extends DynamicImporter {
        override *release(imported: DynamicImport) {
          const { buffer } = imported;
          yield* this.env.getRef(buffer);
          yield* super.release(imported);
          yield* this.env.lock(buffer.resv);
          reached();
          yield* this.env.put(buffer);
          yield* this.env.unlock(buffer.resv);
        }
      },
    (builder) => builder.importer("i1", { kind: "subject" }).step("export", b1).step("import", p1),
  ),
];

export const mutants: readonly Mutant[] = examples.map((example) => example.mutant);
