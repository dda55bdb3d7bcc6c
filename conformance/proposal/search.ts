import { Judge, type Exercise } from "../../contracts/judge.ts";
import { areaOf, holdsIn } from "../../contracts/registry.ts";
import type { Rule } from "../../contracts/rule.ts";
import type { System } from "../../harness/system.ts";
import { profileNamed } from "../../spec/profile-name.ts";
import type { Program } from "../../spec/program.ts";
import type { Profile } from "../../spec/profile.ts";
import type { Contract } from "../contract/contract.ts";
import { drawRun, type DrawOptions } from "../draw-run.ts";
import { describeDifference, OutcomeWatch } from "../unexplained.ts";

/** How long and from where to look. */
export interface SearchTerms {
  readonly profile: string;
  readonly seed: number;
  /** Operations. */
  readonly budget: number;
  /** Ids of rules after which the search is over once all of them are broken. */
  readonly until?: readonly string[];
  /** Judge by the contract's own rules alone, where those of the core are not asked about. */
  readonly ownOnly?: true;
  /** Longest programs, in turn. */
  readonly lengths?: readonly number[];
}

/** The first program that broke a rule. */
export interface FirstBreak {
  readonly rule: Rule;
  readonly program: Program;
  /** Programs and operations up to it, itself counted in. */
  readonly programs: number;
  readonly operations: number;
}

/** What a search saw. */
export interface SearchResult {
  readonly broken: readonly FirstBreak[];
  readonly programs: number;
  readonly operations: number;
  /** Steps of each of the contract's own operations. */
  readonly own: Readonly<Record<string, number>>;
  readonly exercises: readonly Exercise[];
  /** Answers that no declared outcome and no rule explains, in one line each, first come, with how often. */
  readonly unexplained: ReadonlyMap<string, number>;
  /** Why a run was no verdict: our failure or the proposal's. Ends the search. */
  readonly fault: { readonly text: string; readonly program: Program } | null;
}

/** Lengths of programs, in turn: short ones find most, and long ones what needs many objects. */
const usualLengths: readonly number[] = [20, 60, 160];

/** The rules that a contract's programs are judged by in a profile. */
export function judgedRules({ rules }: Contract, profile: Profile): readonly Rule[] {
  return rules.filter((rule) => rule.monitor !== undefined && holdsIn(rule, profile.series));
}

/** What programs of a contract are drawn from. */
export function drawnFrom({ kinds, extension, key }: Contract, most: number): DrawOptions {
  return { kinds, longest: most, ...(extension && { own: { part: extension.part, contract: key } }) };
}

/**
 * Draws programs of a contract and judges them by all its rules: every other program towards the situation of one of the
 * contract's own rules in turn. The same contract, system and terms give the same result.
 */
export async function searchContract(
  contract: Contract,
  system: System,
  { profile: profileName, seed, budget, until = [], ownOnly, lengths = usualLengths }: SearchTerms,
): Promise<SearchResult> {
  const profile = profileNamed(profileName);
  const { rules: own = [] } = contract.extension ?? {};
  const judged = judgedRules(contract, profile);
  const judge = new Judge(ownOnly === true ? judged.filter((rule) => own.includes(rule)) : judged, profile);
  const watch = new OutcomeWatch(profile);
  const aims = own.filter((rule) => holdsIn(rule, profile.series));
  const broken = new Map<string, FirstBreak>();
  const steps = new Map((contract.extension?.operations ?? []).map((name) => [name, 0]));
  const unexplained = new Map<string, number>();
  let fault: SearchResult["fault"] = null;
  let operations = 0;
  let programs = 0;
  const isOver = () =>
    fault !== null || operations >= budget || (until.length > 0 && until.every((id) => broken.has(id)));
  while (!isOver()) {
    const rule = programs % 2 === 0 ? undefined : aims[(programs >> 1) % Math.max(1, aims.length)];
    const aim = { situation: rule?.situation ?? null, area: rule === undefined ? null : areaOf(rule) };
    const options = drawnFrom(contract, lengths[programs % lengths.length]!);
    const run = await drawRun(system, judge, profileName, seed * 1_000_003 + programs, options, aim, watch);
    programs += 1;
    operations += run.execution.steps;
    for (const { op } of run.program.steps) if (steps.has(op)) steps.set(op, steps.get(op)! + 1);
    if (run.execution.fault !== null) fault = { text: run.execution.fault, program: run.program };
    for (const {
      rule: { id },
      rule: one,
    } of judge.violations)
      if (!broken.has(id)) broken.set(id, { rule: one, program: run.program, programs, operations });
    for (const difference of run.differences) {
      const text = describeDifference(difference);
      unexplained.set(text, (unexplained.get(text) ?? 0) + 1);
    }
  }
  return {
    broken: [...broken.values()],
    programs,
    operations,
    own: Object.fromEntries(steps),
    exercises: judge.exercises(),
    unexplained,
    fault,
  };
}
