import { AcrossRuns, type JointViolation } from "../contracts/across.ts";
import { Judge } from "../contracts/judge.ts";
import { monitored } from "../contracts/registry.ts";
import type { System } from "../harness/system.ts";
import { profiles, type Series } from "../spec/profile.ts";
import type { Situation } from "../spec/situation.ts";
import type { Rule } from "../contracts/rule.ts";
import type { Program } from "../spec/program.ts";
import { drawRun, type DrawOptions } from "./draw-run.ts";
import { referenceKinds } from "./reference-roles.ts";
import type { RunOutcome } from "./run-proposal.ts";

/** A program that breaks the rule that was hunted. */
export interface Kill {
  readonly program: Program;
  readonly operations: number;
  readonly programs: number;
}

/** How a hunt ended. */
export interface Hunt {
  readonly kill: Kill | null;
  readonly operations: number;
  readonly programs: number;
  /** Why a run was no verdict, where one was none: the system threw or never ended. */
  readonly fault: string | null;
}

/**
 * Draws random programs until one breaks the rule, half of them bent to its situation. No other rule is judged.
 * `goOn` is asked after every program; a deterministic caller counts operations.
 */
export function hunt(
  system: System,
  series: Series,
  ruleId: string,
  seed: number,
  goOn: (operations: number) => boolean,
  schedule?: DrawOptions["schedule"],
): Hunt {
  const rule = monitored(series).filter(({ id }) => id === ruleId);
  const judge = new Judge(rule, profiles[series]);
  const aim = aimOf(rule, ruleId);
  let operations = 0;
  let fault: string | null = null;
  for (let index = 0; goOn(operations); index += 1) {
    const run = drawBent(system, judge, series, seed, index, aim, schedule);
    operations += run.execution.steps;
    fault ??= run.execution.fault;
    const programs = index + 1;
    if (judge.violations.length > 0)
      return { kill: { program: run.program, operations, programs }, operations, programs, fault };
  }
  return { kill: null, operations, programs: 0, fault };
}

/** Where a hunt draws towards. */
interface Aim {
  readonly situation: Situation | null;
  readonly area: string;
}

function aimOf(rules: readonly Rule[], ruleId: string): Aim {
  const situation = rules.find((rule) => rule.id === ruleId)?.situation ?? null;
  return { situation, area: ruleId.slice(0, ruleId.indexOf("-")) };
}

/** The program of that number in a hunt: short and long ones in turn, half of them bent to the situation. */
function drawBent(
  system: System,
  judge: Judge,
  series: Series,
  seed: number,
  index: number,
  { situation, area }: Aim,
  schedule?: DrawOptions["schedule"],
): RunOutcome {
  const longest = index % 2 === 0 ? 60 : 300;
  const options = { kinds: referenceKinds, longest, ...(schedule === undefined ? {} : { schedule }) };
  const run = drawRun(system, judge, series, seed * 1_000_003 + index, options, {
    situation: index % 2 === 0 ? situation : null,
    area: index % 4 === 3 ? null : area,
  });
  if (run instanceof Promise) throw new Error("hunting needs synchronous roles");
  return run;
}

/** How a hunt for what runs break only together ended. */
export interface JointHunt {
  readonly violation: JointViolation | null;
  readonly operations: number;
  readonly programs: number;
}

/** Draws random programs until all of them together break the rule. */
export function huntJoint(
  system: System,
  series: Series,
  ruleId: string,
  seed: number,
  goOn: (operations: number) => boolean,
): JointHunt {
  const rules = monitored(series);
  const judge = new Judge([], profiles[series]);
  const runs = new AcrossRuns(rules.filter(({ id }) => id === ruleId));
  const aim = aimOf(rules, ruleId);
  let operations = 0;
  for (let index = 0; goOn(operations); index += 1) {
    const { program, execution } = drawBent(system, judge, series, seed, index, aim);
    operations += execution.steps;
    if (execution.fault === null) runs.collect({ program, events: execution.events });
    const [violation] = runs.judge();
    if (violation !== undefined) return { violation, operations, programs: index + 1 };
  }
  return { violation: null, operations, programs: 0 };
}
