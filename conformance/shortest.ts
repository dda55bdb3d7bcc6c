import { Judge } from "../contracts/judge.ts";
import { areaOf } from "../contracts/registry.ts";
import type { Rule } from "../contracts/rule.ts";
import { alphabetOf } from "../generators/enumerate/alphabet.ts";
import type { Kinds } from "../generators/world-shape.ts";
import type { System } from "../harness/system.ts";
import { profileNamed } from "../spec/profile-name.ts";
import type { Program } from "../spec/program.ts";
import type { Situation } from "../spec/situation.ts";
import { boundOf, type Bound } from "./bound.ts";
import { drawRun, type DrawOptions } from "./draw-run.ts";
import { excludeShorter } from "./exclude-shorter.ts";
import { numberedViolation, shrinkViolation, type ShrunkViolation } from "./shrink-violation.ts";

/** How the search for a shorter counterexample goes on once the first one has been shrunk. */
export interface Search {
  readonly system: System;
  readonly rule: Rule;
  /** What further programs are drawn from. */
  readonly kinds: Kinds;
  /** The rule's situation, as it is for what is under test. */
  readonly situation?: Situation | undefined;
  readonly seed: number;
  /** Executions beyond those of the first shrink. */
  readonly further: number;
  /** What a contract beside the core adds. */
  readonly own?: DrawOptions["own"];
}

/** The shortest program found that breaks the rule. */
export interface Shortest extends ShrunkViolation {
  /** Length after the first shrink. */
  readonly first: number;
  /** Executions beyond those of the first shrink, which `executions` counts. */
  readonly further: number;
  readonly bound: Bound;
}

/** Longest program that is drawn. Shorter ones take less time and find fewer of the other ways to break a rule. */
const longest = 60;
/** Every how many-th program is drawn without the situation. */
const plainly = 4;
/** Something is exported and something breaks: a counterexample this short is not searched for a shorter one. */
const shortEnough = 2;
/** Share of the further executions that proving a bound may take. */
const proving = 0.25;

/** Shrinks a program that breaks the rule, then looks for another way to break it: see `lookFurther`. */
export async function findShortest(program: Program, search: Search): Promise<Shortest> {
  const { system, rule } = search;
  return lookFurther(await shrinkViolation(system, program, rule.id, { rules: [rule], kinds: search.kinds }), search);
}

/**
 * Draws programs towards the rule's situation, shrinks those that break it, keeps the shortest: another start does more
 * than another way down from the same one. Last, lists the programs that are shorter still.
 * Deterministic: equal arguments, equal result.
 */
export async function lookFurther(first: ShrunkViolation, search: Search): Promise<Shortest> {
  const { system, rule, kinds, further } = search;
  const rules = [rule];
  const { profile } = first.program;
  const judge = new Judge(rules, profileNamed(profile));
  const most = first.reproduced && first.steps > shortEnough ? Math.floor(further * (1 - proving)) : 0;
  const options = { kinds, longest, ...(search.own && { own: search.own }) };
  let best = first;
  let spent = 0;
  for (let index = 1; spent < most; index += 1) {
    const situation = index % plainly === 0 ? null : (search.situation ?? null);
    const aim = { situation, area: areaOf(rule) };
    const run = await drawRun(system, judge, profile, search.seed * 1_000_003 + index, options, aim);
    spent += 1;
    if (judge.violations.length === 0 || run.execution.fault !== null || spent >= most) continue;
    const other = await shrinkViolation(system, run.program, rule.id, { rules, kinds, executions: most - spent });
    spent += other.executions;
    if (other.reproduced && other.steps < best.steps) best = other;
  }
  const alphabet = alphabetOf(best.program, null, "own");
  const rest = first.reproduced ? further - spent : 0;
  const shorter = await excludeShorter(system, best.program, rule, alphabet, best.steps, rest);
  if (shorter.found !== null) best = await shrinkViolation(system, shorter.found, rule.id, { rules, kinds });
  return {
    ...(await numberedViolation(system, best)),
    executions: first.executions,
    initial: first.initial,
    first: first.steps,
    further: spent + shorter.executions,
    bound: boundOf(shorter),
  };
}
