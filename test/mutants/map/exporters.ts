import { EBUSY, EIO, ENODEV } from "../../../spec/errno.ts";
import type { Attachment, Device, Direction, DmaBuf, Fence, SgTable, Storage } from "../../../spec/roles/handles.ts";
import type { Backing, BufferObject } from "../../../reference-impl/exporter/buffer-object.ts";
import { DefaultExporter } from "../../../reference-impl/exporter/default-exporter.ts";
import { mapPieces, type MappedTable, pieceLength } from "../../../reference-impl/exporter/mapped-table.ts";
import { StaticExporter } from "../../../reference-impl/exporter/static-exporter.ts";
import type { ProgramBuilder } from "../../../spec/builder.ts";
import type { Mutant } from "../mutant.ts";
import type { Example } from "../faulty.ts";
import { faultyExporter } from "../life/kit.ts";
import { a1, pendingFence, m1, patched, staticImporter, toDevice } from "../pin/worlds.ts";
import { detached, mapped } from "./worlds.ts";

/** Buffer b1 of so many bytes, mapped by importer i1. */
function sized(size: number, maxSegment = 2 ** 32 - 1) {
  return (builder: ProgramBuilder): ProgramBuilder =>
    mapped(builder.device("d1", { maxSegment }).buffer("b1", { size }));
}

/** Faults of exporters in map and unmap. */
export const examples: readonly Example[] = [
  faultyExporter(
    "MAP-02",
    "the unmap hook locks",
    (reached) =>
      class extends StaticExporter {
        override unmap(attachment: Attachment, table: SgTable, direction: Direction) {
          if (!this.env.trylock(attachment.buffer.resv)) reached();
          super.unmap(attachment, table, direction);
        }
      },
    (builder) => detached(mapped(builder.exporter("e1", { kind: "static" }))),
    { kind: "static" },
  ),
  faultyExporter(
    "MAP-09",
    "a large buffer is cut at an odd byte",
    (reached) =>
      class extends DefaultExporter {
        protected override mapStorage(device: Device, storage: Storage) {
          if (storage.size > device.maxSegment && device.maxSegment % 4096 !== 0) reached();
          return mapPieces(this.env, device, storage, device.maxSegment);
        }
      },
    sized(5 * 2 ** 30),
    { from: ["M-MP5", "B-63"] },
  ),
  faultyExporter(
    "MAP-10",
    "the last page is left out",
    (reached) =>
      class extends DefaultExporter {
        protected override mapTable(object: BufferObject, attachment: Attachment) {
          const table = super.mapTable(object, attachment);
          if (typeof table === "number") return table;
          reached();
          table.segments.at(-1)!.length -= 4096;
          return table;
        }
      },
    (builder) => mapped(builder),
    { also: ["ATT-29", "MAP-35"] },
  ),
  faultyExporter(
    "MAP-11",
    "one buffer is shown at another's address",
    (reached) =>
      class extends DefaultExporter {
        private readonly last = new Map<Device, MappedTable>();
        protected override mapTable(object: BufferObject, attachment: Attachment) {
          const table = super.mapTable(object, attachment);
          if (typeof table === "number") return table;
          const other = this.last.get(attachment.device);
          this.last.set(attachment.device, table);
          if (other?.live !== true || other.backing === table.backing) return table;
          reached();
          table.segments[0]!.address = other.segments[0]!.address;
          return table;
        }
      },
    (builder) =>
      mapped(builder.buffer("b1").buffer("b2"))
        .step("export", { buffer: "b2" })
        .step("attach", { importer: "i1", buffer: "b2", attachment: "a2" })
        .step("mapUnlocked", { attachment: "a2", mapping: "m2" }),
    { also: ["MAP-34", "MAP-35"] },
  ),
  faultyExporter(
    "MAP-17",
    "nobody takes a mapping down",
    (reached) =>
      class extends DefaultExporter {
        protected override unmapStorage() {
          reached();
        }
      },
    (builder) => detached(mapped(builder)),
    { also: ["MAP-36"] },
  ),
  faultyExporter(
    "MAP-21",
    "the memory is cleared after map",
    (reached) =>
      class extends StaticExporter {
        override map(attachment: Attachment, direction: Direction) {
          reached();
          this.env.startJob("clear", () => undefined);
          return super.map(attachment, direction);
        }
      },
    (builder) => mapped(builder.exporter("e1", { kind: "static" })),
    { kind: "static" },
  ),
  faultyExporter(
    "MAP-22",
    "the copy's fence does not bind importers",
    (reached) =>
      class extends DefaultExporter {
        protected override publishCopy(buffer: DmaBuf, copy: { readonly fence: Fence }) {
          reached();
          this.env.addFence(buffer.resv, copy.fence, "bookkeep");
        }
      },
    (builder) =>
      builder.step("export", { buffer: "b1" }).step("attach", a1).step("move", toDevice).step("mapUnlocked", m1),
    { also: ["MOVE-18"] },
  ),
  faultyExporter(
    "MAP-23",
    "a map that fails half-way leaves the first half",
    (reached) =>
      class extends DefaultExporter {
        protected override mapStorage(device: Device, storage: Storage) {
          return mapPieces(patched(this.env, { dmaUnmap: reached }), device, storage, pieceLength(device));
        }
      },
    (builder) => sized(8192, 4096)(builder).fail({ step: "s3", site: "dma-map", nth: 2, errno: 12 }),
  ),
  faultyExporter(
    "MAP-24",
    "a revoked buffer is busy",
    (reached) =>
      class extends DefaultExporter {
        override *map(attachment: Attachment, direction: Direction) {
          const table = yield* super.map(attachment, direction);
          if (table !== ENODEV) return table;
          reached();
          return EBUSY;
        }
      },
    (builder) =>
      builder
        .step("export", { buffer: "b1" })
        .step("attach", a1)
        .step("revoke", { buffer: "b1" })
        .step("mapUnlocked", m1),
    { also: ["MOVE-24", "REV-04"] },
  ),
  faultyExporter(
    "MAP-25",
    "a map shows where the buffer was before it moved",
    (reached) =>
      class extends DefaultExporter {
        private readonly former = new Map<BufferObject, Backing>();
        protected override switchStorage(
          ...[buffer, object, next, accesses]: Parameters<DefaultExporter["switchStorage"]>
        ) {
          this.former.set(object, object.backing);
          super.switchStorage(buffer, object, next, accesses);
        }
        protected override mapTable(object: BufferObject, attachment: Attachment) {
          const { backing } = object;
          const former = this.former.get(object);
          if (former !== undefined) reached();
          object.backing = former ?? backing;
          const table = super.mapTable(object, attachment);
          object.backing = backing;
          return table;
        }
      },
    (builder) =>
      builder.step("export", { buffer: "b1" }).step("attach", a1).step("move", toDevice).step("mapUnlocked", m1),
    { also: ["P2P-13", "ATT-10", "MOVE-19", "MOVE-24"] },
  ),
  faultyExporter(
    "MAP-27",
    "no direction means both",
    (reached) =>
      class extends DefaultExporter {
        override *map(attachment: Attachment, direction: Direction) {
          if (direction === "none") reached();
          return yield* super.map(attachment, direction === "none" ? "bidirectional" : direction);
        }
      },
    (builder) =>
      builder
        .step("export", { buffer: "b1" })
        .step("attach", a1)
        .step("mapUnlocked", { ...m1, direction: "none" }),
  ),
  faultyExporter(
    "MAP-28",
    "an interrupted wait counts as a broken device",
    (reached) =>
      class extends DefaultExporter {
        protected override *waitReady(buffer: DmaBuf) {
          const errno = yield* super.waitReady(buffer);
          if (errno !== 0) reached();
          return errno === 0 ? 0 : EIO;
        }
      },
    (builder) =>
      pendingFence(staticImporter(builder).step("attach", a1)).step("mapUnlocked", m1, { interrupted: true }),
    { profile: "K6.16" },
  ),
  faultyExporter(
    "MAP-35",
    "the address of a later piece is kept in 32 bits",
    (reached) =>
      class extends DefaultExporter {
        protected override mapTable(object: BufferObject, attachment: Attachment) {
          const table = super.mapTable(object, attachment);
          if (typeof table === "number") return table;
          for (const segment of table.segments) {
            if (segment.address >= 2 ** 32) reached();
            segment.address %= 2 ** 32;
          }
          return table;
        }
      },
    sized(9 * 2 ** 30),
    { from: ["M-MP3", "B-61"], also: ["MAP-11"] },
  ),
  faultyExporter(
    "MAP-36",
    "unmap goes by where the buffer is now",
    (reached) =>
      class extends DefaultExporter {
        protected override unmapTable(object: BufferObject, table: MappedTable) {
          const moved = object.backing.storage.placement !== table.backing.storage.placement;
          if (moved) reached();
          this.byPlace = !moved;
          super.unmapTable(object, table);
        }
        private byPlace = true;
        protected override unmapStorage(table: MappedTable) {
          if (this.byPlace) super.unmapStorage(table);
        }
      },
    (builder) => detached(mapped(builder.importer("i1", { onInvalidate: "defer" })).step("move", toDevice)),
    { from: ["M-MP1", "B-57", "B-58"], also: ["MAP-17"] },
  ),
];

export const mutants: readonly Mutant[] = examples.map((example) => example.mutant);
