import type { ProgramBuilder } from "../../../spec/builder.ts";
import type { Exporter } from "../../../spec/roles/exporter.ts";
import type { Importer } from "../../../spec/roles/importer.ts";
import { type Example, inExporter, inImporter, type Made, type Rest, type Show, shownBy } from "../faulty.ts";

/** A fault in the reference exporter. */
export function faultyExporter(
  rule: string,
  words: string,
  fault: Made<Exporter>,
  show: Show,
  rest: Rest = {},
): Example {
  return shownBy(inExporter(rule, words, fault, rest), show);
}

/** A fault in a kind of the reference's importers. */
export function faultyImporter(
  kind: "subject" | "pinnedRevocable",
  rule: string,
  words: string,
  fault: Made<Importer>,
  show: Show,
  rest: Rest = {},
): Example {
  return shownBy(inImporter(rule, words, fault, { ...rest, kind }), show);
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
