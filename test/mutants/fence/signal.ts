import type { ReferenceFence } from "../../../reference-impl/fences/fence.ts";
import { ReferenceFences } from "../../../reference-impl/fences/fences.ts";
import type { Mutant } from "../mutant.ts";
import type { Example } from "../faulty.ts";
import { f1, faultyFences, fence, misuser } from "./kit.ts";

/** The signal itself, its error and its stamp. */
export const examples: readonly Example[] = [
  faultyFences(
    "FENCE-01",
    "a query asks the owner even after the signal",
    (reached) =>
      class extends ReferenceFences {
        override isSignaled(fence: ReferenceFence) {
          if (!fence.signaled) return super.isSignaled(fence);
          reached();
          return this.askOwner(fence);
        }
      },
    (builder) => builder.step("fenceInit", fence("f1")).step("signal", f1).step("isSignaled", f1),
  ),
  faultyFences(
    "FENCE-02",
    "a second signal starts over",
    (reached) =>
      class extends ReferenceFences {
        protected override signalTimestampLocked(fence: ReferenceFence, timestamp: number) {
          if (fence.signaled) reached();
          fence.signaled = false;
          return super.signalTimestampLocked(fence, timestamp);
        }
      },
    (builder) => builder.step("fenceInit", fence("f1")).step("signal", f1).step("signal", f1),
  ),
  misuser(
    "FENCE-10",
    "an importer sets the error after the signal",
    (env) => {
      const late = env.fenceInit({}, env.fenceContextAlloc(1), 1n);
      env.signal(late);
      env.setError(late, -5);
      env.fencePut(late);
    },
    (builder) => builder.step("fenceInit", fence("f1")).step("setError", { fence: "f1", error: -5 }),
  ),
  faultyFences(
    "FENCE-11",
    "the status is the error already before the signal",
    (reached) =>
      class extends ReferenceFences {
        override getStatus(fence: ReferenceFence) {
          const status = super.getStatus(fence);
          if (status === 0 && fence.error !== 0) reached();
          return status === 0 ? fence.error : status;
        }
      },
    (builder) =>
      builder.step("fenceInit", fence("f1")).step("setError", { fence: "f1", error: -5 }).step("getStatus", f1),
  ),
  faultyFences(
    "FENCE-11",
    "the signal forgets the error",
    (reached) =>
      class extends ReferenceFences {
        protected override signalTimestampLocked(fence: ReferenceFence, timestamp: number) {
          if (!fence.signaled && fence.error !== 0) reached();
          if (!fence.signaled) fence.error = 0;
          return super.signalTimestampLocked(fence, timestamp);
        }
      },
    (builder) => builder.step("fenceInit", fence("f1")).step("setError", { fence: "f1", error: -5 }).step("signal", f1),
    { also: ["FENCE-23", "FENCE-42"] },
  ),
  faultyFences(
    "FENCE-30",
    "a second signal overwrites the stamp",
    (reached) =>
      class extends ReferenceFences {
        override signalTimestamp(fence: ReferenceFence, timestamp: number) {
          if (fence.signaled) reached();
          fence.signaledAt = timestamp;
          return super.signalTimestamp(fence, timestamp);
        }
      },
    (builder) =>
      builder
        .step("fenceInit", fence("f1"))
        .step("signal", f1)
        .step("signalTimestamp", { fence: "f1", timestamp: 12345 })
        .step("timestamp", f1),
  ),
  faultyFences(
    "FENCE-39",
    "every signaler is told that it was the first",
    (reached) =>
      class extends ReferenceFences {
        override checkAndSignal(fence: ReferenceFence) {
          if (super.checkAndSignal(fence)) reached();
          return false;
        }
      },
    (builder) => builder.step("fenceInit", fence("f1")).step("checkAndSignal", f1).step("checkAndSignal", f1),
  ),
];

export const mutants: readonly Mutant[] = examples.map((example) => example.mutant);
