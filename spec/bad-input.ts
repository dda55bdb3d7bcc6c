/** What was wrong, for programs that branch on it. */
export type BadInputCode =
  /** Not JSON. */
  | "syntax"
  /** The file ends too early. */
  | "truncated"
  /** Too large, too many, too deep. */
  | "limit"
  /** Another kind of file, or another version of the format. */
  | "version"
  /** Written for another contract. */
  | "contract"
  /** No such kernel series. */
  | "profile"
  /** No such operation. */
  | "operation"
  /** A field is missing, unknown or of the wrong type. */
  | "field"
  /** A name that is not bound, or bound twice. */
  | "name"
  /** Events that do not follow each other. */
  | "sequence"
  /** A file or folder cannot be read or written. */
  | "file"
  /** No such rule. */
  | "rule"
  /** A command-line flag has a value it cannot have. */
  | "flag"
  /** A module that is no adapter. */
  | "adapter";

/**
 * Something a person handed in cannot be used. The message is complete without anything around it:
 * where, what is wrong there, and what to do about it. Print `message`, never the stack.
 */
export class BadInput extends Error {
  override readonly name = "BadInput";
  readonly code: BadInputCode;
  /** File, line and field; `program builder, step s3` where there is no file. */
  readonly where: string;

  constructor(code: BadInputCode, where: string, problem: string) {
    super(`${where}: ${problem}`);
    this.code = code;
    this.where = where;
  }
}

/** Text from outside as a message shows it: in quotes, on one line, short. */
export function quoted(text: string): string {
  return JSON.stringify(text.length > 50 ? `${text.slice(0, 47)}…` : text);
}

/** A path into a JSON value as people write it: `steps[3].direction`. Empty for the whole value. */
export function pathText(path: readonly PropertyKey[]): string {
  let text = "";
  for (const part of path) {
    if (typeof part === "number") text += `[${part}]`;
    else if (/^[A-Za-z_$][\w$]*$/.test(String(part))) text += `${text === "" ? "" : "."}${String(part)}`;
    else text += `[${quoted(String(part))}]`;
  }
  return text;
}
