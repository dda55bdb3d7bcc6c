import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { BadInput } from "../../../spec/bad-input.ts";
import { eventKinds, type HistoryEvent } from "../../../spec/event.ts";
import type { History } from "../../../spec/history.ts";
import { callNames, hookNames } from "../../../spec/schema/call-schema.ts";
import { jsonSchemas } from "../../../spec/schema/json-schemas.ts";
import { readHistory } from "../../../spec/schema/read-history.ts";
import { printEvent } from "../../../spec/print-step.ts";
import { footerLine, headerLine, writeHistory, writeHistoryLines } from "../../../spec/write.ts";
import { arbitraryProgram } from "../arbitrary-program.ts";
import { alternatives, sample, type JsonSchema } from "./sample.ts";

const header = { implementation: "x", version: "", profile: "K7.1", capabilities: [], observes: eventKinds };
const schema = jsonSchemas()["history.schema.json"] as JsonSchema;

/** One event of every shape there is, in an order that makes sense: each return behind its call. */
const shapes = alternatives(schema.properties!["events"]!.items!);
const events = (() => {
  const all: HistoryEvent[] = [];
  for (const shape of shapes) {
    const event = sample(shape) as HistoryEvent;
    const seq = all.length;
    if (event.kind === "ret")
      all.push({ ...event, seq, call: all.findIndex((other) => other.kind === "call" && other.op === event.op) });
    else if (event.kind === "cbret")
      all.push({ ...event, seq, cb: all.findIndex((other) => other.kind === "cb" && other.hook === event.hook) });
    else all.push({ ...event, seq });
  }
  return all;
})();
const history: History = { schema: 1, header, program: null, events };

function refused(text: string): BadInput {
  try {
    readHistory(text, "h.json");
  } catch (error) {
    if (error instanceof BadInput) return error;
    throw error;
  }
  throw new Error("accepted");
}

describe("readHistory", () => {
  it("has a shape for every operation, hook and kind", () => {
    expect(shapes).toHaveLength(2 * callNames.length + 2 * hookNames.length + eventKinds.length - 4);
    expect(new Set(events.map((event) => event.kind))).toEqual(new Set(eventKinds));
  });

  it("reads every shape of event in both forms", () => {
    expect(readHistory(writeHistory(history), "h.json")).toEqual(history);
    expect(readHistory(writeHistoryLines(history), "h.ndjson")).toEqual(history);
    expect(readHistory(JSON.stringify(history), "h.json")).toEqual(history);
  });

  it("reads the program it came from", () => {
    fc.assert(
      fc.property(arbitraryProgram, (program) => {
        expect(readHistory(writeHistory({ ...history, events: [], program }), "h.json").program).toEqual(program);
        expect(readHistory(writeHistoryLines({ ...history, events: [], program }), "h.json").program).toEqual(program);
      }),
    );
  });

  it("refuses every event that lacks one field or has one of a wrong type, naming line and field", () => {
    let tried = 0;
    for (const event of events) {
      for (const field of Object.keys(event)) {
        const { [field]: _, ...lacking } = event as unknown as Record<string, unknown>;
        // Some may be left out, and then say nothing.
        const lacks = ["request", "protection", "physical", "owner", "decrypted", "seen"].includes(field)
          ? []
          : [lacking];
        for (const wrong of [...lacks, { ...event, [field]: { wrong: 1 } }, { ...event, [field]: -0.5 }]) {
          // Alone in its file: reading on is not what is tested here.
          const text = `${headerLine(history)}\n${JSON.stringify(wrong)}\n${footerLine(1)}\n`;
          const error = refused(text);
          expect(error.message).toMatch(/^h\.json, line 2, /);
          // Another kind is another shape, and in the first place only seq 0 is right.
          const named = field === "kind" || field === "seq" ? error.where : error.where.split(".kind")[0];
          expect(named).toContain(field === "kind" ? "line 2" : `line 2, ${field}`);
          expect(error.message).not.toMatch(/Invalid input|undefined/);
          tried += 1;
        }
      }
      const more = refused(`${headerLine(history)}\n${JSON.stringify({ ...event, zzz: 1 })}\n`);
      expect(more.where).toBe("h.json, line 2, zzz");
    }
    expect(tried).toBeGreaterThan(3000);
  });

  it("refuses a wrong field of any event in a document, with the line of that event", () => {
    fc.assert(
      fc.property(fc.nat(events.length - 1), (seq) => {
        const wrong = events.map((event, index) => (index === seq ? { ...event, atomic: "no" } : event));
        const error = refused(writeHistory({ ...history, events: wrong as readonly HistoryEvent[] }));
        expect(error.message).toBe(`h.json, line ${seq + 6}, events[${seq}].atomic: expected true or false, got "no"`);
      }),
    );
  });

  const lines = writeHistoryLines({ ...history, events: events.slice(0, 3) }).split("\n");
  const edited = (index: number, from: string | RegExp, to: string) => {
    const line = lines[index]!.replace(from, to);
    if (line === lines[index]) throw new Error(`nothing to edit: ${String(from)}`);
    return lines.with(index, line).join("\n");
  };
  const lastField = Object.keys(JSON.parse(lines[3]!) as object).at(-1);
  const ret = { ...events.find((event) => event.kind === "ret")!, seq: 1, call: 0 };

  it.each([
    [
      "a missing footer",
      lines.slice(0, 3).join("\n"),
      "truncated",
      'line 3: the file ends here without its footer line {"kind":"footer","events":2}, it is truncated; record it again',
    ],
    [
      "a cut line",
      lines.slice(0, 4).join("\n").slice(0, -5),
      "truncated",
      `line 4, ${lastField}: the file ends here and is truncated; copy or write it again in full`,
    ],
    [
      "a footer that counts otherwise",
      edited(4, "3", "4"),
      "sequence",
      "line 5, events: the footer counts 4 events, the file has 3; record it again",
    ],
    [
      "lines after the footer",
      `${lines.join("\n")}{}\n`,
      "syntax",
      "line 6: nothing may follow the footer line; remove what follows",
    ],
    [
      "a gap",
      edited(3, '"seq":2', '"seq":3'),
      "sequence",
      "line 4, seq: expected 2, got 3; events are numbered from 0 without a gap",
    ],
    [
      "a return of nothing",
      [lines[0], lines[1], JSON.stringify({ ...ret, call: 1 })].join("\n"),
      "sequence",
      `line 3, call: event 1 is no earlier call of ${ret.op}; give the seq of the call that returns here`,
    ],
    [
      "an unknown kind",
      edited(1, '"call"', '"cal"'),
      "field",
      'line 2, kind: unknown kind of event "cal", did you mean "call"?',
    ],
    [
      "an unknown operation",
      edited(1, /"op":"\w+"/u, '"op":"exprot"'),
      "operation",
      'line 2, op: unknown operation "exprot", did you mean "export"?',
    ],
    [
      "an unknown operation far from all",
      edited(1, /"op":"\w+"/u, '"op":"frobnicate"'),
      "operation",
      'line 2, op: unknown operation "frobnicate"; docs/schemas/history.schema.json has all',
    ],
    [
      "another version",
      edited(0, '"schema":1', '"schema":7'),
      "version",
      "line 1, schema: expected format version 1, got 7; use the dmabuf-conformance that wrote the file",
    ],
    [
      "a header without profile",
      edited(0, '"profile":"K7.1",', ""),
      "profile",
      'line 1, header.profile: expected one of "K6.12", "K6.12+moveNotify", "K6.16", "K6.16+moveNotify", "K6.19", "K6.19+moveNotify", "K7.0", "K7.0+moveNotify", "K7.1", "K7.2", got nothing: the field is missing',
    ],
    [
      "an unknown kind observed",
      edited(0, '"observes":["call"', '"observes":["cull"'),
      "field",
      `line 1, header.observes[0]: expected one of ${eventKinds.map((kind) => `"${kind}"`).join(", ")}, got "cull"`,
    ],
    [
      "no JSON",
      edited(2, "{", "("),
      "syntax",
      'line 3: not JSON: expected a value, got "(\\"seq\\":1,\\"ki"; correct it or take an unedited copy',
    ],
    ["a list", "[]", "field", "line 1: expected a history (an object), got a list"],
    [
      "a program",
      '{"schema": 1, "steps": []}',
      "version",
      "line 1: a program, not a history; run it to get its history",
    ],
    ["an empty file", "\n", "truncated", "line 1: the file is empty; write it again"],
  ])("refuses %s", (_, text, code, message) => {
    const error = refused(text);
    expect(error.message).toBe(`h.json, ${message}`);
    expect(error.code).toBe(code);
  });
});

describe("printEvent", () => {
  it("has a line for every shape of event", () => {
    for (const event of events) {
      const text = printEvent(event);
      expect(text).toMatch(/^\S.{4,160}$/);
      expect(text).not.toMatch(/undefined|\[object|null/);
    }
  });
});
