import type { FenceChain } from "../../../reference-impl/fences/chain.ts";
import type { ReferenceFence } from "../../../reference-impl/fences/fence.ts";
import { ReferenceFences } from "../../../reference-impl/fences/fences.ts";
import { DynamicImporter } from "../../../reference-impl/importers/dynamic-importer.ts";
import type { Mutant } from "../mutant.ts";
import type { Example } from "../faulty.ts";
import { f1, f2, faultyFences, faultyImporter, fence, misuser } from "./kit.ts";

const first = { importer: "i1", imports: ["p1"], kind: "read", job: "j1" } as const;
const c1 = { fence: "c1", contained: "f1", seqno: 1 } as const;

/** Timelines, their numbers, and chains. */
export const examples: readonly Example[] = [
  faultyImporter(
    "FENCE-19",
    "jobs that may end in any order share a timeline",
    (reached) =>
      class extends DynamicImporter {
        private context = 0;
        private seqno = 0n;

        protected override createFence() {
          this.context ||= this.env.fenceContextAlloc(1);
          if ((this.seqno += 1n) > 1n) reached();
          return this.env.fenceInit({}, this.context, this.seqno);
        }
      },
    (builder) =>
      builder
        .step("submit", first)
        .step("submit", { ...first, job: "j2" })
        .step("complete", { job: "j2" })
        .step("fenceInit", fence("f1"))
        .step("fenceInit", fence("f2", { seqno: 2 }))
        .step("signal", f1)
        .step("signal", f2),
    { also: ["RESV-22", "FENCE-05"] },
  ),
  misuser(
    "FENCE-20",
    "an importer compares fences of two timelines",
    (env) => {
      const fences = [1n, 2n].map((seqno) => env.fenceInit({}, env.fenceContextAlloc(1), seqno));
      env.isLater(fences[0]!, fences[1]!);
      for (const each of fences) env.fencePut(each);
    },
    (builder) => builder.step("fenceInit", fence("f1")).step("isLater", { first: "f1", second: "f1" }),
  ),
  faultyFences(
    "FENCE-21",
    "32-bit numbers compare without wrap-around",
    (reached) =>
      class extends ReferenceFences {
        override isLater(first: ReferenceFence, second: ReferenceFence) {
          if (first.context !== second.context) return super.isLater(first, second);
          if (super.isLater(first, second) !== first.seqno > second.seqno) reached();
          return first.seqno > second.seqno;
        }
      },
    (builder) =>
      builder
        .step("fenceInit", fence("f1"))
        .step("fenceInit", fence("f2", { seqno: 2 ** 32 - 1 }))
        .step("isLater", { first: "f1", second: "f2" }),
    { also: ["FENCE-28"] },
  ),
  faultyFences(
    "FENCE-26",
    "a chain node asks only its own fence",
    (reached) =>
      class extends ReferenceFences {
        protected override chainSignaled(head: FenceChain) {
          if (head.previous !== null) reached();
          return this.isSignaled(head.fence);
        }
      },
    (builder) =>
      builder
        .step("fenceInit", fence("f1"))
        .step("fenceInit", fence("f2", { timeline: 2 }))
        .step("fenceGet", f1)
        .step("fenceGet", f2)
        .step("createChain", c1)
        .step("fenceGet", { fence: "c1" })
        .step("createChain", { fence: "c2", previous: "c1", contained: "f2", seqno: 2 })
        .step("signal", f2)
        .step("isSignaled", { fence: "c2" }),
    { also: ["FENCE-44"] },
  ),
  faultyFences(
    "FENCE-27",
    "a look-up stops one point too early",
    (reached) =>
      class extends ReferenceFences {
        protected override coversPoint(node: ReferenceFence, context: number, seqno: bigint) {
          const covers = super.coversPoint(node, context, seqno - 1n);
          if (covers !== super.coversPoint(node, context, seqno)) reached();
          return covers;
        }
      },
    (builder) =>
      builder
        .step("fenceInit", fence("f1"))
        .step("fenceInit", fence("f2", { timeline: 2 }))
        .step("fenceGet", f1)
        .step("fenceGet", f2)
        .step("createChain", c1)
        .step("fenceGet", { fence: "c1" })
        .step("createChain", { fence: "c2", previous: "c1", contained: "f2", seqno: 2 })
        .step("findSeqno", { fence: "c2", seqno: 2 }),
  ),
  faultyFences(
    "FENCE-45",
    "a node keeps a number smaller than its predecessor's",
    (reached) =>
      class extends ReferenceFences {
        protected override placeInChain(previous: FenceChain | null, seqno: bigint) {
          const place = super.placeInChain(previous, seqno);
          if (place.seqno !== seqno) reached();
          return { ...place, seqno };
        }
      },
    (builder) =>
      builder
        .step("fenceInit", fence("f1"))
        .step("fenceInit", fence("f2", { timeline: 2 }))
        .step("fenceGet", f1)
        .step("fenceGet", f2)
        .step("createChain", { ...c1, seqno: 5 })
        .step("fenceGet", { fence: "c1" })
        .step("createChain", { fence: "c2", previous: "c1", contained: "f2", seqno: 3 }),
  ),
];

export const mutants: readonly Mutant[] = examples.map((example) => example.mutant);
