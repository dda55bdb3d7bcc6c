import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { BadInput } from "../spec/bad-input.ts";
import { programsOf, type Counterexample } from "../conformance/counterexample.ts";
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

/**
 * The programs stored in a folder, in the order of the files' names: programs and counterexamples (.json), and lists of
 * programs, one a line (.ndjson). Throws BadInput for a folder that is not there and for a broken file.
 */
export function readCorpus(folder: string): readonly Program[] {
  let names: readonly string[];
  try {
    names = readdirSync(folder).toSorted();
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new BadInput("file", folder, `cannot be read as a corpus (${why}); give a folder`);
  }
  return names.flatMap((name) => {
    const path = join(folder, name);
    if (name.endsWith(".ndjson")) return readList(path);
    return name.endsWith(".json") ? readStored(path) : [];
  });
}

function readList(path: string): readonly Program[] {
  return readText(path)
    .split("\n")
    .flatMap((line, index) => (line.trim() === "" ? [] : [readProgram(line, `${path} line ${index + 1}`)]));
}

/** The programs of a counterexample or a program file; none of a file that is neither, as reports are. */
function readStored(path: string): readonly Program[] {
  const text = readText(path);
  const counterexample = asCounterexample(text);
  if (counterexample !== null)
    return programsOf(counterexample).map((program) =>
      readProgram(JSON.stringify(program, null, 2), `${path} (program)`),
    );
  return /^\s*\{\s*"schema":\s*\d+,\s*"contract"/.test(text) || !isJson(text) ? [readProgram(text, path)] : [];
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
