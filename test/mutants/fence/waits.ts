import type { ReferenceFence } from "../../../reference-impl/fences/fence.ts";
import { ReferenceFences } from "../../../reference-impl/fences/fences.ts";
import type { Mutant } from "../mutant.ts";
import type { Example } from "../faulty.ts";
import { f1, f2, faultyFences, fence } from "./kit.ts";

/** Queries, waits, deadlines. */
export const examples: readonly Example[] = [
  faultyFences(
    "FENCE-18",
    "an owner that says no is taken for one that says yes",
    (reached) =>
      class extends ReferenceFences {
        protected override askOwner(fence: ReferenceFence) {
          if (super.askOwner(fence)) return true;
          if (fence.ops?.signaled) reached();
          return fence.ops?.signaled !== undefined;
        }
      },
    (builder) => builder.step("fenceInit", fence("f1", { hooks: ["signaled"] })).step("isSignaled", f1),
  ),
  faultyFences(
    "FENCE-22",
    "timeout 0 on a signaled fence answers expiry",
    (reached) =>
      class extends ReferenceFences {
        protected override *defaultWait(fence: ReferenceFence, interruptible: boolean, timeout: number) {
          if (timeout > 0) return yield* super.defaultWait(fence, interruptible, timeout);
          if (fence.signaled) reached();
          return 0;
        }
      },
    (builder) =>
      builder.step("fenceInit", fence("f1")).step("signal", f1).step("waitFence", { fence: "f1", timeout: 0 }),
    { from: ["B-109"] },
  ),
  faultyFences(
    "FENCE-29",
    "hints later than the current one are filtered out",
    (reached) => {
      const current = new Map<ReferenceFence, number>();
      return class extends ReferenceFences {
        override setFenceDeadline(fence: ReferenceFence, deadline: number) {
          const later = deadline > (current.get(fence) ?? Infinity);
          if (later) return reached();
          super.setFenceDeadline(fence, current.set(fence, deadline).get(fence)!);
        }
      };
    },
    (builder) =>
      builder
        .step("fenceInit", fence("f1", { hooks: ["setDeadline"] }))
        .step("setFenceDeadline", { fence: "f1", deadline: 500 })
        .step("setFenceDeadline", { fence: "f1", deadline: 1000 }),
  ),
  faultyFences(
    "FENCE-41",
    "a poll does not enable",
    (reached) =>
      class extends ReferenceFences {
        override waitFence(fence: ReferenceFence, interruptible: boolean, timeout: number) {
          if (timeout !== 0 || fence.ops?.wait) return super.waitFence(fence, interruptible, timeout);
          reached();
          return this.defaultWait(fence, interruptible, timeout);
        }
      },
    (builder) =>
      builder
        .step("fenceInit", fence("f1", { hooks: ["enableSignaling"] }))
        .step("waitFence", { fence: "f1", timeout: 0 }),
    { also: ["FENCE-44"] },
  ),
  faultyFences(
    "FENCE-47",
    "the last signaled fence is named",
    (reached) =>
      class extends ReferenceFences {
        protected override pollAny(fences: readonly ReferenceFence[]) {
          reached();
          const index = fences.findLastIndex((fence) => this.isSignaled(fence));
          return { result: index < 0 ? 0 : 1, index };
        }
      },
    (builder) =>
      builder
        .step("fenceInit", fence("f1"))
        .step("fenceInit", fence("f2", { seqno: 2 }))
        .step("signal", f1)
        .step("signal", f2)
        .step("waitAny", { fences: ["f1", "f2"], timeout: 0 }),
  ),
  faultyFences(
    "FENCE-47",
    "a wait for any leaves its callbacks behind",
    (reached) =>
      class extends ReferenceFences {
        protected override queueOnAll(
          fences: readonly ReferenceFence[],
          callbacks: Parameters<ReferenceFences["queueOnAll"]>[1],
        ) {
          const found = super.queueOnAll(fences, callbacks);
          if (callbacks.pop() !== undefined) reached();
          return found;
        }
      },
    (builder) =>
      builder
        .step("fenceInit", fence("f1"))
        .step("waitAny", { fences: ["f1"], timeout: 5 })
        .step("fencePut", f1),
    { also: ["FENCE-23"] },
  ),
];

export const mutants: readonly Mutant[] = examples.map((example) => example.mutant);
