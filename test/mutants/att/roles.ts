import { ENOSYS, EOPNOTSUPP } from "../../../spec/errno.ts";
import type { ExportRequest } from "../../../spec/roles/exporter.ts";
import type { Attachment, Device, Direction, DmaBuf, SgTable } from "../../../spec/roles/handles.ts";
import { type Backing, type BufferObject, objectOf, stateOf } from "../../../reference-impl/exporter/buffer-object.ts";
import { DefaultExporter } from "../../../reference-impl/exporter/default-exporter.ts";
import { DynamicExporter } from "../../../reference-impl/exporter/dynamic-exporter.ts";
import { StaticExporter } from "../../../reference-impl/exporter/static-exporter.ts";
import type { DynamicImport } from "../../../reference-impl/importers/dynamic-import.ts";
import { DynamicImporter } from "../../../reference-impl/importers/dynamic-importer.ts";
import { type StaticImport, StaticImporter } from "../../../reference-impl/importers/static-importer.ts";
import type { Example } from "../faulty.ts";
import { a1, b1, faultyExporter, faultyImporter, m1, p1, staticWorld } from "../life/kit.ts";
import type { Mutant } from "../mutant.ts";

const a2 = { ...a1, attachment: "a2" } as const;

/** Faults of exporters and importers at attach, detach and what lies between. */
export const examples: readonly Example[] = [
  faultyExporter(
    "ATT-08",
    "the exporter turns peer-to-peer on",
    (reached) =>
      class extends DefaultExporter {
        override attach(buffer: DmaBuf, attachment: Attachment) {
          if (!attachment.peer2peer) reached();
          attachment.peer2peer = true;
          return super.attach(buffer, attachment);
        }
      },
    (builder) => builder.step("export", b1).step("attach", a1),
  ),
  faultyExporter(
    "ATT-09",
    "a device that is no peer is let in to memory only peers reach",
    (reached) =>
      class extends StaticExporter {
        override attach(buffer: DmaBuf, attachment: Attachment) {
          const errno = super.attach(buffer, attachment);
          if (errno !== 0 && !attachment.peer2peer) reached();
          return attachment.peer2peer ? errno : 0;
        }
      },
    (builder) =>
      builder
        .exporter("e1", { kind: "static" })
        .buffer("b1", { placement: "device" })
        .step("export", b1)
        .step("attach", a1),
    { kind: "static" },
  ),
  faultyExporter(
    "ATT-10",
    "map does not ask whether the attachment is a peer",
    (reached) =>
      class extends DefaultExporter {
        override map(attachment: Attachment, direction: Direction) {
          if (stateOf(attachment).nonPeer) reached();
          Object.assign(stateOf(attachment), { nonPeer: false });
          return super.map(attachment, direction);
        }
      },
    (builder) =>
      builder.buffer("b1", { placement: "device" }).step("export", b1).step("attach", a1).step("mapUnlocked", m1),
    { also: ["P2P-13"] },
  ),
  faultyImporter(
    "ATT-11",
    "release detaches with the lock held",
    (reached) =>
      class extends StaticImporter {
        override *release({ attachment, table, direction }: StaticImport) {
          const { buffer } = attachment;
          yield* this.env.lock(buffer.resv);
          yield* this.env.unmap(attachment, table, direction);
          reached();
          yield* this.env.detach(buffer, attachment);
        }
      },
    (builder) => staticWorld(builder, "static").step("import", p1),
    { kind: "static", also: ["RESV-03"] },
  ),
  faultyImporter(
    "ATT-12",
    "the callback uses what attach has not returned yet",
    (reached) =>
      class extends DynamicImporter {
        protected override invalidate(attachment: Attachment) {
          const imported = attachment.importerPriv as DynamicImport;
          if (imported.attachment === null) reached();
          if (imported.attachment!.device !== attachment.device) return;
          super.invalidate(attachment);
        }
      },
    (builder) =>
      builder
        .importer("i1", { kind: "subject" })
        .step("export", b1)
        .step("import", p1)
        .task("t2")
        .step("evict", b1)
        .preempt({ step: "s2", site: "unlock", until: "s3" }),
    { from: ["M-AT1", "B-29", "B-74"], also: ["MOVE-23"] },
  ),
  faultyImporter(
    "ATT-17",
    "release detaches and leaves the mapping",
    (reached) =>
      class extends StaticImporter {
        override *release({ attachment }: StaticImport) {
          const { buffer } = attachment;
          reached();
          yield* this.env.detach(buffer, attachment);
          yield* this.env.put(buffer);
        }
      },
    (builder) => staticWorld(builder, "static").step("import", p1),
    { kind: "static", also: ["MAP-15"] },
  ),
  faultyImporter(
    "ATT-19",
    "release asks about the attachment after it detached it",
    (reached) =>
      class extends StaticImporter {
        override *release(imported: StaticImport) {
          yield* super.release(imported);
          reached();
          this.env.isRevocable(imported.attachment);
        }
      },
    (builder) => staticWorld(builder, "static").step("import", p1),
    { kind: "static" },
  ),
  faultyExporter(
    "ATT-20",
    "detach gives power back to peers only",
    (reached) =>
      class extends DefaultExporter {
        override detach(buffer: DmaBuf, attachment: Attachment) {
          if (attachment.peer2peer) super.detach(buffer, attachment);
          else reached();
        }
      },
    (builder) => builder.step("export", b1).step("attach", a1),
  ),
  faultyExporter(
    "ATT-20",
    "an attach that fails half-way keeps its power",
    (reached) =>
      class extends DefaultExporter {
        override attach(buffer: DmaBuf, attachment: Attachment) {
          const errno = super.attach(buffer, attachment);
          if (errno !== 0) reached();
          if (errno !== 0) this.env.take("power");
          return errno;
        }
      },
    (builder) => builder.step("export", b1).step("revoke", b1).step("attach", a1),
  ),
  faultyExporter(
    "ATT-22",
    "map asks for addresses of the exporter's own device",
    (reached) =>
      class extends DefaultExporter {
        private own: Device | null = null;
        protected override checkRequest(request: ExportRequest) {
          this.own = request.device;
          return super.checkRequest(request);
        }
        protected override mapTable(object: BufferObject, attachment: Attachment) {
          if (this.own !== attachment.device) reached();
          return super.mapTable(object, Object.create(attachment, { device: { value: this.own } }) as Attachment);
        }
      },
    (builder) =>
      builder
        .device("d1")
        .device("d2")
        .importer("i1", { device: "d2" })
        .step("export", b1)
        .step("attach", a1)
        .step("mapUnlocked", m1),
    { also: ["MAP-11"] },
  ),
  faultyExporter(
    "ATT-23",
    "the revoked flag is looked at by map only",
    (reached) =>
      class extends DefaultExporter {
        override attach(buffer: DmaBuf, attachment: Attachment) {
          const object = objectOf(buffer);
          const { revoked } = object;
          if (revoked) reached();
          object.revoked = false;
          const errno = super.attach(buffer, attachment);
          object.revoked = revoked;
          return errno;
        }
      },
    (builder) => builder.step("export", b1).step("revoke", b1).step("attach", a1),
    { from: ["M-AT5"] },
  ),
  faultyExporter(
    "ATT-24",
    "importers without the callback are let in",
    (reached) =>
      class extends DefaultExporter {
        override attach(buffer: DmaBuf, attachment: Attachment) {
          const errno = super.attach(buffer, attachment);
          if (errno !== EOPNOTSUPP) return errno;
          reached();
          return DynamicExporter.prototype.attach.call(this, buffer, attachment);
        }
      },
    (builder) => builder.importer("i1", { ops: "static" }).step("export", b1).step("attach", a1).step("revoke", b1),
    { from: ["M-AT3", "B-35", "B-36"] },
  ),
  faultyExporter(
    "ATT-28",
    "a newcomer is mapped to where the buffer was first",
    (reached) =>
      class extends DefaultExporter {
        private readonly first = new Map<BufferObject, Backing>();
        protected override mapTable(object: BufferObject, attachment: Attachment) {
          const { backing } = object;
          const first = this.first.get(object) ?? backing;
          this.first.set(object, first);
          if (first !== backing) reached();
          object.backing = first;
          const table = super.mapTable(object, attachment);
          object.backing = backing;
          return table;
        }
      },
    (builder) =>
      builder
        .importer("i1", { allowPeer2peer: true })
        .step("export", b1)
        .step("attach", a1)
        .step("mapUnlocked", m1)
        .step("move", { ...b1, placement: "device" })
        .step("attach", a2)
        .step("mapUnlocked", { ...m1, attachment: "a2", mapping: "m2" }),
    { also: ["MAP-25", "MOVE-19", "MOVE-24"] },
  ),
  faultyExporter(
    "ATT-29",
    "attach demands what only the default map hook needs",
    (reached) =>
      class extends DefaultExporter {
        override attach(buffer: DmaBuf, attachment: Attachment) {
          const errno = super.attach(buffer, attachment);
          reached();
          if (errno === 0) super.detach(buffer, attachment);
          return errno === 0 && objectOf(buffer).maps > 0
            ? ENOSYS
            : errno === 0
              ? super.attach(buffer, attachment)
              : errno;
        }
      },
    (builder) => builder.step("export", b1).step("attach", a1).step("mapUnlocked", m1).step("attach", a2),
    { from: ["M-AT7", "B-31"] },
  ),
  faultyExporter(
    "ATT-29",
    "map gives an empty table where it can give none",
    (reached) =>
      class extends DefaultExporter {
        protected override mapTable(object: BufferObject, attachment: Attachment) {
          const table = super.mapTable(object, attachment);
          if (typeof table === "number") return table;
          reached();
          table.segments.length = 0;
          return table;
        }
      },
    (builder) => builder.step("export", b1).step("attach", a1).step("mapUnlocked", m1),
    { also: ["MAP-10"] },
  ),
  faultyImporter(
    "ATT-30",
    "the importer changes its ops while it is attached",
    (reached) =>
      class extends DynamicImporter {
        protected override readonly ops = {
          allowPeer2peer: true,
          invalidate: (attachment: Attachment) => {
            reached();
            this.ops.allowPeer2peer = false;
            this.invalidate(attachment);
          },
        };
      },
    (builder) => builder.importer("i1", { kind: "subject" }).step("export", b1).step("import", p1).step("evict", b1),
  ),
  faultyExporter(
    "ATT-31",
    "the device sleeps once the last mapping is gone",
    (reached) =>
      class extends DefaultExporter {
        override unmap(attachment: Attachment, table: SgTable, direction: Direction) {
          super.unmap(attachment, table, direction);
          reached();
          this.env.give(stateOf(attachment).power);
          Object.assign(stateOf(attachment), { power: this.env.take("power") });
        }
      },
    (builder) =>
      builder.step("export", b1).step("attach", a1).step("mapUnlocked", m1).step("unmapUnlocked", { mapping: "m1" }),
  ),
];

export const mutants: readonly Mutant[] = examples.map((example) => example.mutant);
