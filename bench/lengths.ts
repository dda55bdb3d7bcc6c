import { referenceKinds } from "../conformance/reference-roles.ts";
import { findShortest } from "../conformance/shortest.ts";
import { monitored } from "../contracts/registry.ts";
import { lengthOf } from "../generators/shrink/session.ts";
import type { Program } from "../spec/program.ts";
import type { Mutant } from "../test/mutants/mutant.ts";
import { compareLengths, readShortest } from "../test/mutants/shortest.ts";
import { cpuSeconds, median } from "./clock.ts";

/** A program that broke the rule of a mutant. */
export interface Killed {
  readonly mutant: Mutant;
  readonly program: Program;
}

/** Lengths of counterexamples beside the shortest known. */
export interface LengthsFound {
  readonly kills: number;
  readonly equal: number;
  /** Steps that the longest of them is longer. */
  readonly worst: number;
  /** Of the first shrink alone. */
  readonly equalAtFirst: number;
  readonly milliseconds: number;
}

/** Executions beyond the first shrink. */
const further = 200;

/** Looks for the shortest counterexample from each kill. */
export async function measureLengths(kills: readonly Killed[]): Promise<LengthsFound> {
  const known = readShortest();
  const found: (readonly [string, Program])[] = [];
  const times: number[] = [];
  let equalAtFirst = 0;
  for (const { mutant, program } of kills) {
    const rule = monitored(mutant.profile).find(({ id }) => id === mutant.rule)!;
    const started = cpuSeconds();
    const shortest = await findShortest(program, {
      system: mutant.system(() => undefined),
      rule,
      kinds: referenceKinds,
      situation: rule.situation,
      seed: 1,
      further,
    });
    times.push((cpuSeconds() - started) * 1000);
    found.push([mutant.name, shortest.program]);
    const stored = compareLengths([[mutant.name, shortest.program]], known).best.get(mutant.name)!;
    if (shortest.first <= lengthOf(stored)) equalAtFirst += 1;
  }
  const { equal, worst } = compareLengths(found, known);
  return { kills: kills.length, equal, worst, equalAtFirst, milliseconds: median(times) };
}
