import { EDEADLK, EINTR } from "../../../spec/errno.ts";
import type { Direction, Usage } from "../../../spec/roles/handles.ts";
import type { ReferenceAttachment } from "../../../reference-impl/buffers/buffer.ts";
import { ReferenceBuffers } from "../../../reference-impl/buffers/buffers.ts";
import type { ReferenceReservation } from "../../../reference-impl/reservations/reservation.ts";
import { ReferenceReservations } from "../../../reference-impl/reservations/reservations.ts";
import type { MutexWaiter, WwAcquireContext, WwMutex } from "../../../reference-impl/reservations/ww-mutex.ts";
import { WaitDieClass } from "../../../reference-impl/reservations/ww-mutex.ts";
import type { Mutant } from "../mutant.ts";
import type { Example } from "../faulty.ts";
import { faulty, faultyLocks, faultyObjects, objects, r1 } from "./kit.ts";

const w1 = { acquire: "w1" } as const;
const a1 = { importer: "i1", buffer: "b1", attachment: "a1" } as const;
const m1 = { attachment: "a1", direction: "bidirectional", mapping: "m1" } as const;

/** Faults in reservation locks and in who releases them. */
export const examples: readonly Example[] = [
  faultyLocks(
    "RESV-01",
    "trylock takes a lock from a holder without context",
    (reached) =>
      class extends WaitDieClass {
        override trylock(mutex: WwMutex) {
          if (mutex.owner === null || mutex.context !== null) return super.trylock(mutex);
          reached();
          mutex.owner = this.env.currentTask();
          return true;
        }
      },
    (builder) => objects(builder).step("lock", r1).task("t2").step("trylock", r1),
    { also: ["RESV-02"] },
  ),
  faultyLocks(
    "RESV-01",
    "unlock lets two sleepers go on",
    (reached) =>
      class extends WaitDieClass {
        protected override handOver(mutex: WwMutex) {
          super.handOver(mutex);
          const second = mutex.waiters.shift();
          if (second === undefined) return;
          reached();
          second.granted = second.woken = true;
        }
      },
    (builder) =>
      objects(builder)
        .step("lock", r1)
        .task("t2")
        .step("lock", r1)
        .task("t3")
        .step("lock", r1)
        .task("t1")
        .step("unlock", r1),
    { also: ["RESV-02"] },
  ),
  faulty(
    "RESV-02",
    "the unlocked map releases the lock twice",
    (reached) => {
      class Faulty extends ReferenceBuffers {
        override *mapUnlocked(attachment: ReferenceAttachment | null, direction: Direction) {
          const table = yield* super.mapUnlocked(attachment, direction);
          if (attachment === null) return table;
          reached();
          yield* this.env.unlock(attachment.buffer.resv);
          return table;
        }
      }
      return { buffers: (env) => new Faulty(env) };
    },
    (builder) => builder.step("export", { buffer: "b1" }).step("attach", a1).step("mapUnlocked", m1),
  ),
  faulty(
    "RESV-02",
    "the unlocked map keeps the lock when it fails",
    (reached) => {
      class Faulty extends ReferenceBuffers {
        override *mapUnlocked(attachment: ReferenceAttachment, direction: Direction) {
          yield* this.env.lock(attachment.buffer.resv);
          const table = yield* this.map(attachment, direction);
          if (typeof table !== "number") yield* this.env.unlock(attachment.buffer.resv);
          else reached();
          return table;
        }
      }
      return { buffers: (env) => new Faulty(env) };
    },
    (builder) =>
      builder
        .step("export", { buffer: "b1" })
        .step("attach", a1)
        .step("mapUnlocked", m1)
        .fail({ step: "s3", site: "hook:map", errno: 12 }),
    { from: ["B-93"] },
  ),
  faultyLocks(
    "RESV-04",
    "who has no context is told to back off from one who has",
    (reached) =>
      class extends WaitDieClass {
        protected override addWaiter(mutex: WwMutex, waiter: MutexWaiter) {
          if (waiter.context !== null || mutex.context === null) return super.addWaiter(mutex, waiter);
          reached();
          return EDEADLK;
        }
      },
    (builder) =>
      objects(builder)
        .step("acquireInit", w1)
        .step("lock", { ...r1, ...w1 })
        .task("t2")
        .step("lock", r1),
  ),
  faultyLocks(
    "RESV-04",
    "unlock forgets a sleeper without context",
    (reached) =>
      class extends WaitDieClass {
        protected override handOver(mutex: WwMutex) {
          if (mutex.waiters[0]?.context !== null) return super.handOver(mutex);
          reached();
          mutex.waiters.shift();
          mutex.owner = null;
        }
      },
    (builder) => objects(builder).step("lock", r1).task("t2").step("lock", r1).task("t1").step("unlock", r1),
  ),
  faultyLocks(
    "RESV-14",
    "trylock fails on a free lock once contexts are in use",
    (reached) =>
      class extends WaitDieClass {
        override trylock(mutex: WwMutex) {
          if (mutex.owner !== null || this.lastStamp === 0) return super.trylock(mutex);
          reached();
          return false;
        }
      },
    (builder) => objects(builder).step("acquireInit", w1).task("t2").step("trylock", r1),
  ),
  faultyLocks(
    "RESV-47",
    "an interrupted sleeper stays in the queue",
    (reached) =>
      class extends WaitDieClass {
        protected override removeWaiter() {
          reached();
        }
      },
    (builder) =>
      objects(builder)
        .step("lock", r1)
        .task("t2")
        .step("lockInterruptible", r1)
        .task("t1")
        .step("interrupt", { target: "t2" })
        .task("t3")
        .step("lock", r1)
        .task("t1")
        .step("unlock", r1),
    { also: ["RESV-04"] },
  ),
  faultyLocks(
    "RESV-47",
    "a pending signal keeps a free lock away",
    (reached) =>
      class extends WaitDieClass {
        override *lock(mutex: WwMutex, context: WwAcquireContext | null, interruptible: boolean) {
          if (!interruptible || !this.env.interruptPending()) return yield* super.lock(mutex, context, interruptible);
          reached();
          return EINTR;
        }
      },
    (builder) => objects(builder).step("lockInterruptible", r1, { interrupted: true }),
  ),
  faultyObjects(
    "RESV-49",
    "a wait takes the lock to get a stable list",
    (reached) =>
      class extends ReferenceReservations {
        override *waitFences(resv: ReferenceReservation, usage: Usage, interruptible: boolean, timeout: number) {
          reached();
          yield* this.env.lock(resv);
          const left = yield* super.waitFences(resv, usage, interruptible, timeout);
          yield* this.env.unlock(resv);
          return left;
        }
      },
    (builder) =>
      objects(builder)
        .step("lock", r1)
        .task("t2")
        .step("waitFences", { ...r1, usage: "write", timeout: 50 }),
  ),
];

export const mutants: readonly Mutant[] = examples.map((example) => example.mutant);
