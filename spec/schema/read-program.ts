import { BadInput } from "../bad-input.ts";
import { programProblem } from "../check-program.ts";
import { limits } from "../limits.ts";
import { contractOfKey, type AddedContract } from "../added-contract.ts";
import { programSchema, type Program } from "../program.ts";
import { parseJson } from "./json-text.ts";
import { programTypeOf } from "./program-schema.ts";
import { badInput, refuse, type Source } from "./refuse.ts";

/** Refuses what is too long to be looked at. */
export function checkLength(text: string, origin: string, most: number): void {
  if (text.length <= most) return;
  const size = (text.length / 2 ** 20).toFixed(1);
  throw new BadInput(
    "limit",
    origin,
    `the file has ${size} MiB, at most ${most / 2 ** 20} MiB are read; make it shorter`,
  );
}

/** Another version of a format: told before anything else, as all else would only confuse. */
export function checkVersion(source: Source, value: unknown, path: readonly PropertyKey[], current: number): void {
  if (!isRecord(value) || !("schema" in value) || value["schema"] === current) return;
  const got = JSON.stringify(value["schema"]);
  const problem = `expected format version ${current}, got ${got}; use the dmabuf-conformance that wrote the file`;
  throw badInput(source, [...path, "schema"], "version", problem);
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The contract of a program, null for the core. Throws for a file of another version, or of a contract that is not known. */
export function checkProgramKind(source: Source, value: unknown, path: readonly PropertyKey[]): AddedContract | null {
  checkVersion(source, value, path, programSchema);
  const contract = isRecord(value) ? value["contract"] : null;
  const found = typeof contract === "string" ? contractOfKey(contract) : null;
  if (typeof found === "string") throw badInput(source, [...path, "contract"], "contract", found);
  return found;
}

/** Throws if a well-formed program makes no sense. `path`: where in the source it stands. */
export function checkMeaning(source: Source, program: Program, path: readonly PropertyKey[]): void {
  const problem = programProblem(program);
  if (problem !== null) throw badInput(source, [...path, ...problem.path], problem.code, problem.text);
}

/**
 * Reads a program file. `origin` is what messages call it, usually its file name.
 * Throws BadInput with the line and the field for anything that is not a complete, well-formed program whose names are bound.
 */
export function readProgram(text: string, origin: string): Program {
  checkLength(text, origin, limits.programText);
  const source: Source = { text, origin, firstLine: 1 };
  const value = parseJson(text, origin);
  if (isRecord(value) && !("steps" in value) && ("events" in value || value["kind"] === "header"))
    throw badInput(source, [], "version", 'a history, not a program; its program stands under its key "program"');
  const contract = checkProgramKind(source, value, []);
  const result = programTypeOf(contract).safeParse(value);
  if (!result.success) throw refuse(source, value, result.error.issues);
  checkMeaning(source, result.data, []);
  return result.data;
}
