import { describe, expect, it } from "vitest";
import { check } from "../../conformance/check.ts";
import { conformance, type TestApi } from "../../conformance/conformance.ts";
import { mergeToured } from "../../conformance/campaign/toured.ts";
import { DefaultExporter } from "../../reference-impl/exporter/default-exporter.ts";
import { DynamicImporter } from "../../reference-impl/importers/dynamic-importer.ts";
import type { Subject } from "../../conformance/subject.ts";

const exporter: Subject = { name: "default exporter", exporter: (env) => new DefaultExporter(env) };

describe('mode "tour"', () => {
  it("takes every transition of the scopes with an exporter, and judges what it exercises", async () => {
    const report = await check(exporter, { mode: "tour" });
    expect(report.campaign.tours.map(({ scope, taken, transitions }) => [scope, taken === transitions])).toEqual([
      ["lifetime", true],
      ["moving", true],
      ["revoking", true],
      ["sharing", true],
    ]);
    expect(report.conformant).toBe(true);
    expect(report.counts.pass).toBeGreaterThan(40);
    expect(report.counts.blocked).toBeUndefined();
    expect(report.rules.find(({ id }) => id === "REV-04")!.verdict).toBe("pass");
  });

  it("is an error where no scope has a part for the subject", async () => {
    const subject: Subject = { name: "importer", importer: (env) => new DynamicImporter(env) };
    const { fault, conformant } = await check(subject, { mode: "tour" });
    expect(fault).toMatch(/^no scope of K7\.1 has a part for the subject's importer/);
    expect(conformant).toBe(false);
  });

  it("adds one test a scope", () => {
    const tests = new Map<string, Parameters<TestApi["it"]>[1]>();
    const api: TestApi = { describe: (_name, body) => body(), it: (name, body) => tests.set(name, body) };
    conformance(api, exporter, { mode: "tour" });
    const names = [...tests.keys()].filter((name) => name.startsWith("scope "));
    expect(names).toEqual([
      "scope lifetime: every transition is carried out",
      "scope sharing: every transition is carried out",
      "scope moving: every transition is carried out",
      "scope revoking: every transition is carried out",
    ]);
  });

  it("merges what slices have taken", () => {
    const toured = (taken: number, departure: string) => ({
      transitions: 10,
      taken: Buffer.from([taken, 1]).toString("base64"),
      steps: 5,
      bound: 12,
      departures: [departure],
    });
    expect(mergeToured(toured(3, "b"), toured(5, "a"))).toEqual({
      transitions: 10,
      taken: Buffer.from([7, 1]).toString("base64"),
      steps: 10,
      bound: 12,
      departures: ["a", "b"],
    });
  });
});
