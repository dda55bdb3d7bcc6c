import { Judge, type Violation } from "../../contracts/judge.ts";
import { monitored, registry } from "../../contracts/registry.ts";
import type { Rule } from "../../contracts/rule.ts";
import { referenceSystem } from "../../conformance/reference-system.ts";
import { execute, type Execution } from "../../harness/execute.ts";
import { ReplayChooser } from "../../harness/replay-chooser.ts";
import type { System } from "../../harness/system.ts";
import { admits } from "../../spec/operations/classify/classify.ts";
import { profileNamed } from "../../spec/profile-name.ts";
import { profiles, type Series } from "../../spec/profile.ts";
import type { Program } from "../../spec/program.ts";
import type { HistoryEvent } from "../../spec/event.ts";

/** What judging one program showed. */
export interface Judged {
  readonly violations: readonly Violation[];
  /** Ids of violated rules, in order of discovery. */
  readonly ids: readonly string[];
  readonly events: readonly HistoryEvent[];
  readonly fault: string | null;
  /** How often a rule decided something. */
  exercised(id: string): number;
}

/** Runs a stored program (synchronous roles only) and judges it by the given rules, by default all that hold. */
export function judgeProgram(program: Program, system: System = referenceSystem(), rules?: readonly Rule[]): Judged {
  const profile = profileNamed(program.profile);
  const judge = new Judge(rules ?? monitored(profile.series), profile);
  judge.begin({ misuse: program.steps.some((step) => step.misuse === true) });
  const { setup } = program;
  const chooser = new ReplayChooser(program, (state, step, inFlight) =>
    admits({ state, setup, profile, inFlight }, step),
  );
  const execution = execute(setup, profile, system, chooser, judge);
  if (execution instanceof Promise) throw new Error("judgeProgram is for synchronous roles");
  return judged(judge, execution);
}

/** Judges a hand-written history. Missing `seq`, `task`, `step` and `atomic` are filled in. */
export function judgeEvents(
  events: readonly (Partial<HistoryEvent> & { readonly kind: HistoryEvent["kind"] })[],
  id: string,
  series: Series = "K7.1",
): Judged {
  const rule = registry.find((entry) => entry.id === id)!;
  const judge = new Judge([rule], profiles[series]);
  judge.begin();
  const whole = events.map(
    (event, seq) => ({ task: "t1", step: "s1", atomic: false, ...event, seq }) as unknown as HistoryEvent,
  );
  for (const event of whole) judge.event(event);
  return judged(judge, { events: whole, fault: null, steps: 0 });
}

function judged(judge: Judge, execution: Execution): Judged {
  return {
    violations: judge.violations,
    ids: judge.violations.map((violation) => violation.rule.id),
    events: execution.events,
    fault: execution.fault,
    exercised: (id) => judge.exercises().find((entry) => entry.rule.id === id)?.times ?? 0,
  };
}
