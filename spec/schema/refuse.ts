import type { z } from "zod";
import { BadInput, quoted, type BadInputCode } from "../bad-input.ts";
import { lineOf, whereText } from "./json-text.ts";

/** Where a value came from, to point into it. */
export interface Source {
  readonly text: string;
  readonly origin: string;
  /** Line of the file on which the text begins. */
  readonly firstLine: number;
}

/** A BadInput at one place of a text. */
export function badInput(source: Source, path: readonly PropertyKey[], code: BadInputCode, problem: string): BadInput {
  const line = lineOf(source.text, path, source.firstLine);
  return new BadInput(code, whereText(source.origin, line, path), problem);
}

/** A value as a message shows it: short. */
function shown(value: unknown): string {
  if (value === undefined) return "nothing: the field is missing";
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object" && value !== null) return "an object";
  return typeof value === "string" ? quoted(value) : JSON.stringify(value);
}

function at(value: unknown, path: readonly PropertyKey[]): unknown {
  let found = value;
  for (const part of path) {
    if (typeof found !== "object" || found === null || !Object.hasOwn(found, part)) return undefined;
    found = (found as Readonly<Record<PropertyKey, unknown>>)[part];
  }
  return found;
}

function codeOf(issue: z.core.$ZodIssue): BadInputCode {
  if (issue.code === "invalid_union" && issue.discriminator === "op" && issue.message.startsWith("unknown"))
    return "operation";
  if (issue.code === "too_big" && issue.origin === "array") return "limit";
  return issue.path.at(-1) === "profile" ? "profile" : "field";
}

/** The first thing zod found, as one sentence with its line. A misspelt field beats the missing one it stands for. */
export function refuse(source: Source, value: unknown, issues: readonly z.core.$ZodIssue[]): BadInput {
  const first = issues[0]!;
  const around = first.path.slice(0, -1).join("\n");
  const misspelt =
    at(value, first.path) === undefined
      ? issues.find((issue) => issue.code === "unrecognized_keys" && issue.path.join("\n") === around)
      : undefined;
  const issue = misspelt ?? first;
  const path = issue.code === "unrecognized_keys" ? [...issue.path, issue.keys[0]!] : issue.path;
  const { message } = issue;
  const problem = message.startsWith("expected ") ? `${message}, got ${shown(at(value, path))}` : message;
  return badInput(source, path, codeOf(issue), problem);
}
