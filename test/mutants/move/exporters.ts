import type { BufferObject } from "../../../reference-impl/exporter/buffer-object.ts";
import { objectOf } from "../../../reference-impl/exporter/buffer-object.ts";
import { DefaultExporter } from "../../../reference-impl/exporter/default-exporter.ts";
import { DynamicExporter } from "../../../reference-impl/exporter/dynamic-exporter.ts";
import type { MappedTable } from "../../../reference-impl/exporter/mapped-table.ts";
import type { Env } from "../../../spec/roles/env.ts";
import type { Attachment, DmaBuf, Placement, Reservation } from "../../../spec/roles/handles.ts";
import type { Suspension } from "../../../spec/roles/suspendable.ts";
import { mutant } from "../mutant.ts";
import { blocking, defers, example, fenced, mapped, patched, plainly, withExporter, type Example } from "./parts.ts";

/** An env whose invalidate does something else. */
function withInvalidate(env: Env, invalidate: (buffer: DmaBuf) => Generator<Suspension, void, unknown>): Env {
  return patched(env, { invalidate: (buffer: DmaBuf) => blocking(invalidate(buffer)) });
}

export const examples: readonly Example[] = [
  example(
    mutant("MOVE-13", "a move looks at fences up to READ only", (reached) =>
      withExporter(
        (env) =>
          new DefaultExporter(
            patched(env, {
              getFences: (resv: Reservation) => {
                reached();
                return env.getFences(resv, "read");
              },
            }),
          ),
      ),
    ),
    (p) => p,
    (p) => fenced(p).step("move", { buffer: "b1", placement: "device" }),
  ),
  example(
    mutant(
      "MOVE-14",
      "the memory goes off before the last unmap",
      (reached) =>
        withExporter(
          (env) =>
            new (class extends DefaultExporter {
              protected override waitUnmaps(_buffer: DmaBuf, object: BufferObject) {
                return plainly(() => {
                  if (object.maps > 0) reached();
                });
              }
            })(env),
        ),
      { also: ["REV-32", "REV-07", "REV-15"] },
    ),
    (p) => p.importer("i1", { onInvalidate: "defer", allowPeer2peer: true }).buffer("b1", { placement: "device" }),
    (p) => mapped(p).step("setMemory", { exporter: "e1", on: false }),
  ),
  example(
    mutant(
      "MOVE-16",
      "the invalidate comes after the new place is published",
      (reached) =>
        withExporter(
          (env) =>
            new (class extends DynamicExporter {
              protected override *relocate(buffer: DmaBuf, object: BufferObject, placement: Placement) {
                const errno = yield* super.relocate(buffer, object, placement);
                reached();
                yield* env.invalidate(buffer);
                return errno;
              }
            })(withInvalidate(env, () => plainly(() => undefined))),
          "dynamic",
        ),
      { from: ["M-MV3"] },
    ),
    (p) => p.exporter("e1", { kind: "dynamic" }),
    (p) =>
      p
        .step("attach", { importer: "i1", buffer: "b1", attachment: "a1" })
        .step("move", { buffer: "b1", placement: "device" }),
  ),
  example(
    mutant(
      "MOVE-17",
      "a move makes no invalidate",
      (reached) => withExporter((env) => new DynamicExporter(withInvalidate(env, () => plainly(reached))), "dynamic"),
      { from: ["M-MV1"], also: ["MOVE-16"] },
    ),
    (p) => defers(p.exporter("e1", { kind: "dynamic" })),
    (p) => mapped(p).step("move", { buffer: "b1", placement: "system" }),
  ),
  example(
    mutant("MOVE-18", "the copy of a move is not published", (reached) =>
      withExporter(
        (env) =>
          new (class extends DefaultExporter {
            protected override publishCopy() {
              reached();
            }
          })(env),
      ),
    ),
    (p) => p,
    (p) => p.step("move", { buffer: "b1", placement: "device" }),
  ),
  example(
    mutant(
      "MOVE-19",
      "map goes by the place of the first mapping",
      (reached) =>
        withExporter((env) => {
          const first = new Map<BufferObject, BufferObject["backing"]>();
          return new (class extends DefaultExporter {
            protected override mapTable(object: BufferObject, attachment: Attachment) {
              const { backing } = object;
              object.backing = first.get(object) ?? backing;
              if (object.backing !== backing) reached();
              first.set(object, object.backing);
              const table = super.mapTable(object, attachment);
              object.backing = backing;
              return table;
            }
          })(env);
        }),
      { also: ["MAP-25", "MOVE-24"] },
    ),
    (p) => p,
    (p) =>
      mapped(p)
        .step("move", { buffer: "b1", placement: "system" })
        .step("mapUnlocked", { attachment: "a1", mapping: "m2" }),
  ),
  example(
    mutant(
      "MOVE-20",
      "a move ends the old mappings itself",
      (reached) =>
        withExporter((env) => {
          const tables: MappedTable[] = [];
          return new (class extends DefaultExporter {
            protected override mapTable(object: BufferObject, attachment: Attachment) {
              const table = super.mapTable(object, attachment);
              if (typeof table !== "number") tables.push(table);
              return table;
            }
            protected override *relocate(buffer: DmaBuf, object: BufferObject, placement: Placement) {
              const errno = yield* super.relocate(buffer, object, placement);
              const left = tables.filter(({ live, backing }) => live && backing.retired);
              if (left.length > 0) reached();
              for (const table of left) this.unmapTable(object, table);
              return errno;
            }
          })(env);
        }),
      { also: ["MOVE-15"] },
    ),
    defers,
    (p) => mapped(p).step("move", { buffer: "b1", placement: "system" }),
  ),
  example(
    mutant(
      "MOVE-24",
      "a move lets go of the lock after its invalidate",
      (reached) =>
        withExporter(
          (env) =>
            new DynamicExporter(
              withInvalidate(env, function* (buffer) {
                yield* env.invalidate(buffer);
                yield* env.unlock(buffer.resv);
                reached();
                yield* env.lock(buffer.resv);
              }),
            ),
          "dynamic",
        ),
      { also: ["MOVE-16", "MOVE-17"] },
    ),
    (p) => p.exporter("e1", { kind: "dynamic" }),
    (p) =>
      p
        .step("attach", { importer: "i1", buffer: "b1", attachment: "a1" })
        .step("move", { buffer: "b1", placement: "system" })
        .task("t2")
        .step("mapUnlocked", { attachment: "a1", mapping: "m1" })
        .preempt({ step: "s3", site: "unlock", until: "s4" }),
  ),
  example(
    mutant(
      "MOVE-25",
      "a move does not look at pins",
      (reached) =>
        withExporter(
          (env) =>
            new (class extends DefaultExporter {
              protected override isMovable(object: BufferObject) {
                if (object.pins > 0) reached();
                return object.fixedMaps === 0;
              }
            })(env),
        ),
      { also: ["REV-35", "PIN-03"] },
    ),
    (p) => p,
    (p) =>
      p
        .step("attach", { importer: "i1", buffer: "b1", attachment: "a1" })
        .step("lock", { resv: "b1.resv" })
        .step("pin", { attachment: "a1" })
        .step("unlock", { resv: "b1.resv" })
        .step("move", { buffer: "b1", placement: "system" }),
  ),
  example(
    mutant(
      "MOVE-27",
      "a revoke waits for the unmaps with the lock held",
      (reached) =>
        withExporter(
          (env) =>
            new (class extends DefaultExporter {
              protected override *waitAccess(buffer: DmaBuf) {
                yield* super.waitAccess(buffer);
                if (objectOf(buffer).maps > 0) reached();
                yield* this.waitUnmaps(buffer, objectOf(buffer));
              }
            })(env),
        ),
      { also: ["REV-08", "REV-50"] },
    ),
    defers,
    (p) => mapped(p).step("revoke", { buffer: "b1" }),
  ),
  example(
    mutant(
      "MOVE-29",
      "a move takes the return of the callbacks for the end of all access",
      (reached) =>
        withExporter(
          (env) =>
            new DefaultExporter(
              patched(env, {
                getFences: () =>
                  plainly(() => {
                    reached();
                    return [];
                  }),
              }),
            ),
        ),
      { also: ["MOVE-13"] },
    ),
    (p) => p,
    (p) => fenced(p).step("move", { buffer: "b1", placement: "device" }),
  ),
  example(
    mutant(
      "MOVE-30",
      "a move looks neither at pins nor at mappings",
      (reached) =>
        withExporter(
          (env) =>
            new (class extends DynamicExporter {
              protected override isMovable(object: BufferObject) {
                if (object.fixedMaps > 0) reached();
                return true;
              }
            })(env),
          "dynamic",
        ),
      { also: ["REV-35", "PIN-03", "MOVE-25"] },
    ),
    (p) => p.exporter("e1", { kind: "dynamic" }).importer("i1", { ops: "static" }),
    (p) => mapped(p).step("move", { buffer: "b1", placement: "system" }),
  ),
];

export const mutants = examples.map((entry) => entry.mutant);
