import { referenceSystem } from "../../../conformance/reference-system.ts";
import type { Env } from "../../../spec/roles/env.ts";
import type { Exporter } from "../../../spec/roles/exporter.ts";
import type { Importer } from "../../../spec/roles/importer.ts";
import type { Program } from "../../../spec/program.ts";
import { program, type ProgramBuilder } from "../../../spec/builder.ts";
import { mutant, type Mutant } from "../mutant.ts";

/** A mutant with the shortest program that shows it. */
export interface Example {
  readonly mutant: Mutant;
  readonly program: Program;
}

type Rest = Parameters<typeof mutant>[3];

/** A fault in the reference exporter. */
export function faultyExporter(
  rule: string,
  words: string,
  fault: (reached: () => void) => new (env: Env) => Exporter,
  show: (builder: ProgramBuilder) => ProgramBuilder,
  rest: Rest = {},
): Example {
  const faulty = mutant(
    rule,
    words,
    (reached) => {
      const Faulty = fault(reached);
      return referenceSystem({ exporters: { subject: (env) => new Faulty(env) } });
    },
    rest,
  );
  return { mutant: faulty, program: show(program(faulty.profile)).build() };
}

/** A fault in a kind of the reference's importers. */
export function faultyImporter(
  kind: "subject" | "pinnedRevocable",
  rule: string,
  words: string,
  fault: (reached: () => void) => new (env: Env) => Importer,
  show: (builder: ProgramBuilder) => ProgramBuilder,
  rest: Rest = {},
): Example {
  const faulty = mutant(
    rule,
    words,
    (reached) => {
      const Faulty = fault(reached);
      return referenceSystem({ importers: { [kind]: (env) => new Faulty(env) } });
    },
    rest,
  );
  return { mutant: faulty, program: show(program(faulty.profile)).build() };
}

/** Importer i1 is the program's, and leaves its unmaps for later; buffer b1 is exported. */
export function deferring(builder: ProgramBuilder): ProgramBuilder {
  return builder.importer("i1", { onInvalidate: "defer" }).step("export", { buffer: "b1" });
}

/** Importer i1 is of this kind; buffer b1 is exported. */
export function played(kind: string): (builder: ProgramBuilder) => ProgramBuilder {
  return (builder) => builder.importer("i1", { kind }).step("export", { buffer: "b1" });
}

export const a1 = { importer: "i1", buffer: "b1", attachment: "a1" } as const;
export const m1 = { attachment: "a1", direction: "bidirectional", mapping: "m1" } as const;
export const own = { importer: "i1", buffer: "b1", import: "p1", direction: "bidirectional" } as const;
export const j1 = { importer: "i1", imports: ["p1"], kind: "read", job: "j1" } as const;
