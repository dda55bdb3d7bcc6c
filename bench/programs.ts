import { drawRun } from "../conformance/draw-run.ts";
import type { RunOutcome } from "../conformance/run-proposal.ts";
import { referenceKinds } from "../conformance/reference-roles.ts";
import { Judge } from "../contracts/judge.ts";
import { monitored } from "../contracts/registry.ts";
import type { System } from "../harness/system.ts";
import { profiles } from "../spec/profile.ts";

/** The series that everything here is measured in: the newest. */
const series = "K7.1";

export const profile = profiles[series];

/** A judge with all rules that hold. */
export function fullJudge(): Judge {
  return new Judge(monitored(series), profile);
}

/** The whole pipeline once: draw, run, record, judge, drain. */
export function pipeline(system: System, judge: Judge, seed: number): RunOutcome {
  const run = drawRun(system, judge, series, seed, { kinds: referenceKinds, longest: 400 });
  if (run instanceof Promise) throw new Error("the reference is synchronous");
  return run;
}
