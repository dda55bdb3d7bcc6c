import { describe, expect, it } from "vitest";
import { boundText } from "../../conformance/bound.ts";
import { check } from "../../conformance/check.ts";
import { describeFailure, describeViolation } from "../../conformance/failure/describe.ts";
import { runProgram } from "../../conformance/run-program.ts";
import type { Subject } from "../../conformance/subject.ts";
import { drivers } from "../../drivers/index.ts";
import { lengthOf } from "../../generators/shrink/session.ts";
import { program } from "../../spec/builder.ts";
import type { Program } from "../../spec/program.ts";

function driver(name: string): Subject {
  const entry = drivers.find((candidate) => candidate.name === name)!;
  return entry.role === "exporter" ? { name, exporter: entry.make } : { name, importer: entry.make };
}

async function example(name: string): Promise<Subject> {
  return ((await import(`../../examples/${name}.mjs`)) as { readonly default: Subject }).default;
}

/** Fixed programs, so that the words and columns are what is tested, not the search. */
const failures: readonly (readonly [string, string, () => Subject | Promise<Subject>, Program])[] = [
  [
    "MAP-17",
    "one task, a line forgotten",
    () => example("exporter-broken"),
    program("K7.1")
      .importer("i1", { ops: "callback" })
      .step("export", { buffer: "b1" })
      .step("attach", { importer: "i1", buffer: "b1", attachment: "a1" })
      .step("mapUnlocked", { attachment: "a1", mapping: "m1" })
      .step("unmapUnlocked", { mapping: "m1" })
      .step("detach", { attachment: "a1" })
      .build(),
  ],
  [
    "REV-21",
    "two tasks and a window",
    () => driver("vfio-pci-7.1"),
    program("K7.1")
      .exporter("e1", { kind: "subject" })
      .importer("i1", { kind: "dynamic" })
      .buffer("b1", { placement: "device" })
      .step("export", { buffer: "b1" })
      .step("import", { importer: "i1", buffer: "b1", import: "p1", direction: "bidirectional" })
      .step("revoke", { buffer: "b1" })
      .step("unrevoke", { buffer: "b1" })
      .task("t2")
      .step("submit", { importer: "i1", imports: ["p1"], kind: "read", job: "j1" })
      .preempt({ step: "s4", site: "unlock", until: "s5" })
      .build(),
  ],
];

describe("the failure block", () => {
  it.each(failures)("%s: %s", async (id, _, subject, failing) => {
    const run = await runProgram(failing, await subject());
    expect(run.fault).toBeNull();
    const violation = run.violations.find((entry) => entry.rule.id === id)!;
    const block = describeViolation(violation, failing, run.history.events, `npx dmabuf-conformance replay ${id}.json`);
    expect(Math.max(...block.split("\n").map((line) => line.length))).toBeLessThanOrEqual(80);
    expect(block.split("\n").length).toBeLessThanOrEqual(34);
    await expect(block).toMatchFileSnapshot(`./golden/${id}.txt`);
  });
});

describe("the length of a counterexample", () => {
  it("says what was proved about shorter ones, and no more", () => {
    const words = (length: number, atLeast: number, decides: number | null, executions = 12) =>
      boundText(length, { atLeast, decides, executions });
    expect(words(3, 3, 2)).toBe(
      "3; no shorter program over these operations in this world breaks the rule (12 programs run), and in none of fewer than 2 it decides anything",
    );
    expect(words(9, 6, null, 200)).toBe(
      "9; no program of fewer than 6 over these operations in this world breaks the rule (200 programs run), and in none of fewer than 6 it decides anything",
    );
    expect(words(1, 1, 0, 1)).toBe(
      "1; no shorter program over these operations in this world breaks the rule (1 program run)",
    );
  });

  it("is in the report of a broken rule, with its bound", async () => {
    const report = await check(await example("exporter-broken"), { budget: 2000 });
    const broken = report.rules.flatMap(({ counterexample }) => (counterexample === null ? [] : [counterexample]));
    expect(broken.length).toBeGreaterThan(0);
    for (const { bound, program: shortest } of broken) {
      expect(bound!.atLeast).toBeGreaterThan(0);
      expect(bound!.atLeast).toBeLessThanOrEqual(lengthOf(shortest));
      expect(bound!.decides ?? bound!.atLeast).toBeLessThanOrEqual(lengthOf(shortest));
    }
    expect(
      await describeFailure(
        await example("exporter-broken"),
        report.rules.find((rule) => rule.counterexample)!,
      ),
    ).toMatch(/^ length {2}\d+; no /m);
  });
});
