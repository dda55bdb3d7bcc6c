import type { PollEvents, Poller, Reservation } from "../../../spec/roles/handles.ts";
import type { ReferenceBuffer } from "../../../reference-impl/buffers/buffer.ts";
import { ReferenceBuffers } from "../../../reference-impl/buffers/buffers.ts";
import { PollCallback } from "../../../reference-impl/buffers/poll.ts";
import type { Mutant } from "../mutant.ts";
import type { Example } from "../faulty.ts";
import { faultyCore } from "../life/kit.ts";
import { b1, withFences } from "./worlds.ts";

const input = { buffer: "b1", input: true, output: false, sleep: false } as const;
const output = { buffer: "b1", input: false, output: true, sleep: false } as const;

/** Faults of poll. */
export const examples: readonly Example[] = [
  faultyCore(
    "SYNC-15",
    "output watches readers only",
    (reached) =>
      class extends ReferenceBuffers {
        protected override pollAddCallback(resv: Reservation, write: boolean, callback: PollCallback) {
          const entries = this.env.iterateFences(resv, this.polledUsage(write));
          for (const { fence, usage } of entries) {
            if (write && usage !== "read" && entries.some((entry) => entry.usage === "read")) {
              reached();
              continue;
            }
            this.env.fenceGet(fence);
            if (this.env.addCallback(fence, callback) === 0) return true;
            this.env.fencePut(fence);
          }
          return false;
        }
      },
    (builder) =>
      withFences(builder, { f1: "write", f2: "read" })
        .step("poll", output)
        .step("signal", { fence: "f2" })
        .step("poll", output),
    { from: ["M-SP1", "B-143"], also: ["SYNC-22"] },
  ),
  faultyCore(
    "SYNC-15",
    "the levels of input and output are swapped",
    (reached) =>
      class extends ReferenceBuffers {
        protected override polledUsage(write: boolean) {
          reached();
          return write ? "write" : "read";
        }
      },
    (builder) => withFences(builder, { f1: "read" }).step("poll", output),
    { also: ["SYNC-22"] },
  ),
  faultyCore(
    "SYNC-16",
    "nobody is woken",
    (reached) =>
      class extends ReferenceBuffers {
        protected override wakePollers() {
          reached();
        }
      },
    (builder) =>
      withFences(builder, { f1: "write" })
        .step("poll", { ...input, sleep: true })
        .task("t2")
        .step("signal", { fence: "f1" }),
  ),
  faultyCore(
    "SYNC-16",
    "a direction is watched once and never again",
    (reached) =>
      class extends ReferenceBuffers {
        protected override pollDone(buffer: ReferenceBuffer, callback: PollCallback) {
          super.pollDone(buffer, callback);
          reached();
          callback.active = true;
        }
      },
    (builder) =>
      withFences(builder, { f1: "write", f2: "kernel" })
        .step("poll", { ...input, sleep: true })
        .task("t2")
        .step("signal", { fence: "f1" })
        .step("signal", { fence: "f2" }),
    { also: ["SYNC-15", "SYNC-22"] },
  ),
  faultyCore(
    "SYNC-17",
    "every poll has a callback of its own",
    (reached) =>
      class extends ReferenceBuffers {
        protected override pollDirection(buffer: ReferenceBuffer, callback: PollCallback, write: boolean) {
          if (!callback.active) return super.pollDirection(buffer, callback, write);
          reached();
          const own = new PollCallback(callback.events, (done, fence) => {
            this.pollDone(buffer, done);
            this.env.fencePut(fence);
          });
          return super.pollDirection(buffer, own, write);
        }
      },
    (builder) => withFences(builder, { f1: "write" }).step("poll", input).step("poll", input),
  ),
  faultyCore(
    "SYNC-20",
    "a poll can be interrupted at the lock",
    (reached) =>
      class extends ReferenceBuffers {
        override *poll(buffer: ReferenceBuffer, events: PollEvents, poller: Poller | null) {
          if (!events.input && !events.output) return yield* super.poll(buffer, events, poller);
          reached();
          if ((yield* this.env.lockInterruptible(buffer.resv)) !== 0) return { input: false, output: false };
          yield* this.env.unlock(buffer.resv);
          return yield* super.poll(buffer, events, poller);
        }
      },
    (builder) => builder.step("export", b1).step("poll", input),
  ),
  faultyCore(
    "SYNC-20",
    "a poll for nothing takes the lock",
    (reached) =>
      class extends ReferenceBuffers {
        override *poll(buffer: ReferenceBuffer, events: PollEvents, poller: Poller | null) {
          if (!events.input && !events.output) {
            reached();
            yield* this.env.lock(buffer.resv);
            yield* this.env.unlock(buffer.resv);
          }
          return yield* super.poll(buffer, events, poller);
        }
      },
    (builder) => builder.step("export", b1).step("poll", { ...input, input: false }),
  ),
  faultyCore(
    "SYNC-22",
    "the last fence is watched",
    (reached) =>
      class extends ReferenceBuffers {
        protected override pollAddCallback(resv: Reservation, write: boolean, callback: PollCallback) {
          const entries = this.env.iterateFences(resv, this.polledUsage(write)).toReversed();
          if (entries.length > 1) reached();
          for (const { fence } of entries) {
            this.env.fenceGet(fence);
            if (this.env.addCallback(fence, callback) === 0) return true;
            this.env.fencePut(fence);
          }
          return false;
        }
      },
    (builder) => withFences(builder, { f1: "write", f2: "kernel" }).step("poll", input),
  ),
];

export const mutants: readonly Mutant[] = examples.map((example) => example.mutant);
