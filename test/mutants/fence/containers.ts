import type { FenceArray } from "../../../reference-impl/fences/array.ts";
import type { FenceChain } from "../../../reference-impl/fences/chain.ts";
import type { ReferenceFence } from "../../../reference-impl/fences/fence.ts";
import { ReferenceFences } from "../../../reference-impl/fences/fences.ts";
import { ENOMEM } from "../../../spec/errno.ts";
import type { ProgramBuilder } from "../../../spec/builder.ts";
import type { Mutant } from "../mutant.ts";
import type { Example } from "../faulty.ts";
import { a1, f1, f2, faultyFences, fence } from "./kit.ts";

const both = { fence: "a1", members: ["f1", "f2"], timeline: 4, seqno: 1 } as const;
const merged = { fence: "f3", fences: ["f1", "f2"] } as const;
const onArray = { fence: "a1", callback: "k1" } as const;

function two(builder: ProgramBuilder, timeline = 1): ProgramBuilder {
  return builder
    .step("fenceInit", fence("f1"))
    .step("fenceInit", fence("f2", { timeline, seqno: 2 }))
    .step("fenceGet", f1)
    .step("fenceGet", f2);
}

/** Arrays, chains of one node, merges. */
export const examples: readonly Example[] = [
  faultyFences(
    "FENCE-25",
    "one member is enough",
    (reached) =>
      class extends ReferenceFences {
        protected override signalsNeeded(fences: readonly ReferenceFence[]) {
          if (fences.length > 1) reached();
          return 1;
        }
      },
    (builder) => two(builder).step("createArray", both).step("signal", f1).step("isSignaled", a1),
    { also: ["FENCE-42", "FENCE-44"] },
  ),
  faultyFences(
    "FENCE-28",
    "every fence of a timeline is kept",
    (reached) =>
      class extends ReferenceFences {
        protected override dedupArray() {
          reached();
        }
      },
    (builder) => two(builder).step("merge", merged),
  ),
  faultyFences(
    "FENCE-28",
    "finished fences merge to an empty array",
    (reached) =>
      class extends ReferenceFences {
        protected override allocatePrivateStub() {
          reached();
          return this.createArray([], this.fenceContextAlloc(1), 1n, false);
        }
      },
    (builder) => two(builder).step("signal", f1).step("signal", f2).step("merge", merged),
    { from: ["M-SP3", "B-146"] },
  ),
  faultyFences(
    "FENCE-42",
    "the last error wins",
    (reached) =>
      class extends ReferenceFences {
        protected override setPendingError(array: FenceArray, error: number) {
          if (error !== 0 && array.error < 0) reached();
          if (error !== 0) array.error = error;
        }
      },
    (builder) =>
      two(builder)
        .step("setError", { fence: "f1", error: -5 })
        .step("setError", { fence: "f2", error: -62 })
        .step("createArray", both)
        .step("addCallback", onArray)
        .step("signal", f1)
        .step("signal", f2),
  ),
  faultyFences(
    "FENCE-42",
    "an array keeps its pending error after success",
    (reached) =>
      class extends ReferenceFences {
        protected override clearPendingError() {
          reached();
        }
      },
    (builder) =>
      two(builder).step("createArray", both).step("enableSignaling", a1).step("signal", f1).step("signal", f2),
  ),
  faultyFences(
    "FENCE-43",
    "a chain node takes over the error",
    (reached) =>
      class extends ReferenceFences {
        protected override chainIrqWork(chain: FenceChain) {
          if (chain.fence.error !== 0) reached();
          chain.error = chain.fence.error;
          super.chainIrqWork(chain);
        }
      },
    (builder) =>
      builder
        .step("fenceInit", fence("f1"))
        .step("fenceGet", f1)
        .step("setError", { fence: "f1", error: -5 })
        .step("createChain", { fence: "c1", contained: "f1", seqno: 1 })
        .step("enableSignaling", { fence: "c1" })
        .step("signal", f1),
  ),
  faultyFences(
    "FENCE-44",
    "the deferred work of an array is lost",
    (reached) =>
      class extends ReferenceFences {
        protected override queueArrayWork() {
          reached();
        }
      },
    (builder) =>
      two(builder).step("createArray", both).step("addCallback", onArray).step("signal", f1).step("signal", f2),
  ),
  faultyFences(
    "FENCE-46",
    "a merge of failed fences has failed",
    (reached) =>
      class extends ReferenceFences {
        override merge(fences: readonly ReferenceFence[]) {
          const stub = super.merge(fences);
          const failed = fences.find((fence) => fence.error < 0);
          if (stub?.context !== 0 || failed === undefined) return stub;
          reached();
          return Object.assign(stub, { error: failed.error });
        }
      },
    (builder) =>
      builder
        .step("fenceInit", fence("f1"))
        .step("setError", { fence: "f1", error: -5 })
        .step("signal", f1)
        .step("merge", { fence: "f3", fences: ["f1"] })
        .step("getStatus", { fence: "f3" }),
    { also: ["FENCE-11"] },
  ),
  faultyFences(
    "FENCE-49",
    "an array forgets its members when it goes",
    (reached) =>
      class extends ReferenceFences {
        protected override arrayRelease() {
          reached();
        }
      },
    (builder) => two(builder).step("createArray", both),
  ),
  faultyFences(
    "FENCE-49",
    "a failed creation drops the members all the same",
    (reached) =>
      class extends ReferenceFences {
        override createArray(fences: readonly ReferenceFence[], context: number, seqno: bigint, any: boolean) {
          const array = super.createArray(fences, context, seqno, any);
          if (array !== null) return array;
          reached();
          this.putAll(fences);
          return array;
        }
      },
    (builder) =>
      builder
        .step("fenceInit", fence("f1"))
        .step("fenceGet", f1)
        .step("createArray", { ...both, members: ["f1"] })
        .fail({ step: "s3", site: "fence-array", errno: ENOMEM }),
    { also: ["FENCE-23", "FENCE-28"] },
  ),
];

export const mutants: readonly Mutant[] = examples.map((example) => example.mutant);
