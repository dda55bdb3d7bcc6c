import { EINVAL, ENODEV } from "../../../spec/errno.ts";
import type { Attachment } from "../../../spec/roles/handles.ts";
import { pinAndMap } from "../../../reference-impl/importers/pin-and-map.ts";
import { PinnedImport } from "../../../reference-impl/importers/pinned-importer.ts";
import { PinnedRevocableImporter } from "../../../reference-impl/importers/pinned-revocable-importer.ts";
import type { ProgramBuilder } from "../../../spec/builder.ts";
import type { Mutant } from "../mutant.ts";
import type { Example } from "../faulty.ts";
import { faultyImporter, j1, own, played } from "./kit.ts";

/** Imported by a pinned importer, then revoked. */
function revoked(builder: ProgramBuilder): ProgramBuilder {
  return played("pinnedRevocable")(builder).step("import", own).step("revoke", { buffer: "b1" });
}

/** Imported by a pinned importer, whose user then ends the use. */
function stopped(builder: ProgramBuilder): ProgramBuilder {
  return played("pinnedRevocable")(builder).step("import", own).step("stop", { import: "p1" });
}

/** A message comes while the importer is between attach and pin. */
function early(builder: ProgramBuilder): ProgramBuilder {
  return played("pinnedRevocable")(builder)
    .step("import", own)
    .task("t2")
    .step("lock", { resv: "b1.resv" })
    .step("invalidate", { buffer: "b1" })
    .step("unlock", { resv: "b1.resv" })
    .preempt({ step: "s2", site: "unlock", until: "s5" });
}

/** Pinned importers that let go when they are told, once. */
export const examples: readonly Example[] = [
  faultyImporter(
    "pinnedRevocable",
    "REV-25",
    "takes the buffer into use again by itself",
    (reached) =>
      class extends PinnedRevocableImporter {
        protected override *invalidate(attachment: Attachment) {
          yield* super.invalidate(attachment);
          this.env.defer("again", () => this.again(attachment));
        }
        private *again(attachment: Attachment) {
          yield* this.env.lock(attachment.buffer.resv);
          reached();
          yield* pinAndMap(this.env, attachment, "bidirectional");
          yield* this.env.unlock(attachment.buffer.resv);
        }
      },
    (builder) => revoked(builder).step("submit", j1),
  ),
  faultyImporter(
    "pinnedRevocable",
    "REV-26",
    "unmaps before its device is stopped",
    (reached) =>
      class extends PinnedRevocableImporter {
        protected override *end(imported: PinnedImport, attachment: Attachment) {
          const { live, table } = imported;
          if (!live || table === null) return;
          reached();
          yield* this.env.unmap(attachment, table, imported.direction);
          imported.live = false;
          this.env.stopDevice(attachment);
          yield* this.env.unpin(attachment);
        }
      },
    revoked,
  ),
  faultyImporter(
    "pinnedRevocable",
    "REV-26",
    "leaves everything to a worker",
    (reached) =>
      class extends PinnedRevocableImporter {
        protected override *invalidate(attachment: Attachment) {
          reached();
          yield* this.env.point("later");
          this.env.defer("end", () => this.endLater(attachment));
        }
        private *endLater(attachment: Attachment) {
          yield* this.env.lock(attachment.buffer.resv);
          yield* super.invalidate(attachment);
          yield* this.env.unlock(attachment.buffer.resv);
        }
      },
    revoked,
  ),
  faultyImporter(
    "pinnedRevocable",
    "REV-27",
    "release stops the device again",
    (reached) =>
      class extends PinnedRevocableImporter {
        protected override *end(imported: PinnedImport, attachment: Attachment) {
          if (imported.attachment !== null && !imported.live) {
            reached();
            this.env.stopDevice(attachment);
          }
          yield* super.end(imported, attachment);
        }
      },
    (builder) => revoked(builder).step("release", { import: "p1" }),
  ),
  faultyImporter(
    "pinnedRevocable",
    "REV-28",
    "the lock is let go before the hook is set",
    (reached) =>
      class extends PinnedRevocableImporter {
        protected override *pinAndInstall(imported: PinnedImport, attachment: Attachment) {
          const table = yield* pinAndMap(this.env, attachment, imported.direction);
          if (typeof table === "number") return table;
          yield* this.env.unlock(attachment.buffer.resv);
          reached();
          yield* this.env.lock(attachment.buffer.resv);
          this.install(imported, attachment, table);
          return 0;
        }
      },
    (builder) =>
      played("pinnedRevocable")(builder)
        .step("import", own)
        .task("t2")
        .step("revoke", { buffer: "b1" })
        .preempt({ step: "s2", site: "unlock", nth: 2, until: "s3" }),
    { also: ["MOVE-21", "MOVE-22", "PIN-18", "REV-02"] },
  ),
  faultyImporter(
    "pinnedRevocable",
    "REV-28",
    "the hook does not ask whether creation is through",
    (reached) =>
      class extends PinnedRevocableImporter {
        protected override *end(imported: PinnedImport, attachment: Attachment) {
          if (imported.attachment === null) {
            reached();
            this.env.stopDevice(attachment);
          }
          yield* super.end(imported, attachment);
        }
      },
    early,
    { also: ["REV-27", "REV-54"] },
  ),
  faultyImporter(
    "pinnedRevocable",
    "REV-29",
    "the revoke gives the key back",
    (reached) =>
      class extends PinnedRevocableImporter {
        protected override *invalidate(attachment: Attachment) {
          yield* super.invalidate(attachment);
          const imported = attachment.importerPriv;
          if (!(imported instanceof PinnedImport) || imported.key === null) return;
          reached();
          this.giveKey(imported);
        }
      },
    revoked,
  ),
  faultyImporter(
    "pinnedRevocable",
    "REV-53",
    "an early message makes creation fail with the pin taken",
    (reached) =>
      class extends PinnedRevocableImporter {
        private readonly told = new Set<unknown>();
        protected override *invalidate(attachment: Attachment) {
          this.told.add(attachment.importerPriv);
          yield* super.invalidate(attachment);
        }
        protected override *pinAndInstall(imported: PinnedImport, attachment: Attachment) {
          if (!this.told.has(imported)) return yield* super.pinAndInstall(imported, attachment);
          reached();
          return (yield* this.env.pin(attachment)) || EINVAL;
        }
      },
    early,
    { also: ["ATT-17", "PIN-04", "PIN-21"] },
  ),
  faultyImporter(
    "pinnedRevocable",
    "REV-54",
    "release drops a pin that the revoke dropped",
    (reached) =>
      class extends PinnedRevocableImporter {
        protected override *end(imported: PinnedImport, attachment: Attachment) {
          const again = imported.closing && !imported.live;
          yield* super.end(imported, attachment);
          if (!again) return;
          reached();
          yield* this.env.unpin(attachment);
        }
      },
    (builder) => revoked(builder).step("release", { import: "p1" }),
    { also: ["PIN-04"] },
  ),
  faultyImporter(
    "pinnedRevocable",
    "REV-55",
    "the lock is let go between unmap and unpin",
    (reached) =>
      class extends PinnedRevocableImporter {
        protected override *end(imported: PinnedImport, attachment: Attachment) {
          const { live, table } = imported;
          if (!live || table === null) return;
          imported.live = false;
          this.env.stopDevice(attachment);
          yield* this.env.unmap(attachment, table, imported.direction);
          yield* this.env.unlock(attachment.buffer.resv);
          reached();
          yield* this.env.lock(attachment.buffer.resv);
          yield* this.env.unpin(attachment);
        }
      },
    stopped,
  ),
  faultyImporter(
    "pinnedRevocable",
    "REV-55",
    "a job after the end is told something else",
    (reached) =>
      class extends PinnedRevocableImporter {
        protected override deadErrno() {
          reached();
          return ENODEV;
        }
      },
    (builder) => stopped(builder).step("submit", j1),
  ),
];

export const mutants: readonly Mutant[] = examples.map((example) => example.mutant);
