import type { CallbackList, ReferenceFence } from "../../../reference-impl/fences/fence.ts";
import { ReferenceFences } from "../../../reference-impl/fences/fences.ts";
import type { FenceCallback } from "../../../spec/roles/handles.ts";
import type { Mutant } from "../mutant.ts";
import type { Example } from "../faulty.ts";
import { callback, f1, faultyFences, fence, misuser } from "./kit.ts";

/** Callbacks: adding, running, removing, and what they may do. */
export const examples: readonly Example[] = [
  faultyFences(
    "FENCE-12",
    "a callback is queued on a signaled fence",
    (reached) =>
      class extends ReferenceFences {
        override addCallback(fence: ReferenceFence | null, callback: FenceCallback | null) {
          if (fence === null || callback === null || !fence.signaled) return super.addCallback(fence, callback);
          reached();
          this.queueCallback(fence, callback);
          return 0;
        }
      },
    (builder) => builder.step("fenceInit", fence("f1")).step("signal", f1).step("addCallback", callback),
    { also: ["FENCE-13", "FENCE-23"] },
  ),
  faultyFences(
    "FENCE-13",
    "the last of several callbacks is forgotten",
    (reached) =>
      class extends ReferenceFences {
        protected override runCallbacks(fence: ReferenceFence, callbacks: CallbackList) {
          if (callbacks.length > 1 && callbacks.pop() !== undefined) reached();
          super.runCallbacks(fence, callbacks);
        }
      },
    (builder) =>
      builder
        .step("fenceInit", fence("f1"))
        .step("addCallback", callback)
        .step("addCallback", { fence: "f1", callback: "k2" })
        .step("signal", f1),
    { also: ["FENCE-23", "FENCE-44"] },
  ),
  faultyFences(
    "FENCE-13",
    "enabling may signal the fence between the test and the queueing",
    (reached) =>
      class extends ReferenceFences {
        override addCallback(fence: ReferenceFence | null, callback: FenceCallback | null) {
          if (fence === null || callback === null || fence.signaled) return super.addCallback(fence, callback);
          this.enableSignaling(fence);
          if (fence.signaled) reached();
          this.queueCallback(fence, callback);
          return 0;
        }
      },
    (builder) =>
      builder
        .step("fenceInit", fence("f1", { hooks: ["enableFails"] }))
        .step("addCallback", callback)
        .step("fenceInit", fence("f2", { seqno: 2 }))
        .step("addCallback", { fence: "f2", callback: "k2" }),
    { also: ["FENCE-12", "FENCE-23", "FENCE-44"], from: ["M-FN7", "B-117"] },
  ),
  misuser(
    "FENCE-14",
    "an importer adds one structure to two fences",
    (env) => {
      const shared = { run: () => undefined };
      const fences = [1n, 2n].map((seqno) => env.fenceInit({}, env.fenceContextAlloc(1), seqno));
      for (const each of fences) env.addCallback(each, shared);
      for (const each of fences) env.signal(each);
      for (const each of fences) env.fencePut(each);
    },
    (builder) => builder.step("fenceInit", fence("f1")).step("addCallback", callback),
  ),
  faultyFences(
    "FENCE-15",
    "remove always claims success",
    (reached) =>
      class extends ReferenceFences {
        override removeCallback(fence: ReferenceFence, callback: FenceCallback) {
          if (!super.removeCallback(fence, callback)) reached();
          return true;
        }
      },
    (builder) =>
      builder
        .step("fenceInit", fence("f1"))
        .step("addCallback", callback)
        .step("signal", f1)
        .step("removeCallback", callback),
  ),
  misuser(
    "FENCE-16",
    "an importer's callback takes a reservation lock",
    (env, buffer) => {
      const done = env.fenceInit({}, env.fenceContextAlloc(1), 1n);
      env.addCallback(done, {
        run: () => {
          if (env.trylock(buffer.resv)) void env.unlock(buffer.resv);
        },
      });
      env.signal(done);
      env.fencePut(done);
    },
    (builder) => builder.step("fenceInit", fence("f1")).step("addCallback", callback),
    { also: ["RESV-42"] },
  ),
  faultyFences(
    "FENCE-36",
    "callbacks run before the signaled bit is set",
    (reached) =>
      class extends ReferenceFences {
        protected override signalTimestampLocked(fence: ReferenceFence, timestamp: number) {
          const { callbacks } = fence;
          fence.callbacks = null;
          if (callbacks !== null) this.runCallbacks(fence, callbacks);
          if (callbacks !== null && callbacks.length > 0) reached();
          return super.signalTimestampLocked(fence, timestamp);
        }
      },
    (builder) => builder.step("fenceInit", fence("f1")).step("addCallback", callback).step("signal", f1),
  ),
  faultyFences(
    "FENCE-37",
    "remove answers without taking the callback off",
    (reached) =>
      class extends ReferenceFences {
        override removeCallback(_fence: ReferenceFence, callback: FenceCallback) {
          reached();
          return Boolean(callback.link);
        }
      },
    (builder) =>
      builder
        .step("fenceInit", fence("f1"))
        .step("addCallback", callback)
        .step("removeCallback", callback)
        .step("signal", f1),
    { also: ["FENCE-13"] },
  ),
  misuser(
    "FENCE-38",
    "an importer's callback asks its own fence for the status",
    (env) => {
      const done = env.fenceInit({}, env.fenceContextAlloc(1), 1n);
      env.addCallback(done, { run: (self) => env.getStatus(self) });
      env.signal(done);
      env.fencePut(done);
    },
    (builder) => builder.step("fenceInit", fence("f1")).step("addCallback", callback),
  ),
];

export const mutants: readonly Mutant[] = examples.map((example) => example.mutant);
