import type { Fence, Usage } from "../../../spec/roles/handles.ts";
import { DynamicImporter } from "../../../reference-impl/importers/dynamic-importer.ts";
import type { Submission } from "../../../reference-impl/importers/submission.ts";
import type {
  ListEntry,
  ReferenceReservation,
  ReservationList,
} from "../../../reference-impl/reservations/reservation.ts";
import { ReferenceReservations } from "../../../reference-impl/reservations/reservations.ts";
import type { Mutant } from "../mutant.ts";
import type { Example } from "../faulty.ts";
import { faultyImporter, faultyObjects, fence, filled, imported, job, objects, r1 } from "./kit.ts";

const all = { resv: "r1", usage: "bookkeep" } as const;

/** Faults in the entries of reservation objects. */
export const examples: readonly Example[] = [
  faultyImporter(
    "RESV-20",
    "a job's fence is added inside an array",
    (reached) =>
      class extends DynamicImporter {
        protected override addFence(submission: Submission, done: Fence) {
          reached();
          this.env.fenceGet(done);
          const array = this.env.createArray([done], this.env.fenceContextAlloc(1), 1n, false)!;
          super.addFence(submission, array);
          this.env.fencePut(array);
        }
      },
    (builder) => imported(builder).step(...job("j1", "read", "p1")),
  ),
  faultyObjects(
    "RESV-21",
    "a later fence pushes out a stronger one",
    (reached) =>
      class extends ReferenceReservations {
        protected override canReplace(old: ListEntry, added: Fence, level: number) {
          if (old.level < level) reached();
          return super.canReplace(old, added, 0);
        }
      },
    (builder) =>
      filled(
        objects(builder),
        [fence("f1", 1, 1), fence("f2", 1, 2)],
        [
          ["f1", "write"],
          ["f2", "read"],
        ],
      ).step("iterateFences", all),
    { from: ["M-FN5"], also: ["RESV-22"] },
  ),
  faultyObjects(
    "RESV-21",
    "an equal number of another fence counts as later",
    (reached) =>
      class extends ReferenceReservations {
        protected override isLaterOrSame(added: Fence, old: Fence) {
          if (added.seqno !== old.seqno) return super.isLaterOrSame(added, old);
          reached();
          return true;
        }
      },
    (builder) =>
      filled(
        objects(builder),
        [fence("f1", 1, 1), fence("f2", 1, 1)],
        [
          ["f1", "write"],
          ["f2", "write"],
        ],
      ).step("iterateFences", all),
    { also: ["RESV-22"] },
  ),
  faultyObjects(
    "RESV-21",
    "an earlier number replaces as well",
    (reached) =>
      class extends ReferenceReservations {
        protected override isLaterOrSame() {
          reached();
          return true;
        }
      },
    (builder) =>
      filled(
        objects(builder),
        [fence("f1", 1, 2), fence("f2", 1, 1)],
        [
          ["f1", "write"],
          ["f2", "write"],
        ],
      ).step("iterateFences", all),
    { also: ["RESV-22"] },
  ),
  faultyObjects(
    "RESV-22",
    "unlock drops the newest fence if it is BOOKKEEP",
    (reached) =>
      class extends ReferenceReservations {
        override unlock(resv: ReferenceReservation) {
          const table = resv.fences?.table ?? [];
          if (table.at(-1)?.usage === "bookkeep") {
            reached();
            this.env.fencePut(table.pop()!.fence);
          }
          super.unlock(resv);
        }
      },
    (builder) =>
      filled(objects(builder), [fence("f1")], [["f1", "bookkeep"]])
        .step("unlock", r1)
        .step("lock", r1)
        .step("iterateFences", all),
    { also: ["RESV-21"] },
  ),
  faultyObjects(
    "RESV-23",
    "adding a fence again as a weaker one weakens it",
    (reached) =>
      class extends ReferenceReservations {
        protected override canReplace(old: ListEntry, added: Fence, level: number) {
          if (old.fence !== added || old.level >= level) return super.canReplace(old, added, level);
          reached();
          return true;
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
      ).step("iterateFences", all),
    { also: ["RESV-21"] },
  ),
  faultyObjects(
    "RESV-45",
    "a replace stops at the first entry",
    (reached) =>
      class extends ReferenceReservations {
        override replaceFences(resv: ReferenceReservation, context: number, added: Fence, usage: Usage) {
          const rest = resv.fences?.table ?? [];
          const kept = rest.splice(rest.findIndex((entry) => entry.fence.context === context) + 1);
          if (kept.some((entry) => entry.fence.context === context)) reached();
          super.replaceFences(resv, context, added, usage);
          rest.push(...kept);
        }
      },
    (builder) =>
      filled(
        objects(builder),
        [fence("f1", 1, 2), fence("f2", 1, 1), fence("f3")],
        [
          ["f1", "write"],
          ["f2", "write"],
        ],
      )
        .step("replaceFences", { ...r1, old: "f1", fence: "f3", usage: "bookkeep" })
        .step("iterateFences", all),
  ),
  faultyObjects(
    "RESV-46",
    "an entry holds no reference of its own",
    (reached) =>
      class extends ReferenceReservations {
        override addFence(resv: ReferenceReservation, added: Fence, usage: Usage) {
          super.addFence(resv, added, usage);
          reached();
          this.env.fencePut(added);
        }
      },
    (builder) =>
      filled(objects(builder), [fence("f1")], [["f1", "read"]])
        .step("unlock", r1)
        .step("signal", { fence: "f1" })
        .step("fencePut", { fence: "f1" }),
  ),
  faultyObjects(
    "RESV-46",
    "what is overwritten keeps its reference",
    (reached) =>
      class extends ReferenceReservations {
        protected override setEntry(list: ReservationList, index: number, added: Fence, usage: Usage) {
          const old = list.table[index];
          if (old !== undefined) reached();
          if (old !== undefined) this.env.fenceGet(old.fence);
          super.setEntry(list, index, added, usage);
        }
      },
    (builder) =>
      filled(
        objects(builder),
        [fence("f1", 1, 1), fence("f2", 1, 2)],
        [
          ["f1", "read"],
          ["f2", "read"],
        ],
      ),
  ),
];

export const mutants: readonly Mutant[] = examples.map((example) => example.mutant);
