import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { BadInput } from "../../../spec/bad-input.ts";
import { program } from "../../../spec/builder.ts";
import { limits } from "../../../spec/limits.ts";
import { operationNames } from "../../../spec/operations/operations.ts";
import { readProgram } from "../../../spec/schema/read-program.ts";
import { writeProgram } from "../../../spec/write.ts";
import { arbitraryProgram } from "../arbitrary-program.ts";

const good = writeProgram(
  program("K7.1")
    .importer("i1", { ops: "static" })
    .step("attach", { importer: "i1", buffer: "b1", attachment: "a1" })
    .step("mapUnlocked", { attachment: "a1", mapping: "m1", direction: "toDevice" })
    .step("fenceInit", { fence: "f1", timeline: 1, seqno: 1, hooks: ["wait"] })
    .step("merge", { fence: "f2", fences: ["f1"] })
    .step("unmapUnlocked", { mapping: "m1" })
    .step("interrupt", { target: "t1" })
    .preempt({ step: "s1", site: "lock", until: "s2" })
    .fail({ step: "s1", site: "alloc", errno: 12 })
    .build(),
);

function refused(text: string): BadInput {
  try {
    readProgram(text, "p.json");
  } catch (error) {
    if (error instanceof BadInput) return error;
    throw error;
  }
  throw new Error(`accepted: ${text}`);
}

/** What the reader says about a text: "read" if it takes it. Anything but a BadInput passes through. */
function messageOf(text: string): string {
  try {
    readProgram(text, "p.json");
    return "read";
  } catch (error) {
    if (error instanceof BadInput) return error.message;
    throw error;
  }
}

/** The good program with one edit by hand. */
function edited(from: string | RegExp, to: string): string {
  const text = good.replace(from, to);
  if (text === good) throw new Error(`nothing to edit: ${String(from)}`);
  return text;
}

const names = "a name (a letter, then letters, digits and . : _ -, at most 64 characters)";

describe("readProgram", () => {
  it("reads what writeProgram writes", () => {
    fc.assert(
      fc.property(arbitraryProgram, (value) => {
        expect(readProgram(writeProgram(value), "p.json")).toEqual(value);
        expect(readProgram(JSON.stringify(value), "p.json")).toEqual(value);
      }),
    );
  });

  it.each([
    [
      "a wrong version",
      edited('"schema": 1', '"schema": 2'),
      "version",
      "line 2, schema: expected format version 1, got 2; use the dmabuf-conformance that wrote the file",
    ],
    [
      "another contract",
      edited('"core"', '"pfn"'),
      "contract",
      'line 3, contract: a program for the contract "pfn", which is not loaded; known: core; run it with: dmabuf-conformance proposal FILE --replay PROGRAM',
    ],
    [
      "an unknown series",
      edited('"K7.1"', '"K7.11"'),
      "profile",
      'line 4, profile: expected one of "K6.12", "K6.12+moveNotify", "K6.16", "K6.16+moveNotify", "K6.19", "K6.19+moveNotify", "K7.0", "K7.0+moveNotify", "K7.1", "K7.2", got "K7.11"',
    ],
    [
      "a wrong type",
      edited('"toDevice"', "7"),
      "field",
      'line 22, steps[1].direction: expected one of "bidirectional", "toDevice", "fromDevice", "none", got 7',
    ],
    [
      "a missing field",
      edited(', "direction": "toDevice"', ""),
      "field",
      'line 22, steps[1].direction: expected one of "bidirectional", "toDevice", "fromDevice", "none", got nothing: the field is missing',
    ],
    [
      "a misspelt field",
      edited('"mapping": "m1"', '"maping": "m1"'),
      "field",
      'line 22, steps[1].maping: unknown field "maping", did you mean "mapping"?',
    ],
    [
      "a field too many",
      edited('"op": "merge"', '"op": "merge", "zzz": 1'),
      "field",
      'line 24, steps[3].zzz: unknown field "zzz"; a step merge has id, task, op, fence, fences, interrupted, misuse',
    ],
    [
      "an unknown operation",
      edited('"mapUnlocked"', '"mapUnloked"'),
      "operation",
      'line 22, steps[1].op: unknown operation "mapUnloked", did you mean "mapUnlocked"?',
    ],
    [
      "no operation of ours",
      edited('"mapUnlocked"', '"xyz"'),
      "operation",
      'line 22, steps[1].op: unknown operation "xyz"; docs/operations.md lists all',
    ],
    [
      "no operation",
      edited('"op": "merge", ', ""),
      "field",
      "line 24, steps[3].op: expected the op of a step, got nothing: the field is missing",
    ],
    [
      "a step that is no object",
      edited(/\{ "id": "s4".*\}/, "[]"),
      "field",
      "line 24, steps[3]: expected a step (an object), got a list",
    ],
    [
      "a number out of range",
      edited('"timeline": 1', '"timeline": 65'),
      "field",
      "line 23, steps[2].timeline: expected an integer from 1 to 64, got 65",
    ],
    [
      "a fraction",
      edited('"timeline": 1', '"timeline": 1.5'),
      "field",
      "line 23, steps[2].timeline: expected an integer from 1 to 64, got 1.5",
    ],
    [
      "a word twice",
      edited('["wait"]', '["wait", "wait"]'),
      "field",
      "line 23, steps[2].hooks: a word stands in the list twice; keep one of the two",
    ],
    [
      "a bad mark",
      edited('"op": "merge"', '"op": "merge", "misuse": false'),
      "field",
      "line 24, steps[3].misuse: expected true, or no such field, got false",
    ],
    [
      "a bad name",
      edited('"attachment": "a1"', '"attachment": "1a"'),
      "field",
      `line 21, steps[0].attachment: expected ${names}, got "1a"`,
    ],
    [
      "an id twice",
      edited('"id": "s4"', '"id": "s1"'),
      "name",
      'line 24, steps[3].id: two steps have the id "s1"; give each step its own',
    ],
    [
      "an object twice",
      edited('"fence": "f2"', '"fence": "f1"'),
      "name",
      'line 24, steps[3].fence: "f1" is created already, by s3; give a fence a name of its own',
    ],
    [
      "an unbound name",
      edited('["f1"]', '["f7"]'),
      "name",
      'line 24, steps[3].fences[0]: no fence "f7" is there at this point, did you mean "f1"?',
    ],
    [
      "nothing to bind to",
      edited('"mapUnlocked", "attachment": "a1", "direction": "toDevice", "mapping": "m1"', '"fencePut", "fence": "x"'),
      "name",
      'line 22, steps[1].fence: no fence "x" is there at this point; there is none',
    ],
    [
      "a name of another kind",
      edited('["f1"]', '["b1"]'),
      "name",
      'line 24, steps[3].fences[0]: expected the name of a fence, but "b1" is a buffer',
    ],
    [
      "an unknown task",
      edited('"target": "t1"', '"target": "t9"'),
      "name",
      'line 26, steps[5].target: no task "t9" is there at this point, did you mean "t1"?',
    ],
    [
      "an unknown device",
      edited('"kind": "subject", "device": "d1"', '"kind": "subject", "device": "zz"'),
      "name",
      'line 10, setup.exporters[0].device: no device "zz" is there at this point; known: d1',
    ],
    [
      "an unknown exporter",
      edited('"exporter": "e1"', '"exporter": "zz"'),
      "name",
      'line 16, setup.buffers[0].exporter: no exporter "zz" is there at this point; known: e1',
    ],
    [
      "an unknown reservation",
      edited('"resv": null', '"resv": "r"'),
      "name",
      'line 16, setup.buffers[0].resv: no reservation "r" is there at this point; there is none',
    ],
    [
      "a role name twice",
      edited('"name": "i1"', '"name": "e1"'),
      "name",
      'line 13, setup.importers[0].name: two exporters or importers have the name "e1"; give each its own',
    ],
    [
      "a preemption of nothing",
      edited('"step": "s1", "site": "lock"', '"step": "x99", "site": "lock"'),
      "name",
      'line 29, schedule[0].step: no step "x99" is there at this point; known: s1, s2, s3, s4, s5, s6',
    ],
    [
      "a preemption until nothing",
      edited('"until": "s2"', '"until": "s7"'),
      "name",
      'line 29, schedule[0].until: no step "s7" is there at this point, did you mean "s1"?',
    ],
    [
      "a preemption until itself",
      edited('"until": "s2"', '"until": "s1"'),
      "name",
      'line 29, schedule[0].until: step "s1" cannot wait for itself; name another step, or "idle"',
    ],
    [
      "a failure of nothing",
      edited('"step": "s1", "site": "alloc"', '"step": "s77777", "site": "alloc"'),
      "name",
      'line 32, failures[0].step: no step "s77777" is there at this point; known: s1, s2, s3, s4, s5, s6',
    ],
    [
      "a truncated file",
      good.slice(0, good.indexOf('"toDevice"') + 4),
      "truncated",
      "line 22, steps[1].direction: the file ends here and is truncated; copy or write it again in full",
    ],
    [
      "a trailing comma",
      edited('"mapping": "m1" },', '"mapping": "m1", },'),
      "syntax",
      'line 22, steps[1]: a comma stands before "}"; remove the comma',
    ],
    ["a list", "[]", "field", "line 1: expected a program (an object), got a list"],
    ["an empty file", "", "truncated", "line 1: the file is empty; write it again"],
    [
      "a history",
      '{\n"schema": 1, "events": []}',
      "version",
      'line 1: a history, not a program; its program stands under its key "program"',
    ],
  ])("refuses %s", (_, text, code, message) => {
    const error = refused(text);
    // Other test files of this process may have loaded contracts.
    expect(error.message.replace(/known: core[^;]*;/, "known: core;")).toBe(`p.json, ${message}`);
    expect(error.code).toBe(code);
    // The edits replace no line ends, so the first line that differs is the one to name.
    const lines = text.split("\n");
    const changed = lines.findIndex((line, index) => line !== good.split("\n")[index]) + 1;
    const line = Number(/line (\d+)/.exec(error.where)![1]);
    expect(line).toBe(lines.length > 10 ? changed : 1);
  });

  it("refuses files and lists that are too long", () => {
    expect(refused(" ".repeat(limits.programText + 1))).toMatchObject({
      code: "limit",
      message: "p.json: the file has 8.0 MiB, at most 8 MiB are read; make it shorter",
    });
    const reservations = Array.from({ length: limits.setupEntries + 1 }, (_, index) => `"r${index}"`).join();
    expect(refused(edited('"reservations": []', `"reservations": [${reservations}]`)).message).toBe(
      "p.json, line 18, setup.reservations: more than 64 entries; leave some out",
    );
    const step = { id: "s1", task: "t1", op: "listBuffers" };
    const many = { ...(JSON.parse(good) as object), steps: Array.from({ length: limits.steps + 1 }, () => step) };
    expect(refused(JSON.stringify(many)).message).toBe(
      "p.json, line 1, steps: more than 20000 entries; leave some out",
    );
  });

  it("takes marks, derived names and a buffer that a step exports", () => {
    const text = edited(
      '"op": "merge", "fence": "f2", "fences": ["f1"]',
      '"op": "merge", "fence": "f2", "fences": ["s2.fence1", "world.fence12"], "misuse": true, "interrupted": true',
    );
    expect(readProgram(text, "p.json").steps[3]).toMatchObject({ misuse: true, interrupted: true });
    expect(refused(text.replace("s2.fence1", "s5.fence1")).code).toBe("name");
    expect(refused(text.replace("s2.fence1", "s2.buffer1")).code).toBe("name");
    const late = edited(
      '"op": "merge", "fence": "f2", "fences": ["f1"]',
      '"op": "export", "buffer": "b1", "missing": [], "caching": false',
    );
    expect(refused(late).message).toBe(
      'p.json, line 21, steps[0].buffer: no buffer "b1" is there at this point; there is none',
    );
  });

  it("answers any one edit with a program or a BadInput that says where", () => {
    fc.assert(
      fc.property(
        fc.nat(),
        fc.nat(8),
        fc.constantFrom("", "0", '"', "null", "{}", "[]", "1e9", "é", '"s1"'),
        (place, cut, put) => {
          const at = place % good.length;
          const text = good.slice(0, at) + put + good.slice(at + cut);
          const message = messageOf(text);
          expect(message).toMatch(/^(?:read|p\.json, line \d+(?:, [^:]+)?: .+)$/);
          expect(message).not.toMatch(/Invalid input|undefined|\[object/);
        },
      ),
      { numRuns: 2000 },
    );
  });

  it("knows every operation", () => {
    const seen = new Set<string>();
    for (const op of operationNames) {
      const error = refused(edited(/\{ "id": "s4".*\}/, `{ "id": "s4", "task": "t1", "op": "${op}", "none": 1 }`));
      expect(error.message).toContain('unknown field "none"');
      seen.add(error.message);
    }
    expect(seen.size).toBe(operationNames.length);
  });
});
