import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { referenceSubject } from "../conformance/reference-subject.ts";
import type { Subject } from "../conformance/subject.ts";
import { BadInput } from "../spec/bad-input.ts";
import { builtIn } from "./built-in.ts";

/** Subjects that come with the suite, by name: the reference and the driver models. Throws BadInput for any other name. */
export function namedSubject(name: string): Subject {
  if (name === referenceSubject.name) return referenceSubject;
  const found = builtIn.find((entry) => entry.subject.name === name);
  if (found !== undefined) return found.subject;
  const names = [...new Set(builtIn.map((entry) => entry.subject.name))].join(", ");
  throw new BadInput("adapter", name, `there is no such subject; the built-in ones are ${names}`);
}

function isSubject(value: unknown): value is Subject {
  if (typeof value !== "object" || value === null) return false;
  const { name, exporter, importer, framework } = value as Readonly<Record<string, unknown>>;
  return typeof name === "string" && [exporter, importer, framework].some((role) => typeof role === "function");
}

/** What a word of the command line stands for: a built-in subject by name, or what a module exports. Throws BadInput. */
export async function findSubjects(word: string): Promise<readonly Subject[]> {
  if (word === referenceSubject.name || builtIn.some(({ subject }) => subject.name === word))
    return [namedSubject(word)];
  return loadSubject(word);
}

/** The subjects a module exports by default: one, or a list. Throws BadInput with what is missing. */
export async function loadSubject(path: string): Promise<readonly Subject[]> {
  let module: { readonly default?: unknown };
  try {
    module = (await import(pathToFileURL(resolve(path)).href)) as { readonly default?: unknown };
  } catch (error) {
    const why = error instanceof Error ? error.message.split("\n")[0]! : String(error);
    throw new BadInput("adapter", path, `cannot be loaded: ${why}`);
  }
  const subjects = Array.isArray(module.default) ? (module.default as readonly unknown[]) : [module.default];
  if (subjects.length > 0 && subjects.every(isSubject)) return subjects;
  throw new BadInput(
    "adapter",
    path,
    'the default export is no subject; export default { name: "mine", exporter: (env) => new Mine(env) } (or importer, or framework)',
  );
}
