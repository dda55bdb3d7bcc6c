import { describe, expect, it } from "vitest";
import { check } from "../../conformance/check.ts";
import type { Counterexample } from "../../conformance/counterexample.ts";
import type { Subject } from "../../conformance/subject.ts";

async function example(name: string): Promise<Subject> {
  return ((await import(`../../examples/${name}.mjs`)) as { readonly default: Subject }).default;
}

const budget = 3_000;

async function counterexample(): Promise<Counterexample> {
  const report = await check(await example("exporter-broken"), { budget });
  return report.rules.find((rule) => rule.id === "MAP-17")!.counterexample!;
}

describe("waivers", () => {
  it("a waived violation is known while its counterexample fails, and stale when it no longer does", async () => {
    const waivers = [
      { rule: "MAP-17", reason: "unmap is being rewritten", issue: "bug 17", counterexample: await counterexample() },
    ];
    const known = await check(await example("exporter-broken"), { budget, waivers });
    expect(known.rules.find((rule) => rule.id === "MAP-17")).toMatchObject({
      verdict: "known",
      reason: "unmap is being rewritten (bug 17)",
    });
    const stale = await check(await example("exporter-plain"), { budget, waivers });
    expect(stale.rules.find((rule) => rule.id === "MAP-17")!.verdict).toBe("stale");
    expect(stale.conformant).toBe(false);
  });

  it("a waiver has to say why, where, and be of its rule", async () => {
    const subject = await example("exporter-plain");
    const good = { rule: "MAP-17", reason: "r", issue: "i", counterexample: await counterexample() };
    await expect(check(subject, { waivers: [{ ...good, reason: " " }] })).rejects.toThrow("says no reason");
    await expect(check(subject, { waivers: [{ ...good, issue: "" }] })).rejects.toThrow("names no issue");
    await expect(check(subject, { waivers: [{ ...good, rule: "MAP-99" }] })).rejects.toThrow("no such rule");
    await expect(check(subject, { waivers: [{ ...good, rule: "MAP-18" }] })).rejects.toThrow(
      "counterexample of MAP-17",
    );
    await expect(check(subject, { waivers: [good, good] })).rejects.toThrow("second one");
  });
});
