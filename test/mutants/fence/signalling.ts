import type { ReferenceFence } from "../../../reference-impl/fences/fence.ts";
import { ReferenceFences } from "../../../reference-impl/fences/fences.ts";
import { DynamicImporter } from "../../../reference-impl/importers/dynamic-importer.ts";
import type { JobAccess } from "../../../reference-impl/importers/submission.ts";
import type { Env } from "../../../spec/roles/env.ts";
import type { Fence } from "../../../spec/roles/handles.ts";
import type { Mutant } from "../mutant.ts";
import type { Example } from "../faulty.ts";
import { f1, faultyFences, faultyImporter, fence, misuser } from "./kit.ts";

const section = { section: "c1" } as const;
const inner = { section: "c2" } as const;
const job = { importer: "i1", imports: ["p1"], kind: "read", job: "j1" } as const;

/** Asks for the lock in a section, without waiting for it. */
function lockInSection(env: Env, resv: Parameters<Env["trylock"]>[0]): void {
  const cookie = env.beginSignalling();
  if (env.trylock(resv)) void env.unlock(resv);
  env.endSignalling(cookie);
}

/** Signalling sections, and what the way to a signal may need. */
export const examples: readonly Example[] = [
  misuser(
    "FENCE-06",
    "an importer tries a reservation lock in a signalling section",
    (env, buffer) => lockInSection(env, buffer.resv),
    (builder) => builder.step("beginSignalling", section).step("endSignalling", section),
  ),
  misuser(
    "FENCE-07",
    "an importer allocates in a signalling section",
    (env) => {
      const cookie = env.beginSignalling();
      env.give(env.take("completion record"));
      env.endSignalling(cookie);
    },
    (builder) => builder.step("beginSignalling", section).step("endSignalling", section),
  ),
  faultyImporter(
    "FENCE-08",
    "the end of a job is lost when the lock of its buffer is taken",
    (reached) =>
      class extends DynamicImporter {
        protected override endJob(accesses: readonly JobAccess[], fence: Fence, error: number) {
          const { resv } = accesses[0]!.import.buffer;
          if (!this.env.trylock(resv)) return reached();
          void this.env.unlock(resv);
          super.endJob(accesses, fence, error);
        }
      },
    (builder) =>
      builder
        .step("submit", job)
        .task("t2")
        .step("revoke", { buffer: "b1" })
        .task("t1")
        .step("complete", { job: "j1" }),
    { also: ["FENCE-03", "FENCE-33", "MOVE-28", "REV-50", "RESV-33"] },
  ),
  faultyFences(
    "FENCE-09",
    "an inner section gets the cookie of an outer one",
    (reached) =>
      class extends ReferenceFences {
        override beginSignalling() {
          if (super.beginSignalling()) reached();
          return false;
        }
      },
    (builder) =>
      builder
        .step("beginSignalling", section)
        .step("beginSignalling", inner)
        .step("endSignalling", inner)
        .step("endSignalling", section),
  ),
  faultyFences(
    "FENCE-17",
    "what the enable operation answers is ignored",
    (reached) =>
      class extends ReferenceFences {
        protected override enableSignalingLocked(fence: ReferenceFence) {
          if (fence.enabled || fence.signaled) return super.enableSignalingLocked(fence);
          fence.enabled = true;
          if (!this.callEnable(fence)) reached();
          return true;
        }
      },
    (builder) => builder.step("fenceInit", fence("f1", { hooks: ["enableFails"] })).step("enableSignaling", f1),
    { also: ["FENCE-12"] },
  ),
  faultyImporter(
    "FENCE-33",
    "the end of a job needs the lock of its buffer",
    (reached) =>
      class extends DynamicImporter {
        protected override endJob(accesses: readonly JobAccess[], fence: Fence, error: number) {
          const { env } = this;
          const end = () => super.endJob(accesses, fence, error);
          env.defer("job-end", function* () {
            yield* env.lock(accesses[0]!.import.buffer.resv);
            reached();
            end();
            yield* env.unlock(accesses[0]!.import.buffer.resv);
          });
        }
      },
    (builder) => builder.step("submit", job).step("complete", { job: "j1" }),
    { also: ["FENCE-03", "FENCE-08", "RESV-33"] },
  ),
  faultyFences(
    "FENCE-35",
    "the enabled bit is forgotten",
    (reached) =>
      class extends ReferenceFences {
        protected override enableSignalingLocked(fence: ReferenceFence) {
          if (fence.enabled) reached();
          fence.enabled = false;
          return super.enableSignalingLocked(fence);
        }
      },
    (builder) =>
      builder
        .step("fenceInit", fence("f1", { hooks: ["enableSignaling"] }))
        .step("enableSignaling", f1)
        .step("enableSignaling", f1),
  ),
];

export const mutants: readonly Mutant[] = examples.map((example) => example.mutant);
