import { describe, expect, it } from "vitest";
import { registry } from "../../contracts/registry.ts";
import { kernelEdits } from "../../kernel/mutants/edits.ts";
import { moduleFaults } from "../../kernel/mutants/module-faults.ts";
import {
  faultLine,
  least,
  parts,
  shortfalls,
  tableText,
  type CleanRow,
  type FaultRow,
  type Results,
} from "../../kernel/mutants/table.ts";
import { deviations } from "../../kernel/pair/deviations.ts";
import { pairEdits } from "../../kernel/pair/faults.ts";

const all = [...moduleFaults, ...kernelEdits, ...pairEdits];

const caught: FaultRow = {
  part: "core",
  name: "a wait ends after the first fence",
  rule: "RESV-36",
  outcome: { broken: new Map(Object.entries({ difference: 2, "RESV-36": 1 })), at: 17, programs: 50 },
};
const clean: CleanRow = { part: "core", programs: 17, broken: new Map() };
const results = (changes: Partial<Results>): Results => ({
  faults: [caught],
  clean: [clean],
  whole: false,
  ...changes,
});

describe("the faults of kernels", () => {
  it("are as many as a whole run has to try, each once", () => {
    expect([moduleFaults.length, kernelEdits.length, pairEdits.length]).toEqual(parts.map((part) => least[part]));
    expect(new Set(all.map(({ name }) => name)).size).toBe(all.length);
  });

  it("are ten in the core's own three files at least", () => {
    const core = kernelEdits.filter(({ file }) => ["dma-buf.c", "dma-resv.c", "dma-fence.c"].includes(file));
    expect(core.length).toBeGreaterThanOrEqual(10);
  });

  it("are for rules that there are, and that the kernel without them does not break", () => {
    const ids = registry.map(({ id }) => id);
    for (const { rule } of all) expect(ids).toContain(rule);
    for (const { rule } of pairEdits) expect(deviations.map(({ rule: id }) => id)).not.toContain(rule);
  });
});

describe("what came of them", () => {
  it("is a table of 80 columns with the figures on the last line", () => {
    const lines = tableText(results({})).split("\n");
    expect(Math.max(...lines.slice(0, -1).map((line) => line.length))).toBeLessThanOrEqual(80);
    expect(lines.join("\n")).toMatch(/core: a wait ends after the +│ RESV-36 +│ RESV-36; also +│ 17/);
    expect(lines.at(-1)).toBe(
      "1 of 1 faults caught by the rule they break (1 of 1 of core); without a fault nothing is broken in 17 programs",
    );
    expect(shortfalls(results({}))).toEqual([]);
  });

  it("falls short where a fault is not caught, whatever else shows", () => {
    const missed = { ...caught, outcome: { broken: new Map([["RESV-18", 3]]), at: null, programs: 4000 } };
    expect(shortfalls(results({ faults: [missed] }))).toEqual([
      "missed: a wait ends after the first fence (RESV-36) in 4000 programs",
    ]);
    expect(faultLine(missed)).toContain("MISSED; only RESV-18, program none of 4000");
    expect(tableText(results({ faults: [missed] }))).toContain("0 of 1 faults caught");
  });

  it("falls short where a kernel cannot be built", () => {
    const unbuilt = { ...caught, outcome: "no line for it" };
    expect(shortfalls(results({ faults: [unbuilt] }))).toEqual(["not built: no line for it"]);
  });

  it("falls short where the kernel without a fault shows anything, or was not tried", () => {
    const dirty = { ...clean, broken: new Map([["RESV-36", 1]]) };
    expect(shortfalls(results({ clean: [dirty] }))).toEqual(["the kernel without a fault (core) shows RESV-36 1"]);
    expect(tableText(results({ clean: [dirty] }))).toContain("without a fault something is broken in 17 programs");
    for (const none of [[], [{ ...clean, programs: 0 }]])
      expect(shortfalls(results({ clean: none }))).toEqual(["the kernel without a fault (core) was not tried"]);
  });

  it("falls short where a whole run tried fewer than there have to be", () => {
    expect(shortfalls(results({ whole: true }))).toEqual([
      "0 faults of module were tried, not 9",
      "1 faults of core were tried, not 18",
      "0 faults of pair were tried, not 8",
    ]);
  });
});
