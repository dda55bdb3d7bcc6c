import { referenceSystem } from "../../../conformance/reference-system.ts";
import { program, type ProgramBuilder } from "../../../spec/builder.ts";
import type { Program } from "../../../spec/program.ts";
import type { BufferFramework } from "../../../spec/roles/buffers.ts";
import type { Env } from "../../../spec/roles/env.ts";
import type { Exporter } from "../../../spec/roles/exporter.ts";
import type { Importer } from "../../../spec/roles/importer.ts";
import { mutant, type Mutant } from "../mutant.ts";

/** A mutant with the shortest program that shows it. */
export interface Example {
  readonly mutant: Mutant;
  readonly program: Program;
}

type Rest = Parameters<typeof mutant>[3];
type Show = (builder: ProgramBuilder) => ProgramBuilder;
type Made<Role> = (reached: () => void) => new (env: Env) => Role;

function example(faulty: Mutant, show: Show): Example {
  return { mutant: faulty, program: show(program(faulty.profile)).build() };
}

/** A fault in the core. */
export function faultyCore(rule: string, words: string, fault: Made<BufferFramework>, show: Show, rest: Rest = {}) {
  const system = (reached: () => void) => {
    const Faulty = fault(reached);
    return referenceSystem({ buffers: (env) => new Faulty(env) });
  };
  return example(mutant(rule, words, system, rest), show);
}

/** A fault in a kind of exporter. */
export function faultyExporter(
  rule: string,
  words: string,
  fault: Made<Exporter>,
  show: Show,
  rest: Rest & { readonly kind?: string } = {},
) {
  const system = (reached: () => void) => {
    const Faulty = fault(reached);
    return referenceSystem({ exporters: { [rest.kind ?? "subject"]: (env) => new Faulty(env) } });
  };
  return example(mutant(rule, words, system, withoutKind(rest)), show);
}

/** A fault in a kind of importer. */
export function faultyImporter(
  rule: string,
  words: string,
  fault: Made<Importer>,
  show: Show,
  rest: Rest & { readonly kind?: string } = {},
) {
  const system = (reached: () => void) => {
    const Faulty = fault(reached);
    return referenceSystem({ importers: { [rest.kind ?? "subject"]: (env) => new Faulty(env) } });
  };
  return example(mutant(rule, words, system, withoutKind(rest)), show);
}

function withoutKind({ kind: _kind, ...rest }: NonNullable<Rest> & { readonly kind?: string }) {
  return rest;
}

export const b1 = { buffer: "b1" } as const;
export const fd1 = { buffer: "b1", fd: "fd1" } as const;
export const a1 = { importer: "i1", buffer: "b1", attachment: "a1" } as const;
export const p1 = { importer: "i1", buffer: "b1", import: "p1", direction: "bidirectional" } as const;
export const m1 = { attachment: "a1", direction: "bidirectional", mapping: "m1" } as const;

/** A static exporter, which takes static importers, and an importer of this kind. */
export function staticWorld(builder: ProgramBuilder, importer: string): ProgramBuilder {
  return builder.exporter("e1", { kind: "static" }).importer("i1", { kind: importer }).step("export", b1);
}
