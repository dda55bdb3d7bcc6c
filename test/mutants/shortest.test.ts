import { describe, expect, it } from "vitest";
import { excludeShorter } from "../../conformance/exclude-shorter.ts";
import { hunt } from "../../conformance/hunt.ts";
import { referenceKinds } from "../../conformance/reference-roles.ts";
import { replay } from "../../conformance/replay.ts";
import { findShortest } from "../../conformance/shortest.ts";
import { monitored } from "../../contracts/registry.ts";
import { alphabetOf } from "../../generators/enumerate/alphabet.ts";
import { lengthOf } from "../../generators/shrink/session.ts";
import { hash128 } from "../../spec/hash.ts";
import { profiles } from "../../spec/profile.ts";
import type { Program } from "../../spec/program.ts";
import { programProblem } from "../../spec/check-program.ts";
import { allMutants } from "./all.ts";
import { readExact } from "./exact.ts";
import type { Mutant } from "./mutant.ts";
import { compareLengths, readLengths, readShortest } from "./shortest.ts";

const mutants = new Map((await allMutants()).map((mutant) => [mutant.name, mutant]));
const known = readShortest();
const exact = readExact();

function ruleOf(mutant: Mutant) {
  return monitored(mutant.profile).find(({ id }) => id === mutant.rule)!;
}

describe("the shortest counterexamples known", () => {
  it("are of mutants that exist, one of each", () => {
    expect([...known.keys()].filter((name) => !mutants.has(name))).toEqual([]);
    expect(known.size).toBeGreaterThanOrEqual(340);
    expect([...known].map(([name, program]) => [name, lengthOf(program)])).toEqual([...readLengths()]);
  });

  it("break their rule, with nothing in them that does not happen", async () => {
    const wrong: string[] = [];
    for (const [name, program] of known) {
      const mutant = mutants.get(name)!;
      const run = await replay(
        program,
        mutant.system(() => undefined),
        [ruleOf(mutant)],
        profiles[mutant.profile],
      );
      const happened = run.steps.length + run.schedule.length + run.failures.length;
      if (run.violations.length === 0 || happened !== lengthOf(program) || programProblem(program) !== null)
        wrong.push(name);
    }
    expect(wrong).toEqual([]);
  });

  it("are what a search finds: equal for 95 %, never more than 2 longer", { timeout: 120_000 }, async () => {
    const found: (readonly [string, Program])[] = [];
    for (const [name, mutant] of mutants) {
      // By name: another mutant more changes nothing for the others.
      if (Number.parseInt(hash128(name).slice(0, 8), 16) % 100 !== 0 || !known.has(name)) continue;
      const system = mutant.system(() => undefined);
      const { kill } = hunt(system, mutant.profile, mutant.rule, 1, (operations) => operations < 60_000);
      if (kill === null) continue;
      const rule = ruleOf(mutant);
      const { situation } = rule;
      const search = { system, rule, kinds: referenceKinds, situation, seed: 1, further: 200 };
      found.push([name, (await findShortest(kill.program, search)).program]);
    }
    const lengths = compareLengths(found, known);
    expect(found.length).toBeGreaterThanOrEqual(4);
    expect(lengths.equal).toBeGreaterThanOrEqual(Math.floor(found.length * 0.95));
    expect(lengths.worst).toBeLessThanOrEqual(2);
  });
});

describe("exact minima", () => {
  it("are known for at least 30 mutants, 30 of them over every operation there is", () => {
    expect(exact.size).toBeGreaterThanOrEqual(30);
    expect([...exact.values()].filter(({ over }) => over === "whole").length).toBeGreaterThanOrEqual(30);
  });

  it("are as long as the shortest counterexamples known", () => {
    for (const [name, { length }] of exact) expect([name, lengthOf(known.get(name)!)]).toEqual([name, length]);
  });

  it("hold over the operations of the counterexample, which turns up at that length", async () => {
    const wrong: string[] = [];
    let tried = 0;
    for (const [name, { length }] of exact) {
      if (length > 4) continue;
      const mutant = mutants.get(name)!;
      const program = known.get(name)!;
      const alphabet = alphabetOf(program, null, "own");
      const system = mutant.system(() => undefined);
      const { found, atLeast } = await excludeShorter(system, program, ruleOf(mutant), alphabet, length + 1, 100);
      tried += 1;
      if (found === null ? atLeast > length : atLeast !== length) wrong.push(name);
    }
    expect(wrong).toEqual([]);
    expect(tried).toBeGreaterThanOrEqual(30);
  });
});

describe("lengths of one run beside the stored ones", () => {
  const [[name, program]] = [...known] as [[string, Program]];
  const longer = { ...program, steps: [...program.steps, ...program.steps, ...program.steps] };

  it("say which are shorter, and how much longer the others are", () => {
    expect(compareLengths([[name, program]], known)).toMatchObject({ shorter: [], equal: 1, worst: 0 });
    const worse = compareLengths([[name, longer]], known);
    expect(worse).toMatchObject({ shorter: [], equal: 0, worst: 2 * program.steps.length });
    expect(worse.best).toEqual(known);
    const better = compareLengths([[name, program]], new Map([[name, longer]]));
    expect(better.shorter).toEqual([{ name, length: lengthOf(program), known: lengthOf(longer) }]);
    expect(better.best.get(name)).toBe(program);
    expect(compareLengths([[name, program]], new Map()).shorter).toMatchObject([{ known: null }]);
  });
});
