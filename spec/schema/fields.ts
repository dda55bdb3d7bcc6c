import { z } from "zod";
import { quoted } from "../bad-input.ts";
import { didYouMean } from "../closest.ts";
import { namePattern, nameWords } from "../limits.ts";

// Every message here is half a sentence that `refuse` completes: what starts with "expected" gets ", got …" behind it.

type Words = { readonly error: string };

/** `expected …` as zod takes a message. */
export function expected(what: string): Words {
  return { error: `expected ${what}` };
}

/** An integer in a closed range. */
export function integerField(minimum: number, maximum: number) {
  const words = expected(`an integer from ${minimum} to ${maximum}`);
  return z.int(words).min(minimum, words).max(maximum, words);
}

/** Any integer that JavaScript holds exactly. */
export const wholeNumber = z.int(expected("an integer"));

export const flagField = z.boolean(expected("true or false"));

/** A name of a program. */
export const nameField = z.string(expected(nameWords)).regex(namePattern, expected(nameWords));

const nameOrNull = expected(`${nameWords} or null`);
export const nullableNameField = z.string(nameOrNull).regex(namePattern, nameOrNull).nullable();

/** One of a few words. */
export function wordField<const W extends readonly string[]>(words: W) {
  return z.enum(words, expected(`one of ${words.map((word) => JSON.stringify(word)).join(", ")}`));
}

/** Text of any kind, empty included. */
export const textField = z.string(expected("text"));

export function textOrNullField(maximum: number) {
  const words = expected(`text of at most ${maximum} characters or null`);
  return z.string(words).max(maximum, words).nullable();
}

/** A list. `maximum` entries at most. */
export function listField<T extends z.ZodType>(type: T, maximum = Number.MAX_SAFE_INTEGER) {
  const list = z.array(type, expected("a list"));
  return maximum === Number.MAX_SAFE_INTEGER
    ? list
    : list.max(maximum, { error: `more than ${maximum} entries; leave some out` });
}

/** An object with exactly these fields. `what` names it in messages: "a step". */
export function record<S extends z.core.$ZodLooseShape>(what: string, shape: S) {
  return z.strictObject(shape, {
    error: (issue) => {
      if (issue.code !== "unrecognized_keys") return `expected ${what} (an object)`;
      const [key] = issue.keys as readonly string[];
      const known = Object.keys(shape);
      return `unknown field ${quoted(key!)}${didYouMean(key!, known, `${what} has ${known.join(", ")}`)}`;
    },
  });
}

/** One of several records, told apart by one field. `unknown` says what to do about a word that is none of theirs. */
export function variants<O extends readonly [z.core.$ZodTypeDiscriminable, ...z.core.$ZodTypeDiscriminable[]]>(
  field: string,
  what: string,
  options: O,
  unknown: (word: string) => string,
) {
  return z.discriminatedUnion(field, options, {
    error: (issue) => {
      const input: unknown = issue.input;
      if (typeof input !== "object" || input === null || Array.isArray(input)) return `expected ${what} (an object)`;
      const word = (input as Readonly<Record<string, unknown>>)[field];
      return typeof word === "string" ? unknown(word) : `expected the ${field} of ${what}`;
    },
  });
}
