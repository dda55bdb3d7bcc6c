import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { KeptSlices } from "../../kernel/compare/kept.ts";
import { KnownDifferences } from "../../kernel/compare/known-differences.ts";
import { addTally, count, emptyTally, medianLength, type Tally } from "../../kernel/compare/tally.ts";
import { isGood, shortfalls, textOf, unmatched } from "../../kernel/compare/text.ts";

/** A comparison that reaches every floor. */
function enough(): Tally {
  const tally = emptyTally();
  tally.programs = 5000;
  tally.steps = 125_000;
  tally.lengths[25] = 5000;
  tally.operations["lock"] = 2000;
  tally.operations["unpin"] = 50;
  tally.hooks["invalidate"] = 50;
  tally.exporters["udmabuf"] = 50;
  tally.blocking = 500;
  tally.milliseconds = 1000;
  for (let rule = 1; rule <= 150; rule += 1) tally.exercises[`RESV-${rule}`] = 1;
  return tally;
}

const offered = { operations: ["lock", "unpin"], hooks: ["invalidate"], exporters: ["udmabuf"] };

describe("a tally", () => {
  it("adds up, and keeps the first of what was broken", () => {
    const [total, one, two] = [emptyTally(), enough(), enough()];
    const trouble = (seed: number) => ({ seed, what: "broken", difference: null, log: "" });
    one.violations["MAP-17"] = { count: 2, first: trouble(3) };
    two.violations["MAP-17"] = { count: 1, first: trouble(7) };
    two.troubles.push(trouble(9));
    two.lengths[11] = 4;
    addTally(total, one);
    addTally(total, two);
    expect(total).toMatchObject({ programs: 10_000, steps: 250_000, operations: { lock: 4000, unpin: 100 } });
    expect(total.violations["MAP-17"]).toEqual({ count: 3, first: trouble(3) });
    expect(total.troubles).toHaveLength(1);
    expect(total.lengths).toEqual({ 25: 10_000, 11: 4 });
    expect(one.violations["MAP-17"].count).toBe(2);
  });

  it("finds the program in the middle", () => {
    const tally = emptyTally();
    tally.programs = 5;
    for (const length of [100, 3, 7, 7, 2]) count(tally.lengths, length);
    expect(medianLength(tally)).toBe(7);
    expect(medianLength(emptyTally())).toBe(0);
  });
});

describe("what a comparison has to reach", () => {
  it("is reached", () => {
    expect(shortfalls(enough(), offered)).toEqual([]);
    expect(isGood(enough(), offered)).toBe(true);
  });

  const short: readonly (readonly [string, (tally: Tally) => void, RegExp])[] = [
    [
      "length",
      (tally) => void Object.assign(tally.lengths, { 19: 2500, 25: 2500 }),
      /the median program has 19 operations, not 20/,
    ],
    ["an operation", (tally) => void (tally.operations["unpin"] = 45), /unpin is in 0\.9 % of the programs/],
    ["a hook", (tally) => void (tally.hooks["invalidate"] = 20), /the hook invalidate is in 0\.4 % of the programs/],
    ["an exporter", (tally) => void delete tally.exporters["udmabuf"], /an export by udmabuf is in 0\.0 %/],
    ["blocking", (tally) => void (tally.blocking = 495), /9\.9 % of the programs block/],
    ["rules", (tally) => void delete tally.exercises["RESV-1"], /149 rules are exercised, not 150/],
  ];
  it.each(short)("is missed by %s, and that is red and said", (_what, spoil, words) => {
    const tally = enough();
    spoil(tally);
    expect(shortfalls(tally, offered).join()).toMatch(words);
    expect(isGood(tally, offered)).toBe(false);
    const options = { version: "6.12.1", offered, known: [], show: 1 };
    expect(textOf(tally, options)).toMatch(words);
  });

  it("is not asked of a few programs", () => {
    const tally = enough();
    tally.programs = 4999;
    tally.blocking = 0;
    expect(shortfalls(tally, offered)).toEqual([]);
  });
});

describe("a known difference", () => {
  const entry = {
    id: "old",
    class: "freedom",
    statement: "",
    kernels: ["6.12"],
    operation: "",
    missing: [],
    extra: [],
  } as const;

  it("that shows in none of many programs is red", () => {
    const tally = enough();
    expect(unmatched(tally, "6.12.1", [entry])).toEqual([]);
    tally.programs = 20_000;
    expect(unmatched(tally, "6.12.1", [entry])).toEqual([
      "the known difference old shows in none of 20000 programs on 6.12.1",
    ]);
    expect(unmatched(tally, "7.3.4", [entry])).toEqual([]);
    tally.known["old"] = 1;
    expect(unmatched(tally, "6.12.1", [entry])).toEqual([]);
  });
});

describe("kept slices", () => {
  const folder = mkdtempSync(join(tmpdir(), "kept-"));
  const file = join(folder, "tallies");
  afterEach(() => rmSync(file, { force: true }));

  it("are found again, under their key only", () => {
    const kept = new KeptSlices(file, "this code");
    kept.add(1, enough());
    kept.add(1001, emptyTally());
    expect(new KeptSlices(file, "this code").get(1)).toEqual(enough());
    expect(new KeptSlices(file, "this code").get(2001)).toBeUndefined();
    expect(new KeptSlices(file, "other code").get(1)).toBeUndefined();
  });

  it("survive a run that was stopped while it wrote", () => {
    new KeptSlices(file, "key").add(1, enough());
    writeFileSync(file, `${readFileSync(file, "utf8")}{"key":"key","slice":1001,"tal`);
    const again = new KeptSlices(file, "key");
    expect(again.get(1)).toEqual(enough());
    again.add(1001, emptyTally());
    expect(new KeptSlices(file, "key").get(1001)).toEqual(emptyTally());
  });

  it("are nowhere without a file", () => {
    const kept = new KeptSlices(null, "key");
    kept.add(1, enough());
    expect(kept.get(1)).toEqual(enough());
  });
});

describe("known differences", () => {
  const known = new KnownDifferences(readFileSync("test/kernel/differences.json", "utf8"));
  const merge = {
    step: "s3",
    operation: "merge",
    missing: ['ret by="program" errno=0 fence="f4" op="merge"'],
    extra: ['ret by="program" errno=0 fence="f5" op="merge"'],
  };

  it("match by kernel, operation and everything that differs", () => {
    expect(known.of(merge, "6.12.117")?.id).toBe("merge-equal-numbers");
    expect(known.of(merge, "6.1.3")).toBeNull();
    expect(known.of({ ...merge, operation: "signal" }, "6.12.117")).toBeNull();
    expect(known.of({ ...merge, extra: [...merge.extra, "warn"] }, "6.12.117")).toBeNull();
  });

  it("have each an id, a class and a sentence of their own", () => {
    const { entries } = known;
    expect(new Set(entries.map(({ id }) => id)).size).toBe(entries.length);
    for (const { statement, class: kind } of entries) {
      expect(statement).toMatch(/\.$/);
      expect(["freedom", "harness", "reference", "profile", "finding"]).toContain(kind);
    }
  });
});
