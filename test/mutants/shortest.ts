import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { lengthOf } from "../../generators/shrink/session.ts";
import type { Program } from "../../spec/program.ts";

const lengthsFile = "test/mutants/shortest.json";
const programsFile = "test/mutants/shortest-programs.ndjson";

/** The shortest counterexample known for each mutant, by the mutant's name. */
export type ShortestKnown = ReadonlyMap<string, Program>;

/** Lengths alone, as a reader of changes wants them: steps, preemptions and failures. */
export function readLengths(): ReadonlyMap<string, number> {
  return new Map(Object.entries(JSON.parse(readFileSync(lengthsFile, "utf8")) as Readonly<Record<string, number>>));
}

/** The programs that prove the lengths. */
export function readShortest(): ShortestKnown {
  const lines = existsSync(programsFile) ? readFileSync(programsFile, "utf8").split("\n") : [];
  const rows = lines
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as { mutant: string; program: Program });
  return new Map(rows.map(({ mutant, program }) => [mutant, program]));
}

/** Stores both, for the mutants of these names, in this order. */
export function writeShortest(names: readonly string[], known: ShortestKnown): void {
  const rows = names.flatMap((mutant) => (known.has(mutant) ? [{ mutant, program: known.get(mutant)! }] : []));
  const lengths = Object.fromEntries(rows.map(({ mutant, program }) => [mutant, lengthOf(program)]));
  writeFileSync(lengthsFile, `${JSON.stringify(lengths, null, 2)}\n`);
  writeFileSync(programsFile, rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
}

/** Counterexamples of one run beside the shortest known. */
export interface Lengths {
  /** Those shorter than what is stored, or of a mutant nothing is stored for. */
  readonly shorter: readonly { readonly name: string; readonly length: number; readonly known: number | null }[];
  readonly equal: number;
  /** Steps that the longest of them is longer than what is stored. */
  readonly worst: number;
  /** What is stored, with the shorter ones in it. */
  readonly best: ShortestKnown;
}

export function compareLengths(found: readonly (readonly [string, Program])[], known: ShortestKnown): Lengths {
  const rows = found.map(([name, program]) => {
    const stored = known.get(name);
    return { name, length: lengthOf(program), known: stored === undefined ? null : lengthOf(stored) };
  });
  const shorter = rows.filter(({ length, known: stored }) => stored === null || length < stored);
  const names = new Set(shorter.map(({ name }) => name));
  return {
    shorter,
    equal: rows.filter(({ length, known: stored }) => length <= (stored ?? length)).length,
    worst: Math.max(0, ...rows.map(({ length, known: stored }) => length - (stored ?? length))),
    best: new Map([...known, ...found.filter(([name]) => names.has(name))]),
  };
}
