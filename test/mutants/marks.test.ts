import { describe, expect, it } from "vitest";
import { allMutants } from "./all.ts";
import { problemOfMark } from "./mark-checks.ts";
import { countMarks, fewest, markedNames, type Mark } from "./marks.ts";
import { readShortest } from "./shortest.ts";

const mutants = await allMutants();
const byName = new Map(mutants.map((mutant) => [mutant.name, mutant]));
const known = readShortest();
const budget = { executions: 500, operations: 400 };

describe("marks of mutants", () => {
  it("are of mutants that exist and whose shortest counterexample is stored", () => {
    expect(markedNames.filter((name) => !byName.has(name) || !known.has(name))).toEqual([]);
  });

  it.each(Object.entries(fewest))("%s: at least %i", (mark, least) => {
    expect(mutants.filter(({ marks }) => marks.includes(mark as Mark)).length).toBeGreaterThanOrEqual(least);
  });

  it("are what the mutants do", { timeout: 60_000 }, async () => {
    const wrong: string[] = [];
    for (const { name, marks } of mutants)
      for (const mark of marks) {
        const problem = await problemOfMark(mark, byName.get(name)!, known.get(name)!, budget);
        if (problem !== null) wrong.push(`${name} is not ${mark}: ${problem}`);
      }
    expect(wrong).toEqual([]);
  });

  it("are refused where they are not deserved", async () => {
    const simple = byName.get("PIN-03 a move does not look at the pins")!;
    const program = known.get(simple.name)!;
    for (const mark of ["deep", "hidden", "window"] as const)
      expect(await problemOfMark(mark, simple, program, budget)).not.toBeNull();
  });

  it("are counted, and too few are a problem", () => {
    expect(countMarks(mutants).problem).toBeNull();
    expect(countMarks([]).problem).toBe("fewer than 12 deep, 12 hidden, 12 window");
  });
});
