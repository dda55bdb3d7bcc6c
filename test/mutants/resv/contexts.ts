import { EALREADY, EBUSY, EDEADLK } from "../../../spec/errno.ts";
import type { Reservation } from "../../../spec/roles/handles.ts";
import type { DynamicImport } from "../../../reference-impl/importers/dynamic-import.ts";
import { DynamicImporter } from "../../../reference-impl/importers/dynamic-importer.ts";
import { Exec } from "../../../reference-impl/importers/exec.ts";
import type { Submission } from "../../../reference-impl/importers/submission.ts";
import type { MutexWaiter, WwAcquireContext, WwMutex } from "../../../reference-impl/reservations/ww-mutex.ts";
import { WaitDieClass } from "../../../reference-impl/reservations/ww-mutex.ts";
import type { Mutant } from "../mutant.ts";
import type { Example } from "../faulty.ts";
import { contended, faultyExec, faultyImporter, faultyLocks, imported, importedBoth, job, objects } from "./kit.ts";

/** A lock request of a task's own context: `with_("r1", 2)` locks r1 with w2. */
const by = (resv: string, context: number) => ({ resv, acquire: `w${context}` });
const begin = (context: number) => ({ acquire: `w${context}` });

/** Faults in acquire contexts, in who has to back off, and in how importers do it. */
export const examples: readonly Example[] = [
  faultyExec(
    "RESV-02",
    "the contended object is unlocked twice",
    (reached) =>
      class extends Exec {
        override *unlockAll() {
          const twice = this.held.find((resv) => resv === this.contended);
          yield* super.unlockAll();
          if (twice === undefined) return;
          reached();
          yield* this.env.unlock(twice);
        }
      },
    contended,
    { from: ["M-RS3", "B-96"] },
  ),
  faultyExec(
    "RESV-03",
    "the second buffer is locked without the context",
    (reached) =>
      class extends Exec {
        protected override *lockNext(resv: Reservation) {
          if (this.held.length === 0) return yield* super.lockNext(resv);
          reached();
          const errno = yield* this.env.lockInterruptible(resv);
          if (errno === 0) this.held = [...this.held, resv];
          return errno;
        }
      },
    (builder) => imported(builder, "pageTable").step(...job("j1", "read", "p1")),
  ),
  faultyImporter(
    "RESV-03",
    "an import is torn down under the lock of another",
    (reached) =>
      class extends DynamicImporter {
        private dead: DynamicImport | null = null;
        override *release(imported: DynamicImport) {
          if (this.dead !== null) yield* super.release(imported);
          this.dead = imported;
        }
        protected override *prepare(submission: Submission) {
          reached();
          if (this.dead !== null) yield* super.release(this.dead);
          return yield* super.prepare(submission);
        }
      },
    (builder) =>
      importedBoth(builder)
        .step(...job("j1", "read", "p1", "p2"))
        .step("complete", { job: "j1" })
        .step("release", { import: "p1" })
        .step(...job("j2", "read", "p2")),
    { from: ["M-RS5", "B-100"] },
  ),
  faultyLocks(
    "RESV-05",
    "a lock that is held with the context is given again",
    (reached) =>
      class extends WaitDieClass {
        override *lock(mutex: WwMutex, context: WwAcquireContext | null, interruptible: boolean) {
          const errno = yield* super.lock(mutex, context, interruptible);
          if (errno !== EALREADY) return errno;
          reached();
          return 0;
        }
      },
    (builder) => objects(builder).step("acquireInit", begin(1)).step("lock", by("r1", 1)).step("lock", by("r1", 1)),
    { also: ["RESV-01", "RESV-02"] },
  ),
  faultyLocks(
    "RESV-06",
    "a context that holds nothing backs off too",
    (reached) =>
      class extends WaitDieClass {
        protected override checkKill(mutex: WwMutex, waiter: MutexWaiter) {
          const { context } = waiter;
          if (context === null || mutex.context === null || !this.isYounger(context, mutex.context)) return 0;
          reached();
          context.contended = mutex;
          return EDEADLK;
        }
      },
    (builder) =>
      objects(builder)
        .step("acquireInit", begin(1))
        .step("lock", by("r1", 1))
        .task("t2")
        .step("acquireInit", begin(2))
        .step("lock", by("r1", 2)),
  ),
  faultyLocks(
    "RESV-07",
    "a younger sleeper is not woken when an older one comes",
    (reached) =>
      class extends WaitDieClass {
        protected override wakeToDie(waiter: MutexWaiter) {
          if ((waiter.context?.acquired ?? 0) > 0) reached();
        }
      },
    (builder) =>
      objects(builder)
        .step("lock", { resv: "r1" })
        .task("t2")
        .step("acquireInit", begin(1))
        .task("t3")
        .step("acquireInit", begin(2))
        .step("lock", by("r2", 2))
        .step("lock", by("r1", 2))
        .task("t2")
        .step("lock", by("r1", 1)),
  ),
  faultyLocks(
    "RESV-07",
    "the age of the holder is not looked at",
    (reached) =>
      class extends WaitDieClass {
        protected override checkKill() {
          reached();
          return 0;
        }
      },
    (builder) =>
      objects(builder)
        .step("acquireInit", begin(1))
        .step("lock", by("r1", 1))
        .task("t2")
        .step("acquireInit", begin(2))
        .step("lock", by("r2", 2))
        .step("lock", by("r1", 2)),
  ),
  faultyLocks(
    "RESV-07",
    "sleepers are served in the order they came",
    (reached) =>
      class extends WaitDieClass {
        protected override addWaiter(mutex: WwMutex, waiter: MutexWaiter) {
          reached();
          mutex.waiters.push(waiter);
          return 0;
        }
      },
    (builder) =>
      objects(builder)
        .step("lock", { resv: "r1" })
        .task("t2")
        .step("acquireInit", begin(1))
        .task("t3")
        .step("acquireInit", begin(2))
        .step("lock", by("r1", 2))
        .task("t2")
        .step("lock", by("r1", 1))
        .task("t1")
        .step("unlock", { resv: "r1" }),
  ),
  faultyExec(
    "RESV-08",
    "backing off keeps what it has",
    (reached) =>
      class extends Exec {
        private tries = 0;
        protected override *backOff() {
          reached();
          yield* [];
        }
        protected override *lockContended() {
          return this.tries++ === 0 ? yield* super.lockContended() : EBUSY;
        }
      },
    contended,
    { also: ["RESV-10"] },
  ),
  faultyExec(
    "RESV-09",
    "the retry starts at the head of the list",
    (reached) =>
      class extends Exec {
        private tries = 0;
        protected override *lockContended() {
          reached();
          yield* [];
          return this.tries++ === 0 ? 0 : EBUSY;
        }
      },
    contended,
  ),
  faultyExec(
    "RESV-10",
    "the first lock is taken in the slow form",
    (reached) =>
      class extends Exec {
        protected override *lockNext(resv: Reservation) {
          if (this.held.length > 0) return yield* super.lockNext(resv);
          reached();
          this.contended = resv;
          return yield* this.lockContended();
        }
      },
    contended,
  ),
  faultyLocks(
    "RESV-11",
    "the retry gets a new age stamp",
    (reached) =>
      class extends WaitDieClass {
        override *lockSlow(mutex: WwMutex, context: WwAcquireContext, interruptible: boolean) {
          reached();
          Object.assign(context, { stamp: (this.lastStamp += 1) });
          return yield* super.lockSlow(mutex, context, interruptible);
        }
      },
    (builder) =>
      objects(builder)
        .step("acquireInit", begin(1))
        .step("lock", by("r1", 1))
        .task("t2")
        .step("acquireInit", begin(2))
        .step("lock", by("r2", 2))
        .step("lock", by("r1", 2))
        .step("unlock", { resv: "r2" })
        .task("t3")
        .step("acquireInit", begin(3))
        .step("lock", by("r2", 3))
        .task("t2")
        .step("lockSlow", by("r1", 2))
        .task("t1")
        .step("unlock", { resv: "r1" })
        .task("t2")
        .step("lock", by("r2", 2)),
    { also: ["RESV-07"] },
  ),
  faultyExec(
    "RESV-12",
    "the context is marked done before its locks are taken",
    (reached) =>
      class extends Exec {
        protected override *lockRest(resvs: readonly Reservation[]) {
          reached();
          this.env.acquireDone(this.context);
          return yield* super.lockRest(resvs);
        }
      },
    (builder) => imported(builder, "pageTable").step(...job("j1", "read", "p1")),
  ),
  faultyExec(
    "RESV-12",
    "the context is finished before its locks are released",
    (reached) =>
      class extends Exec {
        override *unlockAll() {
          reached();
          super.finish();
          yield* super.unlockAll();
        }
        override finish() {}
      },
    (builder) => imported(builder, "pageTable").step(...job("j1", "read", "p1")),
  ),
];

export const mutants: readonly Mutant[] = examples.map((example) => example.mutant);
