import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { BadInput } from "../../../spec/bad-input.ts";
import { lineOf, parseJson } from "../../../spec/schema/json-text.ts";

function refused(text: string): BadInput {
  try {
    parseJson(text, "f.json");
  } catch (error) {
    if (error instanceof BadInput) return error;
    throw error;
  }
  throw new Error(`accepted: ${text}`);
}

function accepts(parse: (text: string) => unknown, text: string): boolean {
  try {
    parse(text);
    return true;
  } catch {
    return false;
  }
}

const json = fc.jsonValue().filter((value) => !JSON.stringify(value).includes("__proto__"));
const spacing = fc.constantFrom(undefined, 1, "\t");

describe("parseJson", () => {
  it("reads what JSON.stringify writes", () => {
    fc.assert(
      fc.property(json, spacing, (value, space) => {
        const text = JSON.stringify(value, null, space);
        expect(parseJson(text, "f.json")).toEqual(JSON.parse(text));
        expect(parseJson(`\uFEFF\r\n ${text}\n`, "f.json")).toEqual(JSON.parse(text));
      }),
    );
  });

  it("accepts what JSON.parse accepts and nothing else, after any one edit", () => {
    fc.assert(
      fc.property(
        json,
        spacing,
        fc.nat(),
        fc.constantFrom("", ",", "{", "}", "]", '"', "\\", "1", "-", ".", "e", "t", "\n", "\0", " "),
        fc.boolean(),
        (value, space, place, put, cut) => {
          const text = JSON.stringify(value, null, space);
          const at = place % (text.length + 1);
          const edited = text.slice(0, at) + put + text.slice(at + (cut ? 1 : 0));
          const accepted = accepts((input) => parseJson(input, "f.json"), edited);
          const message = accepted ? "" : refused(edited).message;
          // Two keys may have become equal: that is refused here, and not by JSON.parse.
          fc.pre(!message.includes("appears twice"));
          expect(accepted).toBe(accepts(JSON.parse, edited));
          expect(message).toMatch(/^(?:f\.json, line \d+.*: .*)?$/);
        },
      ),
      { numRuns: 2000 },
    );
  });

  it("tells a truncated file from a wrong one, with its last line", () => {
    fc.assert(
      fc.property(fc.array(json, { minLength: 1 }), spacing, fc.nat(), (value, space, place) => {
        const text = JSON.stringify(value, null, space);
        const part = text.slice(0, 1 + (place % (text.length - 1)));
        const error = refused(part);
        expect(error.code).toBe("truncated");
        expect(error.where).toMatch(new RegExp(`^f\\.json, line ${part.trimEnd().split("\n").length}(?:,|$)`));
      }),
    );
  });

  it.each([
    ["", "f.json, line 1: the file is empty; write it again"],
    [' \n{"a": [1, 2', "f.json, line 2, a: the file ends here and is truncated; copy or write it again in full"],
    [
      '{\n"a": 1\n"b": 2}',
      'f.json, line 3: not JSON: expected "," or "}", got "\\"b\\": 2}"; correct it or take an unedited copy',
    ],
    ['{\n"a": [\n1,\n]}', 'f.json, line 4, a: a comma stands before "]"; remove the comma'],
    ['{"a": {"b": 1,\n"b": 2}}', 'f.json, line 2, a: the key "b" appears twice in one object; keep one of the two'],
    ['{"a": 1}\nx', 'f.json, line 2: nothing may follow the end of the value, got "x"; remove what follows'],
    [
      '["a\n"]',
      "f.json, line 1, [0]: a text is not closed before its line ends; add the closing quote, write \\n for a line end",
    ],
    ['["\\q"]', 'f.json, line 1, [0]: a text has a wrong escape; a backslash is written "\\\\"'],
    [
      "{'a': 1}",
      "f.json, line 1: not JSON: expected a key in double quotes, got \"'a': 1}\"; correct it or take an unedited copy",
    ],
    ["[01]", 'f.json, line 1: not JSON: expected "," or "]", got "1]"; correct it or take an unedited copy'],
    ['{"__proto__": 1}', 'f.json, line 1: the key "__proto__" is not allowed; remove it'],
  ])("says where and what: %j", (text, message) => {
    expect(refused(text).message).toBe(message);
  });

  it("refuses nesting that would exhaust the stack", () => {
    expect(refused("[".repeat(1_000_000)).code).toBe("limit");
  });
});

describe("lineOf", () => {
  const text = '{\n "a": [\n  1,\n  {"b":\n   2}\n ],\n "c": {"a": 1,\n  "b": [\n 0]}}';

  it.each([
    [[], 1],
    [["a"], 2],
    [["a", 0], 3],
    [["a", 1], 4],
    [["a", 1, "b"], 4],
    [["c", "b"], 8],
    [["c", "b", 0], 9],
  ])("finds %j in line %i", (path, line) => {
    expect(lineOf(text, path)).toBe(line);
    expect(lineOf(text, path, 11)).toBe(line + 10);
  });

  it("answers with what is around a value that is missing", () => {
    expect(lineOf(text, ["a", 1, "x"])).toBe(4);
    expect(lineOf(text, ["x"])).toBe(1);
    expect(lineOf(text, ["c", "a", "b"])).toBe(7);
  });
});
