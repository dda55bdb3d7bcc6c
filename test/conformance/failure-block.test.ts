import { describe, expect, it } from "vitest";
import { describeViolation } from "../../conformance/failure/describe.ts";
import { runProgram } from "../../conformance/run-program.ts";
import type { Subject } from "../../conformance/subject.ts";
import { drivers } from "../../drivers/index.ts";
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
