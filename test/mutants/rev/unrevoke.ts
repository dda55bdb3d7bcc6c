import { ENODEV } from "../../../spec/errno.ts";
import type { Attachment, Direction, DmaBuf } from "../../../spec/roles/handles.ts";
import { type BufferObject, objectOf } from "../../../reference-impl/exporter/buffer-object.ts";
import { DefaultExporter } from "../../../reference-impl/exporter/default-exporter.ts";
import type { DynamicImport, Mapping } from "../../../reference-impl/importers/dynamic-import.ts";
import { DynamicImporter } from "../../../reference-impl/importers/dynamic-importer.ts";
import type { ProgramBuilder } from "../../../spec/builder.ts";
import type { Mutant } from "../mutant.ts";
import type { Example } from "../faulty.ts";
import { a1, deferring, faultyExporter, faultyImporter, j1, m1, own, played } from "./kit.ts";

/** Attached, revoked and unrevoked, by one task. */
function cycled(builder: ProgramBuilder): ProgramBuilder {
  return deferring(builder).step("attach", a1).step("revoke", { buffer: "b1" }).step("unrevoke", { buffer: "b1" });
}

/** Access given back, and who retries. */
export const examples: readonly Example[] = [
  faultyExporter(
    "REV-18",
    "unrevoke does not ask for the memory",
    (reached) =>
      class extends DefaultExporter {
        override *unrevoke(buffer: DmaBuf) {
          const on = this.memoryOn;
          if (!on) reached();
          this.memoryOn = true;
          const errno = yield* super.unrevoke(buffer);
          this.memoryOn = on;
          return errno;
        }
      },
    (builder) => deferring(builder).step("setMemory", { exporter: "e1", on: false }).step("unrevoke", { buffer: "b1" }),
  ),
  faultyExporter(
    "REV-19",
    "an unrevoke is silent",
    (reached) =>
      class extends DefaultExporter {
        protected override *unrevokeObject(buffer: DmaBuf, object: BufferObject) {
          yield* this.env.lock(buffer.resv);
          if (object.revoked) reached();
          object.revoked = object.revokedForever;
          yield* this.env.unlock(buffer.resv);
        }
      },
    cycled,
  ),
  faultyExporter(
    "REV-20",
    "unrevoke leaves the flag set",
    (reached) =>
      class extends DefaultExporter {
        protected override *unrevokeObject(buffer: DmaBuf, object: BufferObject) {
          const { revoked } = object;
          if (revoked) reached();
          yield* super.unrevokeObject(buffer, object);
          object.revoked = revoked;
        }
      },
    (builder) => cycled(builder).step("mapUnlocked", m1),
  ),
  faultyImporter(
    "subject",
    "REV-20",
    "the table from before the revoke is used again",
    (reached) =>
      class extends DynamicImporter {
        protected override *unmapStale(imported: DynamicImport, mapping: Mapping) {
          yield* super.unmapStale(imported, mapping);
          reached();
          imported.mapping ??= mapping;
        }
      },
    (builder) =>
      played("subject")(builder)
        .step("import", own)
        .step("submit", j1)
        .step("complete", { job: "j1" })
        .step("revoke", { buffer: "b1" })
        .step("unrevoke", { buffer: "b1" })
        .step("submit", { ...j1, job: "j2" }),
    { also: ["LIFE-26", "MAP-15", "MAP-16", "MOVE-08", "MOVE-10", "MOVE-20", "REV-09"] },
  ),
  faultyExporter(
    "REV-21",
    "the flag is cleared in the next hold of the lock",
    (reached) =>
      class extends DefaultExporter {
        protected override *unrevokeObject(buffer: DmaBuf, object: BufferObject) {
          if (!object.revoked || object.revokedForever) return;
          yield* this.env.lock(buffer.resv);
          yield* this.env.invalidate(buffer);
          yield* this.env.unlock(buffer.resv);
          reached();
          yield* this.env.lock(buffer.resv);
          object.revoked = false;
          yield* this.env.unlock(buffer.resv);
        }
      },
    (builder) =>
      cycled(builder).task("t2").step("mapUnlocked", m1).preempt({ step: "s4", site: "unlock", until: "s5" }),
  ),
  faultyExporter(
    "REV-22",
    "unrevoke waits for unmaps",
    (reached) =>
      class extends DefaultExporter {
        protected override *unrevokeObject(buffer: DmaBuf, object: BufferObject) {
          const { revoked } = object;
          yield* super.unrevokeObject(buffer, object);
          if (!revoked) return;
          reached();
          yield* this.env.waitUnmapped(buffer, () => object.maps < 0);
        }
      },
    cycled,
    { also: ["NEG-10", "REV-50"] },
  ),
  faultyExporter(
    "REV-23",
    "unrevoke always tells",
    (reached) =>
      class extends DefaultExporter {
        protected override *unrevokeObject(buffer: DmaBuf, object: BufferObject) {
          if (!object.revoked) reached();
          object.revoked = true;
          yield* super.unrevokeObject(buffer, object);
        }
      },
    (builder) => deferring(builder).step("unrevoke", { buffer: "b1" }),
  ),
  faultyImporter(
    "subject",
    "REV-24",
    "a refused map is remembered for ever",
    (reached) =>
      class extends DynamicImporter {
        private readonly dead = new Set<DynamicImport>();
        protected override *validate(imports: ReadonlySet<DynamicImport>) {
          const known = [...imports].some((imported) => this.dead.has(imported));
          if (known) reached();
          const errno = known ? ENODEV : yield* super.validate(imports);
          if (errno === ENODEV) for (const imported of imports) this.dead.add(imported);
          return errno;
        }
      },
    (builder) =>
      played("subject")(builder)
        .step("import", own)
        .step("revoke", { buffer: "b1" })
        .step("submit", j1)
        .step("unrevoke", { buffer: "b1" })
        .step("submit", { ...j1, job: "j2" }),
    { also: ["NEG-06"] },
  ),
  faultyExporter(
    "REV-37",
    "closing the device opens its buffers again",
    (reached) =>
      class extends DefaultExporter {
        protected override *cutLoose(buffer: DmaBuf, object: BufferObject) {
          yield* super.cutLoose(buffer, object);
          reached();
          object.revoked = false;
        }
      },
    (builder) => deferring(builder).step("attach", a1).step("closeDevice", { exporter: "e1" }).step("mapUnlocked", m1),
    { also: ["LIFE-17", "MAP-24", "MOVE-24"] },
  ),
  faultyExporter(
    "REV-38",
    "closing the device revokes once more",
    (reached) =>
      class extends DefaultExporter {
        protected override *revokeAll(held: readonly DmaBuf[], forever: boolean) {
          for (const buffer of forever ? held : []) {
            if (objectOf(buffer).revoked) reached();
            objectOf(buffer).revoked = false;
          }
          yield* super.revokeAll(held, forever);
        }
      },
    (builder) => deferring(builder).step("revoke", { buffer: "b1" }).step("closeDevice", { exporter: "e1" }),
  ),
  faultyExporter(
    "REV-44",
    "a temporary revoke overwrites a permanent one",
    (reached) =>
      class extends DefaultExporter {
        protected override *revokeObject(buffer: DmaBuf, object: BufferObject, forever: boolean) {
          yield* super.revokeObject(buffer, object, forever);
          if (object.revokedForever && !forever) reached();
          object.revokedForever = forever;
        }
      },
    (builder) =>
      deferring(builder)
        .step("attach", a1)
        .step("revokeForever", { buffer: "b1" })
        .step("revoke", { buffer: "b1" })
        .step("unrevoke", { buffer: "b1" })
        .step("mapUnlocked", m1),
    { from: ["M-RV7", "B-87"], also: ["MAP-24", "MOVE-24", "REV-47"] },
  ),
  faultyExporter(
    "REV-45",
    "a second permanent revoke is accepted",
    (reached) =>
      class extends DefaultExporter {
        protected override checkRevokeForever(object: BufferObject) {
          if (object.revokedForever) reached();
          return object.linked ? 0 : ENODEV;
        }
      },
    (builder) => deferring(builder).step("revokeForever", { buffer: "b1" }).step("revokeForever", { buffer: "b1" }),
  ),
  faultyExporter(
    "REV-46",
    "making a revoke permanent starts it again",
    (reached) =>
      class extends DefaultExporter {
        protected override checkRevokeForever(object: BufferObject) {
          if (object.revoked && !object.revokedForever) {
            reached();
            object.revoked = false;
          }
          return super.checkRevokeForever(object);
        }
      },
    (builder) => deferring(builder).step("revoke", { buffer: "b1" }).step("revokeForever", { buffer: "b1" }),
  ),
  faultyExporter(
    "REV-47",
    "attach does not look at the permanent state",
    (reached) =>
      class extends DefaultExporter {
        override attach(buffer: DmaBuf, attachment: Attachment) {
          const object = objectOf(buffer);
          const { revoked } = object;
          if (object.revokedForever) reached();
          object.revoked = revoked && !object.revokedForever;
          const errno = super.attach(buffer, attachment);
          object.revoked = revoked;
          return errno;
        }
      },
    (builder) => deferring(builder).step("revokeForever", { buffer: "b1" }).step("attach", a1),
    { from: ["M-AT5"], also: ["ATT-23"] },
  ),
  faultyExporter(
    "REV-47",
    "map finds a permanently revoked buffer open",
    (reached) =>
      class extends DefaultExporter {
        override *map(attachment: Attachment, direction: Direction) {
          const object = objectOf(attachment.buffer);
          const { revoked } = object;
          if (object.revokedForever) reached();
          object.revoked = revoked && !object.revokedForever;
          const table = yield* super.map(attachment, direction);
          object.revoked = revoked;
          return table;
        }
      },
    (builder) => deferring(builder).step("attach", a1).step("revokeForever", { buffer: "b1" }).step("mapUnlocked", m1),
    { also: ["MAP-24", "MOVE-24"] },
  ),
];

export const mutants: readonly Mutant[] = examples.map((example) => example.mutant);
