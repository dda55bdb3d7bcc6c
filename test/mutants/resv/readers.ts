import type { Fence, Usage } from "../../../spec/roles/handles.ts";
import { ReferenceFences } from "../../../reference-impl/fences/fences.ts";
import type { ReferenceFence } from "../../../reference-impl/fences/fence.ts";
import { LocklessCursor } from "../../../reference-impl/reservations/lockless-cursor.ts";
import type { ReferenceReservation } from "../../../reference-impl/reservations/reservation.ts";
import { ReferenceReservations } from "../../../reference-impl/reservations/reservations.ts";
import type { Env } from "../../../spec/roles/env.ts";
import type { Mutant } from "../mutant.ts";
import type { Example } from "../faulty.ts";
import { faulty, faultyObjects, faultyWalks, fence, filled, objects, r1 } from "./kit.ts";

const all = { resv: "r1", usage: "bookkeep" } as const;

/** f1 as WRITE and f2 as READ, unlocked. */
function writeAndRead(builder: Parameters<typeof objects>[0], hooks: Parameters<typeof fence>[3] = []) {
  return filled(
    objects(builder),
    [fence("f1", 1, 1, hooks), fence("f2", 2, 1, hooks)],
    [
      ["f1", "write"],
      ["f2", "read"],
    ],
  ).step("unlock", r1);
}

/** Faults in what looks at the fences of an object. */
export const examples: readonly Example[] = [
  faultyObjects(
    "RESV-24",
    "a walk shows everything whatever is asked for",
    (reached) =>
      class extends ReferenceReservations {
        override iterateFences(resv: ReferenceReservation, usage: Usage) {
          if (usage !== "bookkeep") reached();
          return super.iterateFences(resv, "bookkeep");
        }
      },
    (builder) =>
      writeAndRead(builder)
        .step("lock", r1)
        .step("iterateFences", { ...r1, usage: "write" }),
  ),
  faultyWalks(
    "RESV-24",
    "a walk without the lock does not look at the usage",
    (reached) =>
      class extends LocklessCursor {
        constructor(env: Env, resv: ReferenceReservation, usage: Usage) {
          super(env, resv, "bookkeep");
          if (usage !== "bookkeep") reached();
        }
      },
    (builder) => writeAndRead(builder).step("getFences", { ...r1, usage: "write" }),
  ),
  faultyObjects(
    "RESV-35",
    "a copy merges",
    (reached) =>
      class extends ReferenceReservations {
        override copyFences(destination: ReferenceReservation, source: ReferenceReservation) {
          const kept = [...(destination.fences?.table ?? [])];
          for (const entry of kept) this.env.fenceGet(entry.fence);
          const errno = super.copyFences(destination, source);
          if (kept.length > 0) reached();
          destination.fences?.table.unshift(...kept);
          return errno;
        }
      },
    (builder) =>
      writeAndRead(builder)
        .step(...fence("f3"))
        .step("lock", { resv: "r2" })
        .step("reserveFences", { resv: "r2", count: 1 })
        .step("addFence", { resv: "r2", fence: "f3", usage: "read" })
        .step("copyFences", { destination: "r2", source: "r1" })
        .step("iterateFences", { resv: "r2", usage: "bookkeep" }),
  ),
  faultyObjects(
    "RESV-35",
    "a copy that fails has emptied its destination",
    (reached) =>
      class extends ReferenceReservations {
        override copyFences(destination: ReferenceReservation, source: ReferenceReservation) {
          const errno = super.copyFences(destination, source);
          const gone = errno === 0 ? [] : (destination.fences?.table.splice(0) ?? []);
          if (gone.length > 0) reached();
          this.putFences(gone.map((entry) => entry.fence));
          return errno;
        }
      },
    (builder) =>
      writeAndRead(builder)
        .step(...fence("f3"))
        .step("lock", { resv: "r2" })
        .step("reserveFences", { resv: "r2", count: 1 })
        .step("addFence", { resv: "r2", fence: "f3", usage: "read" })
        .step("iterateFences", { resv: "r2", usage: "bookkeep" })
        .step("copyFences", { destination: "r2", source: "r1" })
        .step("iterateFences", { resv: "r2", usage: "bookkeep" })
        .fail({ step: "s13", site: "resv-list", errno: 12 }),
    { also: ["RESV-22"] },
  ),
  faultyObjects(
    "RESV-36",
    "a wait ends with the first fence",
    (reached) =>
      class extends ReferenceReservations {
        override *waitFences(resv: ReferenceReservation, usage: Usage, interruptible: boolean, timeout: number) {
          const first = resv.fences?.table.find((entry) => !this.env.isSignaled(entry.fence));
          if (timeout === 0 || first === undefined) return yield* super.waitFences(resv, usage, interruptible, timeout);
          reached();
          return yield* this.env.waitFence(first.fence, interruptible, timeout);
        }
      },
    (builder) =>
      writeAndRead(builder)
        .task("t2")
        .step("waitFences", { ...r1, usage: "read", timeout: 1_000_000 })
        .task("t1")
        .step("signal", { fence: "f1" }),
  ),
  faulty(
    "RESV-36",
    "a wait sleeps without asking the owner to signal",
    (reached) => {
      class Faulty extends ReferenceFences {
        override *waitFence(waited: ReferenceFence, interruptible: boolean, timeout: number) {
          reached();
          return yield* this.defaultWait(waited, interruptible, timeout);
        }
      }
      return { fences: (env) => new Faulty(env) };
    },
    (builder) => writeAndRead(builder, ["enableSignaling"]).step("waitFences", { ...r1, usage: "read", timeout: 50 }),
    { also: ["RESV-37"] },
  ),
  faultyObjects(
    "RESV-37",
    "a poll waits a little",
    (reached) =>
      class extends ReferenceReservations {
        override waitFences(resv: ReferenceReservation, usage: Usage, interruptible: boolean, timeout: number) {
          if (timeout === 0) reached();
          return super.waitFences(resv, usage, interruptible, Math.max(1, timeout));
        }
      },
    (builder) => writeAndRead(builder).step("waitFences", { ...r1, usage: "read", timeout: 0 }),
    { from: ["M-FN3", "B-109"] },
  ),
  faultyObjects(
    "RESV-37",
    "a poll of an object that never had a fence fails",
    (reached) =>
      class extends ReferenceReservations {
        override *waitFences(resv: ReferenceReservation, usage: Usage, interruptible: boolean, timeout: number) {
          if (resv.fences !== null || timeout > 0) return yield* super.waitFences(resv, usage, interruptible, timeout);
          reached();
          return 0;
        }
      },
    (builder) => objects(builder).step("waitFences", { ...r1, usage: "read", timeout: 0 }),
    { from: ["M-FN3", "B-109"] },
  ),
  faultyObjects(
    "RESV-38",
    "the test for READ looks at READ alone where there is any",
    (reached) =>
      class extends ReferenceReservations {
        override testSignaled(resv: ReferenceReservation, usage: Usage) {
          const same = resv.fences?.table.filter((entry) => entry.usage === usage) ?? [];
          if (same.length === 0) return super.testSignaled(resv, usage);
          reached();
          return same.every((entry) => this.env.isSignaled(entry.fence));
        }
      },
    (builder) =>
      writeAndRead(builder)
        .step("signal", { fence: "f2" })
        .step("testSignaled", { ...r1, usage: "read" }),
    { from: ["M-FN1", "B-107"] },
  ),
  faultyObjects(
    "RESV-38",
    "the test asks owners to signal",
    (reached) =>
      class extends ReferenceReservations {
        override testSignaled(resv: ReferenceReservation, usage: Usage) {
          for (const entry of resv.fences?.table ?? []) this.env.enableSignaling(entry.fence);
          reached();
          return super.testSignaled(resv, usage);
        }
      },
    (builder) => writeAndRead(builder, ["enableSignaling"]).step("testSignaled", { ...r1, usage: "read" }),
  ),
  faultyWalks(
    "RESV-39",
    "a walk hides that it began anew",
    (reached) =>
      class extends LocklessCursor {
        override next() {
          const found = super.next();
          if (this.restarted) reached();
          this.restarted = false;
          return found;
        }
      },
    (builder) =>
      writeAndRead(builder)
        .step("getFences", { ...r1, usage: "read" })
        .task("t2")
        .step("lock", r1)
        .step("reserveFences", { ...r1, count: 8 })
        .preempt({ step: "s8", site: "resv-iter", until: "s10" }),
  ),
  faultyObjects(
    "RESV-40",
    "the first fence passes for all",
    (reached) =>
      class extends ReferenceReservations {
        override *getSingleton(resv: ReferenceReservation, usage: Usage) {
          const found = yield* this.getFences(resv, usage);
          if (typeof found === "number") return found;
          if (found.length > 1) reached();
          this.putFences(found.slice(1));
          return found[0] ?? null;
        }
      },
    (builder) => writeAndRead(builder).step("getSingleton", { ...r1, usage: "read", fence: "f9" }),
  ),
  faultyObjects(
    "RESV-40",
    "the last fence is left out",
    (reached) =>
      class extends ReferenceReservations {
        override *getFences(resv: ReferenceReservation, usage: Usage) {
          const found = yield* super.getFences(resv, usage);
          if (typeof found === "number" || !this.combining || found.length < 2) return found;
          reached();
          this.putFences(found.slice(-1));
          return found.slice(0, -1);
        }
        override *getSingleton(resv: ReferenceReservation, usage: Usage) {
          this.combining = true;
          const combined = yield* super.getSingleton(resv, usage);
          this.combining = false;
          return combined;
        }
        private combining = false;
      },
    (builder) =>
      filled(
        objects(builder),
        [fence("f1"), fence("f2"), fence("f3")],
        [
          ["f1", "read"],
          ["f2", "read"],
          ["f3", "read"],
        ],
      )
        .step("getSingleton", { ...r1, usage: "read", fence: "f9" })
        .step("signal", { fence: "f1" })
        .step("signal", { fence: "f2" }),
  ),
  faultyObjects(
    "RESV-43",
    "a deadline stops at the first fence",
    (reached) =>
      class extends ReferenceReservations {
        override setDeadline(resv: ReferenceReservation, usage: Usage, deadline: number) {
          const cursor = this.iterateUnlocked(resv, usage);
          const first = cursor.first();
          reached();
          if (first !== null) this.env.setFenceDeadline(first, deadline);
          cursor.end();
        }
      },
    (builder) => writeAndRead(builder, ["setDeadline"]).step("setDeadline", { ...r1, usage: "read", deadline: 1000 }),
  ),
  faultyObjects(
    "RESV-48",
    "a fence with two entries is given once",
    (reached) =>
      class extends ReferenceReservations {
        override *getFences(resv: ReferenceReservation, usage: Usage) {
          const found = yield* super.getFences(resv, usage);
          if (typeof found === "number") return found;
          const repeated = found.filter((given: Fence, index: number) => found.indexOf(given) !== index);
          if (repeated.length > 0) reached();
          this.putFences(repeated);
          return [...new Set(found)];
        }
      },
    (builder) =>
      filled(
        objects(builder),
        [fence("f1")],
        [
          ["f1", "write"],
          ["f1", "read"],
        ],
      ).step("getFences", all),
  ),
];

export const mutants: readonly Mutant[] = examples.map((example) => example.mutant);
