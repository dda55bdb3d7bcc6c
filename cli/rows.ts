import { wrap } from "../conformance/failure/text.ts";

/** A line of a text in two columns, wrapped. */
export function row(what: string, text: string): readonly string[] {
  return wrap(text, 62).map((line, index) => `  ${(index === 0 ? what : "").padEnd(16)}${line}`);
}
