import { referenceSystem, type Replacement } from "../../conformance/reference-system.ts";
import { program, type ProgramBuilder } from "../../spec/builder.ts";
import type { Program } from "../../spec/program.ts";
import type { Env } from "../../spec/roles/env.ts";
import type { Exporter } from "../../spec/roles/exporter.ts";
import type { Importer } from "../../spec/roles/importer.ts";
import { mutant, type Mutant } from "./mutant.ts";

/** A mutant with the shortest program that shows it. */
export interface Example {
  readonly mutant: Mutant;
  readonly program: Program;
}

export type Rest = Parameters<typeof mutant>[3];
export type Show = (builder: ProgramBuilder) => ProgramBuilder;

/** The class with the fault in it. `reached` is called where the fault takes effect. */
export type Made<Role> = (reached: () => void) => new (env: Env) => Role;

type Define<Role, Options> = (rule: string, words: string, fault: Made<Role>, rest?: Options) => Mutant;

/** Mutants of one part of the system: `place` says where the faulty class goes. */
export function faultyPart<Role>(place: (make: (env: Env) => Role) => Replacement): Define<Role, Rest> {
  return (rule, words, fault, rest) => {
    const system = (reached: () => void) => {
      const Faulty = fault(reached);
      return referenceSystem(place((env) => new Faulty(env)));
    };
    return mutant(rule, words, system, rest);
  };
}

/** Options of a mutant in a role that comes in kinds. */
export type OfKind = Rest & { readonly kind?: string };

function ofKind<Role>(place: (kind: string, make: (env: Env) => Role) => Replacement): Define<Role, OfKind> {
  return (rule, words, fault, { kind = "subject", ...rest } = {}) =>
    faultyPart<Role>((make) => place(kind, make))(rule, words, fault, rest);
}

/** A fault in a kind of exporter, the subject unless named. */
export const inExporter = ofKind<Exporter>((kind, make) => ({ exporters: { [kind]: make } }));

/** A fault in a kind of importer, the subject unless named. */
export const inImporter = ofKind<Importer>((kind, make) => ({ importers: { [kind]: make } }));

/** A mutant with the program that shows it, drawn by hand. */
export function shownBy(faulty: Mutant, show: Show): Example {
  return { mutant: faulty, program: show(program(faulty.profile)).build() };
}
