import type { ReferenceFence } from "../../../reference-impl/fences/fence.ts";
import { ReferenceFences } from "../../../reference-impl/fences/fences.ts";
import type { Mutant } from "../mutant.ts";
import type { Example } from "../faulty.ts";
import { callback, f1, faultyFences, fence, misuser } from "./kit.ts";

/** References, release, and the owner's code. */
export const examples: readonly Example[] = [
  faultyFences(
    "FENCE-23",
    "a fence that is released unsignaled tells nobody",
    (reached) =>
      class extends ReferenceFences {
        protected override signalDeadlock() {
          reached();
        }
      },
    (builder) =>
      builder.step("fenceInit", fence("f1")).step("addCallback", callback).step("fencePut", f1, { misuse: true }),
  ),
  faultyFences(
    "FENCE-23",
    "a fence that is released unsignaled ends well",
    (reached) =>
      class extends ReferenceFences {
        protected override signalDeadlock(fence: ReferenceFence) {
          reached();
          this.signal(fence);
        }
      },
    (builder) =>
      builder.step("fenceInit", fence("f1")).step("addCallback", callback).step("fencePut", f1, { misuse: true }),
  ),
  misuser(
    "FENCE-24",
    "an importer adds a callback and drops the reference",
    (env) => {
      const done = env.fenceInit({}, env.fenceContextAlloc(1), 1n);
      env.addCallback(done, { run: () => undefined });
      env.fencePut(done);
    },
    (builder) => builder.step("fenceInit", fence("f1")).step("addCallback", callback),
    { also: ["FENCE-23"] },
  ),
  faultyFences(
    "FENCE-31",
    "a deadline reaches the owner of a signaled fence",
    (reached) =>
      class extends ReferenceFences {
        protected override detachOps() {}
        override setFenceDeadline(fence: ReferenceFence, deadline: number) {
          if (fence.signaled) reached();
          fence.ops?.setDeadline?.(fence, deadline);
        }
      },
    (builder) =>
      builder
        .step("fenceInit", fence("f1", { hooks: ["setDeadline"] }))
        .step("signal", f1)
        .step("setFenceDeadline", { fence: "f1", deadline: 500 }),
    { also: ["FENCE-29"] },
  ),
  faultyFences(
    "FENCE-48",
    "a released fence comes back to life",
    (reached) =>
      class extends ReferenceFences {
        override fenceGetLive(fence: ReferenceFence) {
          if (fence.references === 0) reached();
          fence.references += 1;
          return true;
        }
      },
    (builder) =>
      builder.step("fenceInit", fence("f1")).step("signal", f1).step("fencePut", f1).step("fenceGetLive", f1),
  ),
];

export const mutants: readonly Mutant[] = examples.map((example) => example.mutant);
