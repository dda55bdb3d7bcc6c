import type { Env } from "../../../spec/roles/env.ts";
import type { Attachment, Device, Direction, DmaBuf, SgTable } from "../../../spec/roles/handles.ts";
import type { DynamicImport, Mapping } from "../../../reference-impl/importers/dynamic-import.ts";
import { DynamicImporter } from "../../../reference-impl/importers/dynamic-importer.ts";
import { PinnedRevocableImporter } from "../../../reference-impl/importers/pinned-revocable-importer.ts";
import { type StaticImport, StaticImporter } from "../../../reference-impl/importers/static-importer.ts";
import type { JobAccess } from "../../../reference-impl/importers/submission.ts";
import { EFAULT } from "../../../spec/errno.ts";
import type { Mutant } from "../mutant.ts";
import type { Example } from "../faulty.ts";
import { faultyImporter } from "../life/kit.ts";
import { deviceWorld, j1, nothing, p1, patched, toDevice, world } from "../pin/worlds.ts";

const statically = { kind: "static" } as const;
const submitted = world("subject", "subject");

/** Faults of importers in mapping, using and giving back. */
export const examples: readonly Example[] = [
  faultyImporter(
    "MAP-01",
    "a locked map without the lock",
    (reached) =>
      class extends StaticImporter {
        constructor(env: Env) {
          const mapUnlocked = (attachment: Attachment, direction: Direction) => {
            reached();
            return env.map(attachment, direction);
          };
          super(patched(env, { mapUnlocked }));
        }
      },
    (builder) => world("static", "static")(builder).step("import", p1),
    statically,
  ),
  faultyImporter(
    "MAP-03",
    "unmap inside a signalling section",
    (reached) =>
      class extends DynamicImporter {
        protected override *unmapStale(imported: DynamicImport, mapping: Mapping) {
          reached();
          const cookie = this.env.beginSignalling();
          yield* super.unmapStale(imported, mapping);
          this.env.endSignalling(cookie);
        }
      },
    (builder) => submitted(builder).step("import", p1).step("submit", j1).step("release", { import: "p1" }),
  ),
  faultyImporter(
    "MAP-06",
    "a worker maps behind the detach",
    (reached) =>
      class extends StaticImporter {
        override *release(imported: StaticImport) {
          const { attachment, direction } = imported;
          yield* this.env.getRef(attachment.buffer);
          yield* super.release(imported);
          reached();
          const table = yield* this.env.mapUnlocked(attachment, direction);
          if (typeof table !== "number") yield* this.env.unmapUnlocked(attachment, table, direction);
          yield* this.env.put(attachment.buffer);
        }
      },
    (builder) => world("static", "static")(builder).step("import", p1).step("release", { import: "p1" }),
    { ...statically, also: ["ATT-19"] },
  ),
  faultyImporter(
    "MAP-13",
    "a trimmed table is given back as it is",
    (reached) =>
      class extends DynamicImporter {
        protected override *unmapStale(imported: DynamicImport, mapping: Mapping) {
          reached();
          mapping.table.segments[0]!.length = 1;
          yield* super.unmapStale(imported, mapping);
        }
      },
    (builder) => submitted(builder).step("import", p1).step("submit", j1).step("release", { import: "p1" }),
  ),
  faultyImporter(
    "MAP-14",
    "every unmap is bidirectional",
    (reached) =>
      class extends DynamicImporter {
        constructor(env: Env) {
          const unmap = (attachment: Attachment, table: SgTable) => {
            reached();
            return env.unmap(attachment, table, "bidirectional");
          };
          super(patched(env, { unmap }));
        }
      },
    (builder) =>
      submitted(builder)
        .step("import", { ...p1, direction: "toDevice" })
        .step("submit", j1)
        .step("release", { import: "p1" }),
  ),
  faultyImporter(
    "MAP-15",
    "release forgets a stale mapping",
    (reached) =>
      class extends DynamicImporter {
        protected override unmapStale(imported: DynamicImport, mapping: Mapping) {
          if (imported.stale.delete(mapping)) reached();
          return nothing(undefined);
        }
      },
    (builder) => submitted(builder).step("import", p1).step("submit", j1).step("release", { import: "p1" }),
    { also: ["ATT-17"] },
  ),
  faultyImporter(
    "MAP-15",
    "a mapping is unmapped twice",
    (reached) =>
      class extends DynamicImporter {
        protected override *unmapStale(imported: DynamicImport, mapping: Mapping) {
          yield* super.unmapStale(imported, mapping);
          reached();
          yield* this.env.unmap(imported.attachment, mapping.table, imported.direction);
        }
      },
    (builder) => submitted(builder).step("import", p1).step("submit", j1).step("release", { import: "p1" }),
  ),
  faultyImporter(
    "MAP-16",
    "the device still reads what was just unmapped",
    (reached) =>
      class extends DynamicImporter {
        protected override *unmapStale(imported: DynamicImport, mapping: Mapping) {
          yield* super.unmapStale(imported, mapping);
          reached();
          this.env.access(imported.attachment!, mapping.table, "speculativeRead");
        }
      },
    (builder) =>
      submitted(builder)
        .step("import", p1)
        .step("submit", j1)
        .step("complete", { job: "j1" })
        .step("release", { import: "p1" }),
    { also: ["LIFE-26"] },
  ),
  faultyImporter(
    "MAP-20",
    "a job does not wait for a move under way",
    (reached) =>
      class extends DynamicImporter {
        protected override waitImplicit() {
          reached();
          return nothing(0);
        }
      },
    (builder) =>
      submitted(builder).step("import", p1).step("move", toDevice).step("submit", j1).step("complete", { job: "j1" }),
    { also: ["RESV-25", "RESV-26"] },
  ),
  faultyImporter(
    "MAP-26",
    "the device writes whatever the direction",
    (reached) =>
      class extends DynamicImporter {
        protected override runJob(accesses: readonly JobAccess[]) {
          reached();
          return super.runJob(accesses.map((access) => ({ ...access, kind: "write" as const })));
        }
      },
    (builder) =>
      submitted(builder)
        .step("import", { ...p1, direction: "toDevice" })
        .step("submit", j1)
        .step("complete", { job: "j1" }),
  ),
  faultyImporter(
    "MAP-27",
    "an import without a direction is mapped",
    (reached) =>
      class extends StaticImporter {
        override *import(buffer: DmaBuf, device: Device, direction: Direction) {
          if (direction !== "none") return yield* super.import(buffer, device, direction);
          reached();
          yield* this.env.getRef(buffer);
          const imported = yield* this.attachAndMap(buffer, device, direction);
          if (typeof imported === "number") yield* this.env.put(buffer);
          return imported;
        }
      },
    (builder) => world("static", "static")(builder).step("import", { ...p1, direction: "none" }),
    statically,
  ),
  faultyImporter(
    "MAP-31",
    "the device uses addresses that no map returned",
    (reached) =>
      class extends DynamicImporter {
        protected override runJob(accesses: readonly JobAccess[]) {
          reached();
          for (const { attachment, mapping, kind } of accesses)
            this.env.access(attachment, { segments: [...mapping.table.segments] }, kind);
          return 0;
        }
      },
    (builder) => submitted(builder).step("import", p1).step("submit", j1).step("complete", { job: "j1" }),
    { also: ["LIFE-26"] },
  ),
  faultyImporter(
    "MAP-32",
    "an importer finds out after map that there are no pages",
    (reached) =>
      class extends PinnedRevocableImporter {
        override *import(buffer: DmaBuf, device: Device, direction: Direction) {
          const imported = yield* super.import(buffer, device, direction);
          if (typeof imported === "number") return imported;
          reached();
          yield* this.release(imported);
          return EFAULT;
        }
      },
    (builder) => deviceWorld("subject", "pinnedRevocable")(builder).step("import", p1),
    { kind: "pinnedRevocable" },
  ),
];

export const mutants: readonly Mutant[] = examples.map((example) => example.mutant);
