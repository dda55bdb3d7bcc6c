import { Judge } from "../contracts/judge.ts";
import type { Rule } from "../contracts/rule.ts";
import { everySchedule, type Enumeration, type PassedPoint } from "../generators/schedule/every-schedule.ts";
import { execute } from "../harness/execute.ts";
import { ReplayChooser } from "../harness/replay-chooser.ts";
import type { System } from "../harness/system.ts";
import { profileNamed } from "../spec/profile-name.ts";
import type { Program } from "../spec/program.ts";
import { admitting } from "./replay.ts";

/** Plays a stored program and notes every point at which a task could be parked. */
class PointsChooser extends ReplayChooser {
  readonly passed: PassedPoint[] = [];

  override pause(step: string, site: string, nth: number): string | null {
    this.passed.push({ step, site, nth });
    return super.pause(step, site, nth);
  }

  override counts(): boolean {
    return true;
  }
}

/** Looks for a schedule of at most two preemptions with which a program breaks a rule. Synchronous roles only. */
export function searchSchedules(program: Program, system: System, rule: Rule, limit?: number): Enumeration {
  const profile = profileNamed(program.profile);
  const judge = new Judge([rule], profile);
  return everySchedule(
    program,
    (candidate) => {
      const chooser = new PointsChooser(candidate, admitting(candidate.setup, profile));
      judge.begin({ misuse: candidate.steps.some((step) => step.misuse === true) });
      const execution = execute(candidate.setup, profile, system, chooser, judge);
      if (execution instanceof Promise) throw new RangeError("schedules are enumerated for synchronous roles only");
      return { passed: chooser.passed, stop: judge.violations.length > 0 };
    },
    limit,
  );
}
