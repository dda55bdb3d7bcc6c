import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { BadInput } from "../spec/bad-input.ts";
import type { Counterexample } from "../conformance/counterexample.ts";
import type { Program } from "../spec/program.ts";
import { readProgram } from "../spec/schema/read-program.ts";

/** The text of a file. Throws BadInput where it cannot be read. */
export function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    const why = code === "ENOENT" ? "there is no such file" : `it cannot be read (${code ?? String(error)})`;
    throw new BadInput("file", path, `${why}; give the path of a program or counterexample file`);
  }
}

/** What a file to replay holds: the programs that break the rule, more than one where they break it together. */
interface ReplayFile {
  readonly program: Program;
  readonly others: readonly Program[];
  readonly rule: string | null;
}

/** A program file, or the program inside a counterexample file. Throws BadInput with file, line and field. */
export function readReplayFile(path: string): ReplayFile {
  const text = readText(path);
  const counterexample = asCounterexample(text);
  if (counterexample === null) return { program: readProgram(text, path), others: [], rule: null };
  // Read again as a program of its own: a hand-edited counterexample is checked like any other input.
  const again = (program: Program, where: string) =>
    readProgram(JSON.stringify(program, null, 2), `${path} (${where})`);
  return {
    program: again(counterexample.program, "program"),
    others: (counterexample.others ?? []).map((other, index) => again(other.program, `others ${index + 1}`)),
    rule: counterexample.rule,
  };
}

function asCounterexample(text: string): Counterexample | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  const record = value as Partial<Counterexample> | null;
  const isOne = typeof record === "object" && record !== null && typeof record.rule === "string" && "program" in record;
  return isOne ? (record as Counterexample) : null;
}

/** The counterexamples stored in a folder, in the order of their names. A folder that is not there holds none. Throws BadInput for a broken file. */
export function readCorpus(folder: string): readonly Counterexample[] {
  let names: readonly string[];
  try {
    names = readdirSync(folder).toSorted();
  } catch {
    return [];
  }
  return names.flatMap((name) => {
    if (!name.endsWith(".json")) return [];
    const path = join(folder, name);
    const counterexample = asCounterexample(readText(path));
    if (counterexample === null) return [];
    readReplayFile(path);
    return [counterexample];
  });
}
