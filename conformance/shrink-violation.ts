import { Judge, type Violation } from "../contracts/judge.ts";
import { monitored } from "../contracts/registry.ts";
import type { Rule } from "../contracts/rule.ts";
import { numbered } from "../generators/shrink/numbered.ts";
import { shrink, type ShrinkOptions, type ShrinkResult } from "../generators/shrink/shrink.ts";
import type { Shrunk } from "../generators/shrink/session.ts";
import type { System } from "../harness/system.ts";
import { profileNamed } from "../spec/profile-name.ts";
import type { Program } from "../spec/program.ts";
import { lastBegun, replay, whatHappened, type Replay } from "./replay.ts";

/** Settings of `shrinkViolation`. */
export interface ShrinkViolationOptions extends ShrinkOptions {
  /** Where to look for the rule; the registry by default. */
  readonly rules?: readonly Rule[];
}

/** The shortest program found that breaks the rule, and how it does. */
export interface ShrunkViolation extends ShrinkResult {
  readonly violation: Violation;
}

/** Events that runs may take that are no clean ones: each that never ends costs as much as the longest run there can be. */
const mostLost = 1_500_000;

/** Runs candidates and remembers how each that failed broke the rule. */
class Trial {
  private readonly system: System;
  private readonly rule: Rule;
  private readonly judge: Judge;
  private readonly violations = new WeakMap<Program, Violation>();
  /** Whether the first run was no clean one: then the others need not be either. */
  private faulty: boolean | null = null;
  /** Events of runs that were no clean ones. */
  private lost = 0;

  constructor(system: System, profile: string, rule: Rule) {
    this.system = system;
    this.rule = rule;
    this.judge = new Judge([rule], profileNamed(profile));
  }

  run(candidate: Program): Shrunk | null | Promise<Shrunk | null> {
    if (this.lost > mostLost) return null;
    const run = replay(candidate, this.system, [this.rule], this.judge.profile, this.judge);
    return run instanceof Promise ? run.then((done) => this.answer(candidate, done)) : this.answer(candidate, run);
  }

  private answer(candidate: Program, run: Replay): Shrunk | null {
    this.faulty ??= run.fault !== null;
    if (run.fault !== null) this.lost += run.events.length;
    const violation = run.violations[0];
    if (violation === undefined || (run.fault !== null && !this.faulty)) return null;
    const program = whatHappened(candidate, run);
    this.violations.set(program, violation);
    return { program, last: lastBegun(run, violation.seq) };
  }

  result(shrunk: ShrinkResult): ShrunkViolation {
    return {
      ...shrunk,
      violation: this.violations.get(shrunk.program) ?? {
        rule: this.rule,
        seq: 0,
        why: "the program broke the rule once and did not when it ran again",
        evidence: [],
      },
    };
  }
}

/**
 * Shrinks a program that breaks a rule to one that breaks the same rule. Steps keep their kind: legal ones stay legal,
 * misuse stays misuse. Synchronous for synchronous systems; a promise where a role is async.
 */
export function shrinkViolation(
  system: System,
  program: Program,
  ruleId: string,
  options: ShrinkViolationOptions = {},
): ShrunkViolation | Promise<ShrunkViolation> {
  const rules = options.rules ?? monitored(profileNamed(program.profile).series);
  const rule = rules.find(({ id }) => id === ruleId);
  if (rule === undefined) throw new RangeError(`no rule ${ruleId} with a monitor holds in ${program.profile}`);
  const trial = new Trial(system, program.profile, rule);
  const shrunk = shrink(program, (candidate) => trial.run(candidate), options);
  return shrunk instanceof Promise ? shrunk.then((result) => trial.result(result)) : trial.result(shrunk);
}

/** The same counterexample with its steps numbered from 1, where it breaks the rule in that form too. */
export async function numberedViolation(system: System, shrunk: ShrunkViolation): Promise<ShrunkViolation> {
  const { program, violation, reproduced } = shrunk;
  if (!reproduced) return shrunk;
  const again = await replay(numbered(program), system, [violation.rule], profileNamed(program.profile));
  const [found] = again.violations;
  const isSame = again.fault === null && again.steps.length === program.steps.length;
  return found === undefined || !isSame ? shrunk : { ...shrunk, program: numbered(program), violation: found };
}
