import { describe, expect, it } from "vitest";
import type { Plan } from "../../adapters/linux/compile.ts";
import { linuxOperations } from "../../adapters/linux/encode-step.ts";
import type { KernelRun } from "../../adapters/linux/linux.ts";
import { registry } from "../../contracts/registry.ts";
import { measureRates, ratesText } from "../../kernel/compare/rate.ts";
import { answersIn } from "../../kernel/holes/answers.ts";
import { holes, outOfReach } from "../../kernel/holes/holes.ts";
import { holesText, isAsExpected, programOf, runHoles } from "../../kernel/holes/run-holes.ts";
import { readProgram } from "../../spec/schema/read-program.ts";
import { writeProgram } from "../../spec/write.ts";
import type { HistoryEvent } from "../../spec/event.ts";

const operations = new Map([...linuxOperations].map((name, index) => [name, index]));

/** A kernel that does nothing at all. */
class Idle {
  renewed = 0;
  ran = 0;

  introduction() {
    return Promise.resolve({
      version: "6.12.99",
      operations,
      hooks: [],
      lockdep: true,
      kasan: false,
      moveNotify: "on" as const,
    });
  }

  renew(): void {
    this.renewed += 1;
  }

  run(plans: readonly Plan[]): Promise<readonly KernelRun[]> {
    this.ran += plans.length;
    const run: KernelRun = { events: [], skipped: new Map(), ending: null, end: "whole", log: "" };
    return Promise.resolve(plans.map(() => run));
  }
}

describe("suspicions", () => {
  it("are about rules that exist, and each has a name of its own", () => {
    const ids = new Set(registry.map(({ id }) => id));
    expect(new Set(holes.map(({ id }) => id)).size).toBe(holes.length);
    for (const { rules } of [...holes, ...outOfReach]) for (const rule of rules) expect(ids).toContain(rule);
  });

  it.each(holes.map((hole) => [hole.id, hole] as const))("%s has a program, and answers in its steps", (_id, hole) => {
    const program = programOf(hole, "K7.2");
    expect(readProgram(writeProgram(program), "program")).toEqual(program);
    for (const { op } of program.steps) expect(linuxOperations).toContain(op);
    expect(hole.looks.every((look) => program.steps.some(({ id }) => id === look))).toBe(true);
    expect(Object.keys(hole.answers).length).toBeGreaterThan(0);
    for (const line of Object.values(hole.answers).flat())
      expect(hole.looks.some((look) => line.startsWith(`${look}: `)) || line === "crashed").toBe(true);
  });

  it("that are answered otherwise than expected are red, and those of other kernels left out", async () => {
    const kernel = new Idle();
    const results = await runHoles(kernel, "K6.12+moveNotify");
    expect(results.map(({ hole }) => hole.id)).not.toContain("attach-slips-through");
    expect(results.every((result) => !isAsExpected(result))).toBe(true);
    expect(results.every((result) => isAsExpected({ ...result, answers: result.expected }))).toBe(true);
    expect(kernel.renewed).toBe(results.length + 1);
    const lines = holesText(results, "6.12.99").split("\n");
    expect(lines).toContain("        - s3: getStatus 1");
    expect(lines.at(-1)).toMatch(/14 suspicions run: .* 14 answered otherwise than expected$/);
  });

  it("are answered in words of what was called, hooked, complained of and left out", () => {
    const base = { seq: 0, task: "t1", step: "s1", atomic: false };
    const events = [
      { ...base, kind: "cb", hook: "pin" },
      { ...base, seq: 1, kind: "warn", text: "WARNING: possible recursive locking detected" },
      { ...base, seq: 2, kind: "ret", op: "map", by: "program", errno: 19 },
      { ...base, seq: 3, kind: "ret", op: "unmap", by: "framework", errno: 0 },
      { ...base, seq: 4, step: "s2", kind: "ret", op: "getStatus", by: "program", errno: 0, status: -5 },
      { ...base, seq: 5, step: "s9", kind: "ret", op: "detach", by: "program", errno: 0 },
    ] as unknown as HistoryEvent[];
    const skipped = new Map([["s3", "not held"]]);
    expect(answersIn({ events, skipped, ending: null, end: "hung", log: "" }, ["s1", "s2", "s3"])).toEqual([
      "s1: hook pin",
      "s1: complains: recursive-lock",
      "s1: map ENODEV",
      "s2: getStatus -5",
      "s3: left out: not held",
      "hung",
    ]);
  });
});

describe("rates", () => {
  it("are of the same programs batched, one by one, and on a kernel each, beside those of the prototype", async () => {
    const kernel = new Idle();
    const rates = await measureRates(kernel, { profile: "K6.12+moveNotify", longest: 20 }, 1, 5);
    expect(rates).toMatchObject({ programs: 5, starts: 5 });
    // One to warm up, five batched, five one by one, five fresh.
    expect(kernel).toMatchObject({ ran: 16, renewed: 5 });
    expect(ratesText(rates)).toMatch(/batched \(5\) .*prototype: 3000 to 7700/);
    expect(ratesText(rates)).toMatch(/a kernel each \(5\) .*prototype: 7 to 10/);
  });
});
