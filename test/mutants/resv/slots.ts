import { EINTR } from "../../../spec/errno.ts";
import type { Fence, Reservation, Usage } from "../../../spec/roles/handles.ts";
import { DynamicImporter } from "../../../reference-impl/importers/dynamic-importer.ts";
import { Exec } from "../../../reference-impl/importers/exec.ts";
import type { Submission } from "../../../reference-impl/importers/submission.ts";
import type { ReferenceReservation, ReservationList } from "../../../reference-impl/reservations/reservation.ts";
import { ReferenceReservations } from "../../../reference-impl/reservations/reservations.ts";
import type { Mutant } from "../mutant.ts";
import type { Example } from "../faulty.ts";
import { faultyExec, faultyImporter, faultyObjects, fence, filled, imported, job, objects, r1 } from "./kit.ts";

const all = { resv: "r1", usage: "bookkeep" } as const;
const tooMany = { resv: "r1", count: 300_000_000 } as const;

/** Faults in slots: who reserves, and what a reserve does. */
export const examples: readonly Example[] = [
  faultyImporter(
    "RESV-15",
    "slots are reserved before the lock is taken",
    (reached) =>
      class extends DynamicImporter {
        protected override *submitHeld(submission: Submission) {
          reached();
          return this.reserve(submission) || (yield* super.submitHeld(submission));
        }
      },
    (builder) => imported(builder).step(...job("j1", "read", "p1")),
  ),
  faultyObjects(
    "RESV-15",
    "reserving no slot succeeds",
    (reached) =>
      class extends ReferenceReservations {
        override reserveFences(resv: ReferenceReservation, count: number) {
          if (count > 0) return super.reserveFences(resv, count);
          reached();
          return 0;
        }
      },
    (builder) =>
      objects(builder)
        .step("lock", r1)
        .step("reserveFences", { ...r1, count: 0 }),
  ),
  faultyObjects(
    "RESV-16",
    "a reserve that fails leaves the list turned round",
    (reached) =>
      class extends ReferenceReservations {
        override reserveFences(resv: ReferenceReservation, count: number) {
          const errno = super.reserveFences(resv, count);
          if (errno === 0 || resv.fences === null) return errno;
          reached();
          resv.fences.table.reverse();
          return errno;
        }
      },
    (builder) =>
      filled(
        objects(builder),
        [fence("f1"), fence("f2")],
        [
          ["f1", "read"],
          ["f2", "read"],
        ],
      )
        .step("iterateFences", all)
        .step("reserveFences", tooMany)
        .step("iterateFences", all),
  ),
  faultyObjects(
    "RESV-17",
    "a growing list is cut at the first signaled fence",
    (reached) =>
      class extends ReferenceReservations {
        protected override growList(
          resv: ReferenceReservation,
          old: ReservationList,
          list: ReservationList,
          count: number,
        ) {
          const cut = old.table.findIndex((entry) => this.env.isSignaled(entry.fence));
          if (cut >= 0) reached();
          if (cut >= 0) this.putFences(old.table.splice(cut).map((entry) => entry.fence));
          super.growList(resv, old, list, count);
        }
      },
    (builder) =>
      filled(
        objects(builder),
        [fence("f1"), fence("f2")],
        [
          ["f1", "read"],
          ["f2", "read"],
        ],
      )
        .step("iterateFences", all)
        .step("signal", { fence: "f1" })
        .step("reserveFences", { ...r1, count: 8 })
        .step("iterateFences", all),
    { also: ["RESV-22"] },
  ),
  faultyImporter(
    "RESV-18",
    "slots are reserved for the first job only",
    (reached) =>
      class extends DynamicImporter {
        private reserved = false;
        protected override reserve(submission: Submission) {
          if (this.reserved) reached();
          else super.reserve(submission);
          this.reserved = true;
          return 0;
        }
      },
    (builder) =>
      imported(builder)
        .step(...job("j1", "read", "p1"))
        .step(...job("j2", "read", "p1")),
    { also: ["RESV-46"] },
  ),
  faultyExec(
    "RESV-19",
    "an interrupted lock call passes for a lock",
    (reached) =>
      class extends Exec {
        protected override *lockNext(resv: Reservation) {
          const errno = yield* super.lockNext(resv);
          if (errno !== EINTR) return errno;
          reached();
          this.held = [...this.held, resv];
          return 0;
        }
      },
    (builder) =>
      imported(builder, "pageTable")
        .task("t2")
        .step("lock", { resv: "b1.resv" })
        .task("t1")
        .step("submit", { importer: "i1", imports: ["p1"], kind: "read", job: "j1" }, { interrupted: true })
        .step(...job("j2", "read", "p1"))
        .task("t2")
        .step("unlock", { resv: "b1.resv" }),
    { from: ["M-RS1", "B-93"], also: ["RESV-02", "RESV-15", "MAP-01"] },
  ),
  faultyObjects(
    "RESV-19",
    "an add that replaces needs a slot",
    (reached) =>
      class extends ReferenceReservations {
        override addFence(resv: ReferenceReservation, added: Fence, usage: Usage) {
          const { fences } = resv;
          if (fences === null || fences.table.length < fences.maxFences) return super.addFence(resv, added, usage);
          reached();
          this.env.warn("kernel stops: a fence is added without a reserved slot");
        }
      },
    (builder) =>
      filled(objects(builder), [fence("f1", 1, 1), fence("f2", 1, 2)], [["f1", "write"]]).step("addFence", {
        ...r1,
        fence: "f2",
        usage: "write",
      }),
    { also: ["RESV-46"] },
  ),
  faultyObjects(
    "RESV-44",
    "a reserve forgets the entries that are there",
    (reached) =>
      class extends ReferenceReservations {
        protected override hasRoom(list: ReservationList, count: number) {
          if (!super.hasRoom(list, count)) reached();
          return count <= list.maxFences;
        }
      },
    (builder) =>
      filled(objects(builder), [fence("f1"), fence("f2")], [["f1", "read"]])
        .step("reserveFences", { ...r1, count: 1 })
        .step("addFence", { ...r1, fence: "f2", usage: "read" }),
    { also: ["RESV-46"] },
  ),
  faultyImporter(
    "RESV-44",
    "two reserves are taken for the sum",
    (reached) =>
      class extends DynamicImporter {
        protected override reserve(submission: Submission) {
          return super.reserve(submission) || super.reserve(submission);
        }
        protected override addFence(submission: Submission, done: Fence) {
          reached();
          super.addFence(submission, done);
          this.env.addFence(submission.resvs[0]!, done, "bookkeep");
        }
      },
    (builder) =>
      imported(builder)
        .step("lock", { resv: "b1.resv" })
        .step("reserveFences", { resv: "b1.resv", count: 1 })
        .step("reserveFences", { resv: "b1.resv", count: 1 })
        .step(...fence("f1"))
        .step("addFence", { resv: "b1.resv", fence: "f1", usage: "bookkeep" })
        .step("unlock", { resv: "b1.resv" })
        .step(...job("j1", "read", "p1")),
    { also: ["RESV-46"] },
  ),
];

export const mutants: readonly Mutant[] = examples.map((example) => example.mutant);
