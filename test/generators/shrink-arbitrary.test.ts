import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Judge } from "../../contracts/judge.ts";
import { drawRun } from "../../conformance/draw-run.ts";
import { referenceKinds } from "../../conformance/reference-roles.ts";
import { replay, whatHappened } from "../../conformance/replay.ts";
import { programArbitrary } from "../../generators/arbitrary.ts";
import { lengthOf, type Shrunk } from "../../generators/shrink/session.ts";
import { profiles } from "../../spec/profile.ts";
import type { Program } from "../../spec/program.ts";
import { faults } from "./shrink-faults.ts";

const fault = faults[0]!;
const profile = profiles["K7.1"];

function draw(seed: number): Program {
  const judge = new Judge([], profile);
  const aim = { situation: fault.situation, area: null };
  const run = drawRun(fault.system(), judge, "K7.1", seed, { kinds: referenceKinds, longest: 60 }, aim);
  if (run instanceof Promise) throw new Error("this system is synchronous");
  return run.program;
}

function fails(program: Program): Shrunk | null {
  const run = replay(program, fault.system(), [fault.rule], profile);
  if (run instanceof Promise) throw new Error("this system is synchronous");
  return run.violations.length === 0 ? null : { program: whatHappened(program, run) };
}

const holds = (program: Program): boolean => fails(program) === null;

describe("programArbitrary", () => {
  it("lets fast-check report our shortest program", () => {
    const details = fc.check(fc.property(programArbitrary({ draw, fails }), holds), { seed: 7, numRuns: 200 });
    expect(details.failed).toBe(true);
    expect(lengthOf(details.counterexample![0])).toBe(fault.minimum);
    expect(details.numShrinks).toBeGreaterThan(0);
  });

  it("does so with the property alone as the judge", () => {
    const details = fc.check(fc.property(programArbitrary({ draw }), holds), { seed: 7, numRuns: 200 });
    expect(lengthOf(details.counterexample![0])).toBe(fault.minimum);
  });

  it("is replayed by seed and path", () => {
    for (const arbitrary of [programArbitrary({ draw, fails }), programArbitrary({ draw })]) {
      const property = fc.property(arbitrary, holds);
      const { seed, counterexamplePath, counterexample } = fc.check(property, { seed: 7, numRuns: 200 });
      const again = fc.check(property, { seed, path: counterexamplePath!, endOnFailure: true });
      expect(again.counterexample).toEqual(counterexample);
      expect(again.numRuns).toBe(1);
    }
  });

  it("draws the same programs for the same seed, and different ones along the way", () => {
    const arbitrary = programArbitrary({ draw });
    const programs = fc.sample(arbitrary, { seed: 3, numRuns: 5 });
    expect(fc.sample(arbitrary, { seed: 3, numRuns: 5 })).toEqual(programs);
    expect(new Set(programs.map((program) => JSON.stringify(program))).size).toBe(5);
  });

  it("shrinks examples, which come without a place in a search", () => {
    const found = fc.check(fc.property(programArbitrary({ draw }), holds), {
      seed: 7,
      numRuns: 200,
      endOnFailure: true,
    });
    const options = { examples: [found.counterexample!], numRuns: 1 } satisfies fc.Parameters<[Program]>;
    const details = fc.check(fc.property(programArbitrary({ draw, fails }), holds), options);
    expect(lengthOf(details.counterexample![0])).toBe(fault.minimum);
  });

  it("leaves a program alone that fails for another reason", () => {
    const details = fc.check(
      fc.property(programArbitrary({ draw, fails: () => null }), () => false),
      { seed: 1, numRuns: 1 },
    );
    expect(details.numShrinks).toBe(0);
  });
});
