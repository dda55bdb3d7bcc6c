import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { program } from "../../spec/builder.ts";
import { operationNames } from "../../spec/operations/operations.ts";
import { stepPhrases } from "../../spec/phrases.ts";
import type { HistoryEvent } from "../../spec/event.ts";
import { printEvent, printStep } from "../../spec/print-step.ts";
import { arbitraryProgram } from "./arbitrary-program.ts";

describe("printStep", () => {
  it("is one short line for any step", () => {
    fc.assert(
      fc.property(arbitraryProgram, ({ steps }) => {
        for (const step of steps) {
          const text = printStep(step);
          expect(text).toMatch(/^\S.*\S$/);
          expect(text).not.toMatch(/undefined|\[object|null|\n/);
        }
      }),
    );
    expect(Object.keys(stepPhrases)).toEqual(expect.arrayContaining([...operationNames]));
  });

  it("names every object of the step", () => {
    fc.assert(
      fc.property(arbitraryProgram, ({ steps }) => {
        for (const step of steps) {
          const { id: _id, task: _task, op: _op, name: _name, ...args } = step as unknown as Record<string, unknown>;
          const words = Object.values(args).filter((value) => typeof value === "string");
          for (const word of words) expect(printStep(step)).toContain(word.replace("speculativeRead", "speculative"));
        }
      }),
    );
  });

  it("reads like notes", () => {
    const { steps } = program("K7.1")
      .step("attach", { importer: "i1", buffer: "b1", attachment: "a1" })
      .step("mapUnlocked", { attachment: "a1", mapping: "m1" })
      .step("lockSlow", { resv: "b1.resv" }, { interrupted: true })
      .step("map", { attachment: "a1", mapping: "m2" })
      .step("fenceInit", { fence: "f1", timeline: 1, seqno: 7, hooks: ["wait"] })
      .step("addFence", { resv: "b1.resv", fence: "f1", usage: "bookkeep" })
      .step("waitFences", { resv: "b1.resv", usage: "read", timeout: 0 })
      .step("revoke", { buffer: "b1" })
      .step("detach", { attachment: "a1", buffer: null }, { misuse: true })
      .build();
    expect(steps.map(printStep)).toEqual([
      "attach i1 to b1 as a1",
      "map unlocked a1 bidirectional as m1",
      "lock, slow path, b1.resv (signal pending)",
      "map a1 bidirectional as m2",
      "create fence f1 as 1:7 with wait",
      "add f1 to b1.resv as bookkeep",
      "wait for the read fences of b1.resv, poll",
      "revoke b1",
      "detach a1 from nothing (misuse)",
    ]);
  });
});

describe("printEvent", () => {
  const base = { seq: 0, task: "t1", step: "s1", atomic: false };
  const map = { op: "map", by: "i1", attachment: "a1", direction: "toDevice", mapping: "m1" } as const;
  const lock = { lock: "b1.resv", lockClass: "reservation", form: "plain", acquire: "x1", by: "i1" } as const;

  it.each<[HistoryEvent, string]>([
    [{ ...base, ...map, kind: "call" }, "i1: map a1 toDevice as m1"],
    [
      { ...base, ...map, kind: "ret", call: 0, errno: 19, table: null, segments: [] },
      "i1: map a1 toDevice as m1 → ENODEV",
    ],
    [
      {
        ...base,
        ...map,
        kind: "ret",
        call: 0,
        errno: 0,
        table: "T1",
        segments: [{ address: 0, length: 1, storage: null, offset: 0 }],
      },
      "i1: map a1 toDevice as m1 → ok, T1, 1 segment",
    ],
    [{ ...base, kind: "cb", hook: "invalidate", to: "i1", attachment: "a1" }, "to i1: invalidate a1"],
    [
      { ...base, kind: "cbret", hook: "pin", to: "e1", attachment: "a1", cb: 0, errno: 12, injected: true },
      "from e1: pin a1 → ENOMEM (injected)",
    ],
    [{ ...base, ...lock, kind: "lock", errno: 35, waited: true }, "i1: lock b1.resv in x1 → EDEADLK after a wait"],
    [
      { ...base, kind: "blocked", wait: { kind: "lock", ...lock }, interruptible: true },
      "waits for the lock b1.resv, interruptible",
    ],
    [
      { ...base, kind: "resumed", wait: { kind: "unmapped", buffer: "b1" }, errno: 4 },
      "goes on after waiting for the unmaps of b1: EINTR",
    ],
    [
      {
        ...base,
        kind: "access",
        importer: "i1",
        attachment: "a1",
        mapping: null,
        job: null,
        access: "read",
        address: 4096,
        answer: "fault",
        storage: null,
        seen: null,
      },
      "i1: read at 0x1000 through no mapping of a1 → fault",
    ],
    [
      { ...base, kind: "end", waiting: [{ task: "t2", wait: { kind: "fence", fence: "f1" } }] },
      "end, t2 waits for fence f1",
    ],
  ])("prints %#", (event, text) => {
    expect(printEvent(event)).toBe(text);
  });
});
