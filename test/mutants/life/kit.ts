import type { ProgramBuilder } from "../../../spec/builder.ts";
import type { BufferFramework } from "../../../spec/roles/buffers.ts";
import type { Exporter } from "../../../spec/roles/exporter.ts";
import type { Importer } from "../../../spec/roles/importer.ts";
import {
  type Example,
  faultyPart,
  inExporter,
  inImporter,
  type Made,
  type OfKind,
  type Rest,
  type Show,
  shownBy,
} from "../faulty.ts";

const inCore = faultyPart<BufferFramework>((buffers) => ({ buffers }));

/** A fault in the core. */
export function faultyCore(
  rule: string,
  words: string,
  fault: Made<BufferFramework>,
  show: Show,
  rest?: Rest,
): Example {
  return shownBy(inCore(rule, words, fault, rest), show);
}

/** A fault in a kind of exporter. */
export function faultyExporter(rule: string, words: string, fault: Made<Exporter>, show: Show, rest?: OfKind): Example {
  return shownBy(inExporter(rule, words, fault, rest), show);
}

/** A fault in a kind of importer. */
export function faultyImporter(rule: string, words: string, fault: Made<Importer>, show: Show, rest?: OfKind): Example {
  return shownBy(inImporter(rule, words, fault, rest), show);
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
