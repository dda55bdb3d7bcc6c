import type { Attachment, Fence } from "../../../spec/roles/handles.ts";
import type { JobUse } from "../../../spec/roles/importer.ts";
import { DynamicImporter } from "../../../reference-impl/importers/dynamic-importer.ts";
import { StaticImporter } from "../../../reference-impl/importers/static-importer.ts";
import type { JobAccess, Submission } from "../../../reference-impl/importers/submission.ts";
import { waitUsage } from "../../../reference-impl/importers/wait-usage.ts";
import type { Mutant } from "../mutant.ts";
import type { Example } from "../faulty.ts";
import { faultyImporter, fence, imported, importedBoth, job } from "./kit.ts";

const b1 = { resv: "b1.resv" } as const;

/** The program has added f1 to b1, then i1 is asked for a job that writes, and its device finishes it. */
function behind(builder: Parameters<typeof imported>[0], usage: "kernel" | "read") {
  return imported(builder)
    .step(...fence("f1"))
    .step("lock", b1)
    .step("reserveFences", { ...b1, count: 1 })
    .step("addFence", { ...b1, fence: "f1", usage })
    .step("unlock", b1)
    .step(...job("j1", "write", "p1"))
    .task("t2")
    .step("complete", { job: "j1" });
}

/** Faults in how importers wait for fences and publish their own. */
export const examples: readonly Example[] = [
  faultyImporter(
    "RESV-25",
    "a write waits for WRITE only",
    (reached) =>
      class extends DynamicImporter {
        protected override *waitImplicit(submission: Submission) {
          reached();
          for (const resv of submission.resvs) yield* waitUsage(this.env, resv, "write");
          return 0;
        }
      },
    (builder) => behind(builder, "read"),
  ),
  faultyImporter(
    "RESV-26",
    "a job with explicit sync leaves out the KERNEL fences too",
    (reached) =>
      class extends DynamicImporter {
        protected override *waitImplicit() {
          reached();
          yield* [];
          return 0;
        }
        protected override usageOf() {
          return "bookkeep" as const;
        }
      },
    (builder) => behind(builder, "kernel"),
    { also: ["MAP-20"] },
  ),
  faultyImporter(
    "RESV-27",
    "a job is published as KERNEL",
    (reached) =>
      class extends DynamicImporter {
        protected override usageOf() {
          reached();
          return "kernel" as const;
        }
      },
    (builder) => imported(builder).step(...job("j1", "write", "p1")),
  ),
  faultyImporter(
    "RESV-28",
    "page table work behind an invalidate is published as WRITE",
    (reached) =>
      class extends DynamicImporter {
        protected override invalidate(attachment: Attachment) {
          super.invalidate(attachment);
          if (this.env.reserveFences(attachment.buffer.resv, 1) !== 0) return;
          const cleared = this.env.fenceInit({}, this.env.fenceContextAlloc(1), 1n);
          reached();
          this.env.addFence(attachment.buffer.resv, cleared, "write");
          this.env.signal(cleared);
          this.env.fencePut(cleared);
        }
      },
    (builder) =>
      imported(builder, "pageTable")
        .step(...job("j1", "write", "p1"))
        .step("complete", { job: "j1" })
        .step("lock", b1)
        .step("invalidate", { buffer: "b1" }),
    { kind: "pageTable", also: ["FENCE-05"] },
  ),
  faultyImporter(
    "RESV-29",
    "a write is published as READ",
    (reached) =>
      class extends DynamicImporter {
        protected override usageOf(write: boolean) {
          if (write) reached();
          return "read" as const;
        }
      },
    (builder) => imported(builder).step(...job("j1", "write", "p1")),
  ),
  faultyImporter(
    "RESV-30",
    "a call returns when its work is queued",
    (reached) =>
      class extends StaticImporter {
        override submit(uses: readonly JobUse[]) {
          reached();
          const work = () => void super.submit(uses);
          this.env.startJob("late", work, () => undefined);
          return 0;
        }
      },
    (builder) =>
      imported(builder.exporter("e1", { kind: "static" }), "static")
        .step(...job("j1", "write", "p1"))
        .step("complete", { job: "j1" }),
    { kind: "static" },
  ),
  faultyImporter(
    "RESV-31",
    "a job is in no object",
    (reached) =>
      class extends DynamicImporter {
        protected override addFence() {
          reached();
        }
      },
    (builder) =>
      imported(builder)
        .step(...job("j1", "write", "p1"))
        .step("lock", b1)
        .step("invalidate", { buffer: "b1" })
        .step("unlock", b1)
        .step("complete", { job: "j1" }),
    { also: ["FAULT-09", "MOVE-09", "MOVE-12"] },
  ),
  faultyImporter(
    "RESV-32",
    "a job is published in its first buffer only",
    (reached) =>
      class extends DynamicImporter {
        protected override addFence(submission: Submission, done: Fence) {
          if (submission.resvs.length > 1) reached();
          this.env.addFence(submission.resvs[0]!, done, "read");
        }
      },
    (builder) => importedBoth(builder).step(...job("j1", "read", "p1", "p2")),
  ),
  faultyImporter(
    "RESV-33",
    "the end of a job takes the lock",
    (reached) =>
      class extends DynamicImporter {
        protected override endJob(accesses: readonly JobAccess[], done: Fence, error: number) {
          reached();
          this.env.defer("end", () => this.endLocked(accesses, done, error));
        }
        private *endLocked(accesses: readonly JobAccess[], done: Fence, error: number) {
          const { resv } = accesses[0]!.attachment.buffer;
          yield* this.env.lock(resv);
          super.endJob(accesses, done, error);
          yield* this.env.unlock(resv);
        }
      },
    (builder) =>
      imported(builder)
        .step(...job("j1", "write", "p1"))
        .step("complete", { job: "j1" }),
    { also: ["FENCE-33"] },
  ),
  faultyImporter(
    "RESV-41",
    "the importer has an object of its own for the buffer",
    (reached) =>
      class extends DynamicImporter {
        private readonly own = this.env.createReservation();
        protected override locksOf(submission: Submission) {
          return [this.own, ...submission.resvs];
        }
        protected override reserve() {
          return this.env.reserveFences(this.own, 1);
        }
        protected override addFence(_submission: Submission, done: Fence) {
          reached();
          this.env.addFence(this.own, done, "write");
        }
      },
    (builder) => imported(builder).step(...job("j1", "write", "p1")),
  ),
];

export const mutants: readonly Mutant[] = examples.map((example) => example.mutant);
