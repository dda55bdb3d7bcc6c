import { describe, expect, it } from "vitest";
import { check } from "../../conformance/check.ts";
import { registry } from "../../contracts/registry.ts";
import { compare, drivers } from "../../drivers/index.ts";
import { profileNames } from "../../spec/profile-name.ts";

describe("the table of drivers", () => {
  it("has every name once, and profiles and rules that exist", () => {
    expect(new Set(drivers.map(({ name }) => name)).size).toBe(drivers.length);
    expect(drivers.filter(({ profile }) => !profileNames.includes(profile))).toEqual([]);
    const known = new Set(registry.map(({ id }) => id));
    for (const { name, expectations } of drivers) {
      const rules = expectations.map(({ rule }) => rule);
      expect([name, new Set(rules).size]).toEqual([name, rules.length]);
      expect(rules.filter((rule) => !known.has(rule))).toEqual([]);
      expect(expectations.filter(({ source }) => !source.endsWith("."))).toEqual([]);
    }
  });

  it("is compared both ways", () => {
    const expectations = [
      { rule: "REV-06", verdict: "violated", source: "a." },
      { rule: "REV-21", verdict: "violated", source: "b." },
      { rule: "PIN-19", verdict: "violated", source: "c.", mayHide: true },
    ] as const;
    const outcomes = compare({ expectations }, ["REV-06", "MAP-10"]).map(({ rule, outcome }) => [rule, outcome]);
    expect(outcomes).toEqual([
      ["MAP-10", "unexpected-violation"],
      ["PIN-19", "as-expected"],
      ["REV-06", "as-expected"],
      ["REV-21", "expected-but-clean"],
    ]);
  });

  // Long enough for nearly every hook and callback, too short for what needs a lucky interleaving: see the main job.
  it.each(drivers)("holds for $name in a short run", async (entry) => {
    const { name, profile, partners, expectations } = entry;
    const budget = Math.min(2000, (entry.budget ?? 12_000) / 8);
    const role = entry.role === "exporter" ? { exporter: entry.make } : { importer: entry.make };
    const report = await check({ name, ...role, ...(partners && { partners }) }, { profile, budget });
    expect(report.fault).toBeNull();
    const violated = report.rules.filter(({ verdict }) => verdict === "violated").map(({ id }) => id);
    const unexpected = compare({ expectations }, violated).filter(({ outcome }) => outcome === "unexpected-violation");
    expect(unexpected).toEqual([]);
  });
});
