import { referenceSystem, type Replacement } from "../../../conformance/reference-system.ts";
import type { LocklessCursor } from "../../../reference-impl/reservations/lockless-cursor.ts";
import { ReferenceReservations } from "../../../reference-impl/reservations/reservations.ts";
import type { WaitDieClass } from "../../../reference-impl/reservations/ww-mutex.ts";
import type { Exec } from "../../../reference-impl/importers/exec.ts";
import { PageTableImporter } from "../../../reference-impl/importers/page-table-importer.ts";
import type { ProgramBuilder } from "../../../spec/builder.ts";
import type { Env } from "../../../spec/roles/env.ts";
import type { Importer } from "../../../spec/roles/importer.ts";
import {
  type Example,
  faultyPart,
  inImporter,
  type Made,
  type OfKind,
  type Rest,
  type Show,
  shownBy,
} from "../faulty.ts";
import { mutant } from "../mutant.ts";

/** A fault anywhere: `fault` says which parts take the reference's place. */
export function faulty(
  rule: string,
  words: string,
  fault: (reached: () => void) => Replacement,
  show: Show,
  rest?: Rest,
) {
  return shownBy(
    mutant(rule, words, (reached) => referenceSystem(fault(reached)), rest),
    show,
  );
}

const inObjects = faultyPart<ReferenceReservations>((reservations) => ({ reservations }));

/** A fault in reservation objects. */
export function faultyObjects(
  rule: string,
  words: string,
  fault: Made<ReferenceReservations>,
  show: Show,
  rest?: Rest,
): Example {
  return shownBy(inObjects(rule, words, fault, rest), show);
}

/** A fault in their locks. */
export function faultyLocks(rule: string, words: string, fault: Made<WaitDieClass>, show: Show, rest?: Rest) {
  const objects = (reached: () => void) => {
    const Locks = fault(reached);
    return { reservations: (env: Env) => new ReferenceReservations(env, new Locks(env)) };
  };
  return faulty(rule, words, objects, show, rest);
}

/** A fault in walks without the lock. */
export function faultyWalks(
  rule: string,
  words: string,
  fault: (reached: () => void) => typeof LocklessCursor,
  show: Show,
  rest?: Rest,
) {
  const objects = (reached: () => void) => {
    const Cursor = fault(reached);
    return class extends ReferenceReservations {
      protected override iterateUnlocked(...args: Parameters<ReferenceReservations["iterateUnlocked"]>) {
        return new Cursor(this.env, ...args);
      }
    };
  };
  return faultyObjects(rule, words, objects, show, rest);
}

/** A fault in the dynamic importer, or in another one that takes the place of `kind`. */
export function faultyImporter(rule: string, words: string, fault: Made<Importer>, show: Show, rest?: OfKind): Example {
  return shownBy(inImporter(rule, words, fault, rest), show);
}

/** A fault in how an importer locks: the one with a page table, which takes two locks for one buffer. */
export function faultyExec(rule: string, words: string, fault: Made<Exec>, show: Show, rest?: Rest) {
  const importer = (reached: () => void) => {
    const Faulty = fault(reached);
    return class extends PageTableImporter {
      protected override createExec() {
        return new Faulty(this.env);
      }
    };
  };
  return faultyImporter(rule, words, importer, show, { ...rest, kind: "pageTable" });
}

export const r1 = { resv: "r1" } as const;
export const p1 = { importer: "i1", buffer: "b1", import: "p1", direction: "bidirectional" } as const;

/** Two reservation objects of no buffer. */
export function objects(builder: ProgramBuilder): ProgramBuilder {
  return builder.reservation("r1").reservation("r2");
}

/** A fence of the program; on a timeline of its own unless said otherwise. */
export function fence(
  name: `f${number}`,
  timeline: number = Number(name.slice(1)),
  seqno = 1,
  hooks: readonly ("enableSignaling" | "signaled" | "setDeadline")[] = [],
) {
  return ["fenceInit", { fence: name, timeline, seqno, hooks }] as const;
}

/** Object r1 locked, with slots, holding these fences; the lock is kept. */
export function filled(
  builder: ProgramBuilder,
  made: readonly ReturnType<typeof fence>[],
  added: readonly (readonly [string, "kernel" | "write" | "read" | "bookkeep"])[],
): ProgramBuilder {
  for (const step of made) builder.step(...step);
  builder.step("lock", r1).step("reserveFences", { ...r1, count: Math.max(1, added.length) });
  for (const [name, usage] of added) builder.step("addFence", { ...r1, fence: name, usage });
  return builder;
}

/** Importer i1 drives itself and has taken b1 into use, as p1. */
export function imported(builder: ProgramBuilder, kind = "subject"): ProgramBuilder {
  return builder.importer("i1", { kind }).buffer("b1").buffer("b2").step("export", { buffer: "b1" }).step("import", p1);
}

/** As `imported`, with b2 as p2. */
export function importedBoth(builder: ProgramBuilder): ProgramBuilder {
  return imported(builder)
    .step("export", { buffer: "b2" })
    .step("import", { ...p1, buffer: "b2", import: "p2" });
}

/** A job of i1. */
export function job(name: string, kind: "read" | "write", ...imports: readonly string[]) {
  return ["submit", { importer: "i1", imports, kind, job: name }] as const;
}

/** An older context of t2 has b1 until the job of t1, which has the page table, has backed off. */
export function contended(builder: ProgramBuilder): ProgramBuilder {
  return imported(builder, "pageTable")
    .task("t2")
    .step("acquireInit", { acquire: "w1" })
    .step("lock", { resv: "b1.resv", acquire: "w1" })
    .task("t1")
    .step(...job("j1", "read", "p1"))
    .task("t2")
    .step("unlock", { resv: "b1.resv" });
}
