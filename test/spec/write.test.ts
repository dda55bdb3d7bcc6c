import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { program } from "../../spec/builder.ts";
import type { HistoryEvent } from "../../spec/event.ts";
import type { History } from "../../spec/history.ts";
import type { Program } from "../../spec/program.ts";
import { writeHistory, writeHistoryLines, writeProgram } from "../../spec/write.ts";
import { arbitraryProgram } from "./arbitrary-program.ts";

/** The same value with the keys of every object the other way round. */
function reversed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reversed);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .toReversed()
      .map(([key, field]) => [key, reversed(field)]),
  );
}

describe("writeProgram", () => {
  it("writes every field, in one order whatever order the object has", () => {
    fc.assert(
      fc.property(arbitraryProgram, (value) => {
        const text = writeProgram(value);
        expect(JSON.parse(text)).toEqual(value);
        expect(writeProgram(reversed(value) as Program)).toBe(text);
        expect(text.endsWith("}\n")).toBe(true);
        for (const step of value.steps)
          expect(text).toContain(`    { "id": "${step.id}", "task": "${step.task}", "op": `);
      }),
    );
  });

  it("is readable: one step a line", () => {
    const value = program("K6.12+moveNotify")
      .reservation("r1")
      .buffer("b1", { resv: "r1" })
      .step("attach", { importer: "i1", buffer: "b1", attachment: "a1" })
      .task("t2")
      .step("detach", { attachment: "a1" }, { misuse: true })
      .preempt({ step: "s1", site: "lock", until: "idle" })
      .build();
    expect(writeProgram(value)).toMatchInlineSnapshot(`
      "{
        "schema": 1,
        "contract": "core",
        "profile": "K6.12+moveNotify",
        "setup": {
          "devices": [
            { "name": "d1", "dmaBits": 52, "maxSegment": 4503599627370496 }
          ],
          "exporters": [
            { "name": "e1", "kind": "subject", "device": "d1" }
          ],
          "importers": [
            { "name": "i1", "kind": "scripted", "device": "d1", "ops": "callback", "allowPeer2peer": false, "onInvalidate": "unmap" }
          ],
          "buffers": [
            { "name": "b1", "exporter": "e1", "size": 4096, "placement": "system", "resv": "r1" }
          ],
          "reservations": ["r1"]
        },
        "steps": [
          { "id": "s1", "task": "t1", "op": "attach", "importer": "i1", "buffer": "b1", "attachment": "a1", "noDevice": false },
          { "id": "s2", "task": "t2", "op": "detach", "attachment": "a1", "buffer": "b1", "misuse": true }
        ],
        "schedule": [
          { "step": "s1", "site": "lock", "nth": 1, "until": "idle" }
        ],
        "failures": []
      }
      "
    `);
  });
});

describe("writeHistory", () => {
  const base = { task: "t1", step: "s1", atomic: false };
  const events: readonly HistoryEvent[] = [
    { ...base, seq: 0, kind: "call", op: "map", by: "i1", attachment: "a1", direction: "none", mapping: "m1" },
    {
      ...base,
      seq: 1,
      kind: "ret",
      op: "map",
      by: "i1",
      call: 0,
      errno: 0,
      attachment: "a1",
      direction: "none",
      mapping: "m1",
      table: "T1",
      segments: [{ address: 4096, length: 1, storage: "S1", offset: 0 }],
    },
    { ...base, seq: 2, kind: "end", waiting: [{ task: "t2", wait: { kind: "fence", fence: "f1" } }] },
  ];
  const history: History = {
    schema: 1,
    header: { implementation: "x", version: "1", profile: "K7.1", capabilities: ["revoke"], observes: ["call", "ret"] },
    program: null,
    events,
  };

  it("is readable: one event a line", () => {
    expect(writeHistory(history)).toMatchInlineSnapshot(`
      "{
        "schema": 1,
        "header": { "implementation": "x", "version": "1", "profile": "K7.1", "capabilities": ["revoke"], "observes": ["call", "ret"] },
        "program": null,
        "events": [
          { "seq": 0, "kind": "call", "op": "map", "task": "t1", "step": "s1", "atomic": false, "by": "i1", "attachment": "a1", "direction": "none", "mapping": "m1" },
          { "seq": 1, "kind": "ret", "op": "map", "task": "t1", "step": "s1", "atomic": false, "by": "i1", "call": 0, "errno": 0, "attachment": "a1", "direction": "none", "mapping": "m1", "segments": [{ "address": 4096, "length": 1, "offset": 0, "storage": "S1" }], "table": "T1" },
          { "seq": 2, "kind": "end", "task": "t1", "step": "s1", "atomic": false, "waiting": [{ "task": "t2", "wait": { "kind": "fence", "fence": "f1" } }] }
        ]
      }
      "
    `);
  });

  it("has one order of keys whatever order the events have", () => {
    const other = { ...history, events: events.map((event) => reversed(event) as HistoryEvent) };
    expect(writeHistory(other)).toBe(writeHistory(history));
    expect(writeHistoryLines(other)).toBe(writeHistoryLines(history));
  });

  it("holds the program it came from", () => {
    fc.assert(
      fc.property(arbitraryProgram, (value) => {
        expect(JSON.parse(writeHistory({ ...history, program: value }))).toEqual({ ...history, program: value });
      }),
      { numRuns: 20 },
    );
  });
});
