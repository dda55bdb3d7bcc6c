import { DynamicImporter } from "../../../reference-impl/importers/dynamic-importer.ts";
import type { JobAccess } from "../../../reference-impl/importers/submission.ts";
import type { Env } from "../../../spec/roles/env.ts";
import type { Mutant } from "../mutant.ts";
import type { Example } from "../faulty.ts";
import { faultyImporter, instead } from "./kit.ts";

const job = { importer: "i1", imports: ["p1"], kind: "read", job: "j1" } as const;

/** What a published fence promises. */
export const examples: readonly Example[] = [
  faultyImporter(
    "FENCE-03",
    "every second end of a job goes unnoticed",
    (reached) =>
      class extends DynamicImporter {
        constructor(env: Env) {
          let ends = 0;
          super(instead(env, "signal", (fence) => ((ends += 1) % 2 === 1 ? env.signal(fence) : (reached(), 0))));
        }
      },
    (builder) => builder.step("submit", job).step("submit", { ...job, job: "j2" }),
    { also: ["FENCE-08"] },
  ),
  faultyImporter(
    "FENCE-04",
    "the recovery from a hang forgets the fence",
    (reached) =>
      class extends DynamicImporter {
        constructor(env: Env) {
          super(instead(env, "startJob", (name, work) => env.startJob(name, work, reached)));
        }
      },
    (builder) => builder.step("submit", job).step("hang", { job: "j1" }),
    { also: ["FENCE-03", "FENCE-08"] },
  ),
  faultyImporter(
    "FENCE-05",
    "a job is queued after its fence is out and the lock is gone",
    (reached) =>
      class extends DynamicImporter {
        constructor(env: Env) {
          super(
            instead(env, "startJob", (name, work, killed) => {
              reached();
              env.defer("submit", () => env.startJob(name, work, killed));
            }),
          );
        }
      },
    (builder) => builder.step("submit", job),
  ),
  faultyImporter(
    "FENCE-34",
    "the fence signals before the last access",
    (reached) =>
      class extends DynamicImporter {
        protected override runJob(accesses: readonly JobAccess[]) {
          reached();
          for (const fence of accesses[0]!.import.jobs) this.env.signal(fence);
          return super.runJob(accesses);
        }
      },
    (builder) =>
      builder.step("submit", job).step("move", { buffer: "b1", placement: "device" }).step("complete", { job: "j1" }),
    { also: ["MOVE-09", "MOVE-12", "RESV-31"] },
  ),
];

export const mutants: readonly Mutant[] = examples.map((example) => example.mutant);
