import { type DynamicImport, Mapping } from "../../../reference-impl/importers/dynamic-import.ts";
import { DynamicImporter } from "../../../reference-impl/importers/dynamic-importer.ts";
import type { JobAccess } from "../../../reference-impl/importers/submission.ts";
import type { Attachment, Fence } from "../../../spec/roles/handles.ts";
import { mutant } from "../mutant.ts";
import { drives, example, imported, patched, spurious, submit, withImporter, type Example } from "./parts.ts";

/** The import behind an attachment. */
function importOf(attachment: Attachment): DynamicImport {
  return attachment.importerPriv as DynamicImport;
}

export const examples: readonly Example[] = [
  example(
    mutant(
      "MOVE-04",
      "the callback drops a reference of the buffer",
      (reached) =>
        withImporter(
          "subject",
          (env) =>
            new (class extends DynamicImporter {
              protected override *invalidate(attachment: Attachment) {
                void super.invalidate(attachment);
                yield* env.getRef(attachment.buffer);
                reached();
                yield* env.put(attachment.buffer);
              }
            })(env),
        ),
      { also: ["LIFE-35"] },
    ),
    drives("subject"),
    (p) => spurious(imported(p)),
  ),
  example(
    mutant("MOVE-07", "the callback waits for the worker that unmaps", (reached) =>
      withImporter(
        "subject",
        (env) =>
          new (class extends DynamicImporter {
            protected override *invalidate(attachment: Attachment) {
              void super.invalidate(attachment);
              const { stale } = importOf(attachment);
              if (stale.size > 0) reached();
              yield* env.wait({ kind: "other", what: "the unmap worker" }, () => stale.size === 0);
            }
          })(env),
      ),
    ),
    drives("subject"),
    (p) => spurious(imported(p).step("complete", { job: "j1" })),
  ),
  example(
    mutant(
      "MOVE-08",
      "the callback does not mark the mapping",
      (reached) =>
        withImporter(
          "subject",
          (env) =>
            new (class extends DynamicImporter {
              protected override invalidate(attachment: Attachment) {
                if (importOf(attachment).mapping !== null) reached();
              }
            })(env),
        ),
      { also: ["REV-02", "MOVE-09", "MOVE-10", "MOVE-12", "RESV-31", "MOVE-21", "MOVE-22"] },
    ),
    drives("subject"),
    (p) => submit(spurious(imported(p).step("complete", { job: "j1" })), "j2"),
  ),
  example(
    mutant(
      "MOVE-09",
      "jobs leave no fence in the reservation object",
      (reached) => withImporter("subject", (env) => new DynamicImporter(patched(env, { addFence: reached }))),
      { also: ["FAULT-09", "MOVE-12", "RESV-31"] },
    ),
    drives("subject"),
    (p) => spurious(imported(p)).step("complete", { job: "j1" }),
  ),
  example(
    mutant(
      "MOVE-10",
      "a mapping stays in use for as long as one of its jobs runs",
      (reached) =>
        withImporter(
          "subject",
          (env) =>
            new (class extends DynamicImporter {
              protected override invalidate(attachment: Attachment) {
                if ((importOf(attachment).mapping?.jobs ?? 0) === 0) return super.invalidate(attachment);
                reached();
              }
            })(env),
        ),
      { also: ["MOVE-08", "MOVE-09", "MOVE-12", "RESV-31", "FENCE-34", "MOVE-21", "REV-02", "MOVE-22"] },
    ),
    drives("subject"),
    (p) => submit(spurious(imported(p)), "j2").step("complete", { job: "j2" }),
  ),
  example(
    mutant(
      "MOVE-12",
      "the device writes back after the job's fence",
      (reached) =>
        withImporter(
          "subject",
          (env) =>
            new (class extends DynamicImporter {
              protected override endJob(accesses: readonly JobAccess[], fence: Fence, error: number) {
                super.endJob(accesses, fence, error);
                reached();
                this.runJob(accesses);
              }
            })(env),
        ),
      { also: ["MOVE-09", "RESV-31", "FENCE-34"] },
    ),
    (p) => drives("subject")(p).importer("i2", { onInvalidate: "defer" }),
    (p) =>
      spurious(
        imported(p)
          .step("attach", { importer: "i2", buffer: "b1", attachment: "a1" })
          .step("mapUnlocked", { attachment: "a1", mapping: "m1" }),
      )
        .step("access", { mapping: "m1", kind: "speculativeRead" })
        .step("complete", { job: "j1" }),
  ),
  example(
    mutant(
      "MOVE-20",
      "release unmaps again what a worker has unmapped",
      (reached) =>
        withImporter(
          "subject",
          (env) =>
            new (class extends DynamicImporter {
              protected override *unmapStale(entry: DynamicImport, mapping: Mapping) {
                if (entry.closing) reached();
                yield* env.unmap(entry.attachment, mapping.table, entry.direction);
              }
            })(env),
        ),
      { also: ["MAP-15"] },
    ),
    drives("subject"),
    (p) => spurious(imported(p).step("complete", { job: "j1" })),
  ),
  example(
    mutant(
      "MOVE-21",
      "the new mapping overwrites the only pointer to the old one",
      (reached) =>
        withImporter(
          "subject",
          (env) =>
            new (class extends DynamicImporter {
              protected override markStale(entry: DynamicImport) {
                entry.mapping = null;
                if (!entry.closing) reached();
              }
            })(env),
        ),
      { also: ["REV-02", "ATT-17", "MAP-15", "MOVE-20"] },
    ),
    drives("subject"),
    (p) => spurious(imported(p).step("complete", { job: "j1" })),
  ),
  example(
    mutant(
      "MOVE-22",
      "the unmap is left to the next use",
      (reached) =>
        withImporter(
          "subject",
          (env) =>
            new (class extends DynamicImporter {
              protected override unmapLater() {
                reached();
              }
            })(env),
        ),
      { also: ["REV-02", "MOVE-21"] },
    ),
    drives("subject"),
    (p) => spurious(imported(p).step("complete", { job: "j1" })),
  ),
  example(
    mutant("MOVE-34", "the callback maps anew at once", (reached) =>
      withImporter(
        "subject",
        (env) =>
          new (class extends DynamicImporter {
            protected override *invalidate(attachment: Attachment) {
              void super.invalidate(attachment);
              const entry = importOf(attachment);
              reached();
              const table = yield* env.map(attachment, entry.direction);
              if (typeof table !== "number") entry.mapping = new Mapping(table);
            }
          })(env),
      ),
    ),
    drives("subject"),
    (p) => spurious(imported(p).step("complete", { job: "j1" })),
  ),
];

export const mutants = examples.map((entry) => entry.mutant);
