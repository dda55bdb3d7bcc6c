import { existsSync, readFileSync, writeFileSync } from "node:fs";
import type { Breadth } from "../../generators/enumerate/alphabet.ts";

const file = "test/mutants/exact.json";

/**
 * The exact minimum of a mutant: every shorter program over the alphabet of its stored counterexample, in that
 * counterexample's world and without preemptions, was run, and none breaks the rule.
 */
export interface Exact {
  readonly length: number;
  /** The widest alphabet for which that was shown, with the number of its operations. */
  readonly over: Breadth;
  readonly operations: number;
  /** Programs that were run for it. */
  readonly executions: number;
}

export function readExact(): ReadonlyMap<string, Exact> {
  const text = existsSync(file) ? readFileSync(file, "utf8") : "{}";
  return new Map(Object.entries(JSON.parse(text) as Readonly<Record<string, Exact>>));
}

/** One line a mutant. */
export function writeExact(exact: ReadonlyMap<string, Exact>): void {
  const lines = [...exact].map(([name, row]) => {
    const fields = Object.entries(row).map(([key, value]) => `${JSON.stringify(key)}: ${JSON.stringify(value)}`);
    return `  ${JSON.stringify(name)}: { ${fields.join(", ")} }`;
  });
  writeFileSync(file, `{\n${lines.join(",\n")}\n}\n`);
}
