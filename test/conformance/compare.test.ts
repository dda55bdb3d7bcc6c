import { describe, expect, it } from "vitest";
import { compareSubjects } from "../../conformance/compare.ts";
import type { Subject } from "../../conformance/subject.ts";

async function example(name: string): Promise<Subject> {
  return ((await import(`../../examples/${name}.mjs`)) as { readonly default: Subject }).default;
}

const options = { profile: "K7.1", seed: 1, operations: 600 };

describe("comparing two implementations", () => {
  it("finds nothing between two forms of one adapter", async () => {
    const report = await compareSubjects(await example("exporter-plain"), await example("exporter-generator"), options);
    expect(report).toMatchObject({ differences: [], verdicts: [], fault: null });
    expect(report.programs).toBeGreaterThan(10);
  });

  it("finds the rule that one of them breaks, in the shortest program, whichever comes first", async () => {
    const [plain, broken] = [await example("exporter-plain"), await example("exporter-broken")];
    const forth = await compareSubjects(plain, broken, options);
    const shown = forth.differences.find(
      ({ difference }) => difference.kind === "rule" && difference.rule === "MAP-17",
    )!;
    expect(shown.difference).toEqual({ kind: "rule", rule: "MAP-17", broken: "second" });
    expect(shown.program.steps.length).toBeLessThanOrEqual(3);
    const back = await compareSubjects(broken, plain, options);
    expect(back.verdicts.find(({ rule }) => rule === "MAP-17")).toEqual({ rule: "MAP-17", first: true, second: false });
  });

  it("finds another answer where no rule breaks", async () => {
    const plain = await example("exporter-plain");
    const refusing: Subject = {
      ...plain,
      name: "refusing",
      exporter: (env) => ({ ...plain.exporter!(env), attach: () => 12 }),
    };
    const { differences } = await compareSubjects(plain, refusing, { ...options, operations: 1_500 });
    const attach = differences.find(({ difference }) => difference.kind === "answer" && difference.op === "attach")!;
    expect(attach.difference).toMatchObject({ second: expect.stringMatching(/^ENOMEM/) });
    expect(attach.program.steps.map(({ op }) => op)).toEqual(["export", "attach"]);
  });

  it("refuses two of different roles", async () => {
    const importer: Subject = { name: "other", importer: () => ({}) as never };
    await expect(compareSubjects(await example("exporter-plain"), importer, options)).rejects.toThrow(
      "other: brings importer, exporter-plain exporter",
    );
  });
});
