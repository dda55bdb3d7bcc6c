import { program, type ProgramBuilder } from "../../../spec/builder.ts";
import type { Program } from "../../../spec/program.ts";
import type { Mutant } from "../mutant.ts";
import { referenceSystem } from "../../../conformance/reference-system.ts";
import type { Factory, System } from "../../../harness/system.ts";
import type { ReferenceBuffers } from "../../../reference-impl/buffers/buffers.ts";
import type { Env } from "../../../spec/roles/env.ts";
import type { Exporter } from "../../../spec/roles/exporter.ts";
import type { Importer } from "../../../spec/roles/importer.ts";
import type { Blocking, Suspension } from "../../../spec/roles/suspendable.ts";

/** The reference with this exporter in place of its own. */
export function withExporter(make: Factory<Exporter>, kind = "subject"): System {
  return referenceSystem({ exporters: { [kind]: make } });
}

/** The reference with this importer in place of its own of that kind. */
export function withImporter(kind: "subject" | "pageTable" | "pinnedRevocable", make: Factory<Importer>): System {
  return referenceSystem({ importers: { [kind]: make } });
}

/** The reference with another core. */
export function withBuffers(make: (env: Env) => ReferenceBuffers): System {
  return referenceSystem({ buffers: make });
}

type Patch = { readonly [K in keyof Env]?: unknown };

/** An env of which some calls do something else. */
export function patched(env: Env, patch: Patch): Env {
  return Object.assign(Object.create(env) as Env, patch);
}

/** A generator as the result of a call that may block. */
export function blocking<T>(body: Generator<Suspension, T, unknown>): Blocking<T> {
  return body as Blocking<T>;
}

/** A method that may block and does not. */
export function* plainly<T>(body: () => T): Generator<Suspension, T, unknown> {
  yield* [];
  return body();
}

/** A mutant with a short program that shows it. */
export interface Example {
  readonly mutant: Mutant;
  readonly program: Program;
}

/** Pairs a mutant with its program, which begins with the export of b1. */
export function example(
  shown: Mutant,
  setup: (builder: ProgramBuilder) => ProgramBuilder,
  steps: (builder: ProgramBuilder) => ProgramBuilder,
): Example {
  const begun = setup(program(shown.profile)).step("export", { buffer: "b1" });
  return { mutant: shown, program: steps(begun).build() };
}

/** An importer that drives itself. */
export function drives(kind: string): (builder: ProgramBuilder) => ProgramBuilder {
  return (builder) => builder.importer("i1", { kind });
}

/** An importer that the program plays, and that leaves its unmaps for later. */
export function defers(builder: ProgramBuilder): ProgramBuilder {
  return builder.importer("i1", { onInvalidate: "defer" });
}

/** One job on import p1. */
export function submit(builder: ProgramBuilder, job: string): ProgramBuilder {
  return builder.step("submit", { importer: "i1", imports: ["p1"], kind: "write", job });
}

/** Import p1 of b1, with a first job. */
export function imported(builder: ProgramBuilder): ProgramBuilder {
  return submit(builder.step("import", { importer: "i1", buffer: "b1", import: "p1" }), "j1");
}

/** An invalidate of b1 that nothing follows. */
export function spurious(builder: ProgramBuilder): ProgramBuilder {
  return builder
    .step("lock", { resv: "b1.resv" })
    .step("invalidate", { buffer: "b1" })
    .step("unlock", { resv: "b1.resv" });
}

/** Attachment a1 of i1 with mapping m1. */
export function mapped(builder: ProgramBuilder): ProgramBuilder {
  return builder
    .step("attach", { importer: "i1", buffer: "b1", attachment: "a1" })
    .step("mapUnlocked", { attachment: "a1", mapping: "m1" });
}

/** A BOOKKEEP fence of the program's in b1. */
export function fenced(builder: ProgramBuilder): ProgramBuilder {
  return builder
    .step("fenceInit", { fence: "f1", timeline: 1, seqno: 1 })
    .step("lock", { resv: "b1.resv" })
    .step("reserveFences", { resv: "b1.resv", count: 1 })
    .step("addFence", { resv: "b1.resv", fence: "f1", usage: "bookkeep" })
    .step("unlock", { resv: "b1.resv" });
}
