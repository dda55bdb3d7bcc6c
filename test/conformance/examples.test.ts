import { describe, expect, it } from "vitest";
import { check } from "../../conformance/check.ts";
import { describeFailure } from "../../conformance/failure/describe.ts";
import type { Report } from "../../conformance/report.ts";
import type { Subject } from "../../conformance/subject.ts";

async function example(name: string): Promise<Subject> {
  const module = (await import(`../../examples/${name}.mjs`)) as { readonly default: Subject };
  return module.default;
}

function withoutMeasured(report: Report): Omit<Report, "measured"> {
  const { measured, ...rest } = report;
  expect(measured.seconds).toBeGreaterThan(0);
  return rest;
}

describe("the ten-line adapter", () => {
  // The generator form behaves as the async one, byte for byte: below.
  it.each(["exporter-plain", "exporter-async"])("%s is conformant", async (name) => {
    const report = await check(await example(name), { budget: 40_000, untilPaid: true });
    expect(report.fault).toBeNull();
    expect(
      report.rules
        .filter((rule) => ["violated", "blocked", "harness-error"].includes(rule.verdict))
        .map((rule) => `${rule.id} ${rule.verdict} ${rule.reason ?? ""}`),
    ).toEqual([]);
    expect(report.conformant).toBe(true);
    expect(report.counts.pass).toBeGreaterThan(60);
  });

  it("with one line broken fails by the right rule, in three steps, in words", async () => {
    const subject = await example("exporter-broken");
    const report = await check(subject, { budget: 8_000 });
    const violated = report.rules.filter((rule) => rule.verdict === "violated");
    expect(violated.map((rule) => rule.id)).toEqual(["MAP-17", "DMAMAP-01"]);
    const [broken] = violated;
    expect(broken!.counterexample!.program.steps.length).toBeLessThanOrEqual(3);
    const block = await describeFailure(subject, broken!, "npx dmabuf-conformance replay FILE");
    expect(Math.max(...block.split("\n").map((line) => line.length))).toBeLessThanOrEqual(80);
    expect(block.split("\n").length).toBeLessThanOrEqual(34);
    expect(block).toContain("still mapped");
  });
});

describe("determinism", () => {
  it("the same seed gives the same report, to the byte", async () => {
    const subject = await example("exporter-broken");
    const [first, second] = [await check(subject, { budget: 3_000 }), await check(subject, { budget: 3_000 })];
    expect(JSON.stringify(withoutMeasured(second))).toBe(JSON.stringify(withoutMeasured(first)));
  });

  it("the generator and async forms of one adapter exercise alike", async () => {
    const reports = await Promise.all(
      ["exporter-generator", "exporter-async"].map(async (name) => check(await example(name), { budget: 8_000 })),
    );
    const [first, second] = reports.map((report) =>
      report.rules.map((rule) => [rule.id, rule.verdict, rule.exercised]),
    );
    expect(second).toEqual(first);
  });
});
