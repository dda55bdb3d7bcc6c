import { BadInput, pathText, quoted } from "../bad-input.ts";

/** Deeper than any file of ours; keeps a hostile one from exhausting the stack. */
const deepest = 64;
const number = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const space = /[ \t\r\n]*/y;
const literals: readonly (readonly [string, boolean | null])[] = [
  ["true", true],
  ["false", false],
  ["null", null],
];

/**
 * JSON by the letter, with what JSON.parse does not give: the line of an error, the place where a truncated
 * file ends, refusal of keys that appear twice, and the line of any value (`lineOf`).
 */
class JsonText {
  private readonly text: string;
  private readonly origin: string;
  private readonly firstLine: number;
  private readonly wanted: readonly PropertyKey[];
  private at = 0;
  private readonly path: (string | number)[] = [];
  private matched = 0;
  /** Where the wanted value begins, or the innermost value around it that exists. */
  foundAt = 0;

  constructor(text: string, origin: string, firstLine: number, wanted: readonly PropertyKey[] = []) {
    this.text = text;
    this.origin = origin;
    this.firstLine = firstLine;
    this.wanted = wanted;
    if (text.charCodeAt(0) === 0xfeff) this.at = 1;
  }

  document(): unknown {
    this.skip();
    if (this.at >= this.text.length) throw this.error("truncated", "the file is empty; write it again");
    this.foundAt = this.at;
    const value = this.value();
    this.skip();
    if (this.at < this.text.length)
      throw this.error("syntax", `nothing may follow the end of the value, got ${this.here()}; remove what follows`);
    return value;
  }

  lineAt(position: number): number {
    let line = this.firstLine;
    for (
      let index = this.text.indexOf("\n");
      index >= 0 && index < position;
      index = this.text.indexOf("\n", index + 1)
    )
      line += 1;
    return line;
  }

  private value(): unknown {
    const char = this.text[this.at];
    if (char === "{") return this.object();
    if (char === "[") return this.array();
    if (char === '"') return this.string();
    number.lastIndex = this.at;
    const digits = number.exec(this.text)?.[0];
    if (digits !== undefined) {
      this.at += digits.length;
      if (!/^(?:\.|[eE][+-]?)$/.test(this.text.slice(this.at, this.at + 3))) return Number(digits);
      this.at = this.text.length;
      throw this.expected("the rest of a number");
    }
    for (const [word, value] of literals) {
      if (!this.text.startsWith(word, this.at)) continue;
      this.at += word.length;
      return value;
    }
    const rest = this.text.slice(this.at, this.at + 5);
    const cut = this.at + rest.length === this.text.length && literals.some(([word]) => word.startsWith(rest));
    if (cut || rest === "-") this.at = this.text.length;
    throw this.expected("a value");
  }

  private object(): unknown {
    const object: Record<string, unknown> = {};
    this.enter();
    if (this.closes("}")) return object;
    for (;;) {
      const start = this.at;
      if (this.text[start] !== '"') throw this.expected("a key in double quotes");
      const key = this.string();
      if (key === "__proto__") throw this.error("syntax", 'the key "__proto__" is not allowed; remove it');
      if (Object.hasOwn(object, key)) {
        this.at = start;
        throw this.error("syntax", `the key ${quoted(key)} appears twice in one object; keep one of the two`);
      }
      this.skip();
      if (this.text[this.at] !== ":") throw this.expected('":" after the key');
      this.at += 1;
      this.skip();
      object[key] = this.member(key, start);
      this.skip();
      if (this.closes("}")) return object;
      this.comma("}");
    }
  }

  private array(): unknown {
    const array: unknown[] = [];
    this.enter();
    if (this.closes("]")) return array;
    for (;;) {
      array.push(this.member(array.length, this.at));
      this.skip();
      if (this.closes("]")) return array;
      this.comma("]");
    }
  }

  private enter(): void {
    if (this.path.length >= deepest)
      throw this.error("limit", `nested deeper than ${deepest} levels; no file of ours is`);
    this.at += 1;
    this.skip();
  }

  private closes(bracket: string): boolean {
    if (this.text[this.at] !== bracket) return false;
    this.at += 1;
    return true;
  }

  private comma(bracket: string): void {
    if (this.text[this.at] !== ",") throw this.expected(`"," or "${bracket}"`);
    this.at += 1;
    this.skip();
    if (this.text[this.at] === bracket)
      throw this.error("syntax", `a comma stands before "${bracket}"; remove the comma`);
  }

  private member(part: string | number, start: number): unknown {
    const depth = this.path.length;
    if (this.matched === depth && depth < this.wanted.length && this.wanted[depth] === part) {
      this.matched = depth + 1;
      this.foundAt = start;
    }
    this.path.push(part);
    const value = this.value();
    this.path.pop();
    // Once the whole path was found, later members cannot match any more.
    if (this.matched > depth && this.matched < this.wanted.length) this.matched = depth;
    return value;
  }

  private string(): string {
    const start = this.at;
    let index = start + 1;
    let plain = true;
    for (; index < this.text.length; index += 1) {
      const code = this.text.charCodeAt(index);
      if (code === 0x22) break;
      if (code === 0x5c) {
        plain = false;
        index += 1;
      } else if (code < 0x20) {
        this.at = start;
        throw this.error(
          "syntax",
          "a text is not closed before its line ends; add the closing quote, write \\n for a line end",
        );
      }
    }
    if (index >= this.text.length) {
      this.at = this.text.length;
      throw this.expected("the rest of a text");
    }
    this.at = index + 1;
    if (plain) return this.text.slice(start + 1, index);
    try {
      return JSON.parse(this.text.slice(start, this.at)) as string;
    } catch {
      this.at = start;
      throw this.error("syntax", 'a text has a wrong escape; a backslash is written "\\\\"');
    }
  }

  private skip(): void {
    space.lastIndex = this.at;
    this.at += space.exec(this.text)![0].length;
  }

  private here(): string {
    return JSON.stringify(this.text.slice(this.at, this.at + 12).split("\n", 1)[0]);
  }

  private expected(what: string): BadInput {
    if (this.at < this.text.length)
      return this.error(
        "syntax",
        `not JSON: expected ${what}, got ${this.here()}; correct it or take an unedited copy`,
      );
    return this.error("truncated", "the file ends here and is truncated; copy or write it again in full");
  }

  private error(code: "syntax" | "truncated" | "limit", problem: string): BadInput {
    return new BadInput(
      code,
      whereText(this.origin, this.lineAt(Math.min(this.at, this.text.trimEnd().length)), this.path),
      problem,
    );
  }
}

/** `history.json, line 14, steps[3].direction`. */
export function whereText(origin: string, line: number, path: readonly PropertyKey[]): string {
  const field = pathText(path);
  return `${origin}, line ${line}${field === "" ? "" : `, ${field}`}`;
}

/** The value of a JSON text. `firstLine`: the line of its file it begins on. Throws BadInput. */
export function parseJson(text: string, origin: string, firstLine = 1): unknown {
  return new JsonText(text, origin, firstLine).document();
}

/** The line (from `firstLine`) of the value at a path in a text that parses; of what is around it if it is missing. */
export function lineOf(text: string, path: readonly PropertyKey[], firstLine = 1): number {
  const json = new JsonText(text, "", firstLine, path);
  json.document();
  return json.lineAt(json.foundAt);
}
