import { referenceSubject } from "../conformance/reference-subject.ts";
import { builtIn } from "./built-in.ts";

/** A word as a shell takes it whole. */
function quoted(word: string): string {
  return /^[\w./@:+-]+$/.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`;
}

/**
 * The command that runs a stored program again on the subject it was found on. `word`: what `run` was told, a built-in
 * name or a module; null where nobody said, and where `name` is no built-in one the reader has to.
 */
export function replayWords(file: string, word: string | null, name: string): string {
  const command = `npx dmabuf-conformance replay ${quoted(file)}`;
  if (name === referenceSubject.name && (word === null || word === name)) return command;
  if (builtIn.some(({ subject }) => subject.name === name) && (word === null || word === name))
    return `${command} --subject ${quoted(name)}`;
  return `${command} --adapter ${word === null ? "MODULE" : quoted(word)} --subject ${quoted(name)}`;
}
