import type { DynamicImport, Mapping } from "../../../reference-impl/importers/dynamic-import.ts";
import { PageTableImporter } from "../../../reference-impl/importers/page-table-importer.ts";
import type { Submission } from "../../../reference-impl/importers/submission.ts";
import { ENOMEM } from "../../../spec/errno.ts";
import type { Attachment, Fence, Reservation, Usage } from "../../../spec/roles/handles.ts";
import { mutant } from "../mutant.ts";
import { drives, example, imported, patched, plainly, spurious, submit, withImporter, type Example } from "./parts.ts";

export const examples: readonly Example[] = [
  example(
    mutant("MOVE-06", "a submit holds the status lock while it asks for reservation locks", (reached) =>
      withImporter(
        "pageTable",
        (env) =>
          new (class extends PageTableImporter {
            protected override *submitHeld(submission: Submission) {
              yield* env.lockMutex(this.status);
              reached();
              const errno = yield* super.submitHeld(submission);
              yield* env.unlockMutex(this.status);
              return errno;
            }
            protected override writeEntries() {
              return plainly(() => undefined);
            }
          })(env),
      ),
    ),
    drives("pageTable"),
    (p) => spurious(imported(p)),
  ),
  example(
    mutant(
      "MOVE-31",
      "the clearing of the page table has no fence",
      (reached) =>
        withImporter(
          "pageTable",
          (env) =>
            new PageTableImporter(
              patched(env, {
                addFence: (resv: Reservation, fence: Fence, usage: Usage) =>
                  usage === "bookkeep" ? reached() : env.addFence(resv, fence, usage),
              }),
            ),
        ),
      { also: ["REV-02"] },
    ),
    drives("pageTable"),
    (p) => spurious(imported(p).step("complete", { job: "j1" })),
  ),
  example(
    mutant(
      "FENCE-05",
      "the clearing of the page table is queued when its fence is out and the lock is gone",
      (reached) =>
        withImporter(
          "pageTable",
          (env) =>
            new PageTableImporter(
              patched(env, {
                startJob: (name: string, work: () => void, killed?: () => void) => {
                  if (name !== "page table") return env.startJob(name, work, killed);
                  reached();
                  env.defer("flush", () => env.startJob(name, work, killed));
                },
              }),
            ),
        ),
    ),
    drives("pageTable"),
    (p) => imported(p).step("complete", { job: "j1" }).step("evict", { buffer: "b1" }),
  ),
  example(
    mutant(
      "MOVE-32",
      "a page table that is locked elsewhere is forgotten",
      (reached) =>
        withImporter(
          "pageTable",
          (env) =>
            new (class extends PageTableImporter {
              protected override *invalidate(attachment: Attachment) {
                if (!env.trylock(this.pageTable)) return reached();
                env.unlock(this.pageTable);
                yield* super.invalidate(attachment);
              }
            })(env),
        ),
      { also: ["MOVE-08", "MOVE-09", "MOVE-10", "MOVE-12", "RESV-31", "REV-02", "MOVE-21", "MOVE-22"] },
    ),
    drives("pageTable"),
    (p) =>
      submit(spurious(imported(p).step("complete", { job: "j1" }).task("t2")).task("t1"), "j2")
        .step("complete", { job: "j2" })
        .preempt({ step: "s6", site: "invalidate", until: "s8" }),
  ),
  example(
    mutant(
      "MOVE-35",
      "the callback waits for the lock of the page table",
      (reached) =>
        withImporter(
          "pageTable",
          (env) =>
            new (class extends PageTableImporter {
              protected override *invalidate(attachment: Attachment) {
                reached();
                yield* env.lock(this.pageTable);
                yield* env.unlock(this.pageTable);
                yield* super.invalidate(attachment);
              }
            })(env),
        ),
      { also: ["RESV-03"] },
    ),
    drives("pageTable"),
    (p) => spurious(imported(p)),
  ),
  example(
    mutant(
      "MOVE-36",
      "without memory for a fence the callback unmaps under a running job",
      (reached) =>
        withImporter(
          "pageTable",
          (env) =>
            new (class extends PageTableImporter {
              protected override *clearEntries(entry: DynamicImport, mapping: Mapping, attachment: Attachment) {
                if (env.allocate("page-table-job")) return yield* super.clearEntries(entry, mapping, attachment);
                reached();
                yield* this.unmapStale(entry, mapping);
              }
            })(env),
        ),
      { also: ["LIFE-26", "MAP-16"] },
    ),
    drives("pageTable"),
    (p) =>
      spurious(imported(p)).step("complete", { job: "j1" }).fail({ step: "s5", site: "page-table-job", errno: ENOMEM }),
  ),
];

export const mutants = examples.map((entry) => entry.mutant);
