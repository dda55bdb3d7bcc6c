import { Judge, type Violation } from "../contracts/judge.ts";
import type { Rule } from "../contracts/rule.ts";
import { execute, type Execution } from "../harness/execute.ts";
import { ReplayChooser, type Admit } from "../harness/replay-chooser.ts";
import type { System } from "../harness/system.ts";
import { contractKey } from "../spec/added-contract.ts";
import { BadInput } from "../spec/bad-input.ts";
import { coreContractName } from "../spec/program.ts";
import type { HistoryEvent } from "../spec/event.ts";
import { admits } from "../spec/operations/classify/classify.ts";
import type { Failure, Preemption, Program, Setup, Step } from "../spec/program.ts";
import type { Profile } from "../spec/profile.ts";

/** Throws BadInput for a program whose contract the system does not speak. */
export function checkContract({ contract }: Pick<Program, "contract">, { name, added }: System): void {
  const spoken = added === undefined ? coreContractName : contractKey(added);
  if (contract === spoken) return;
  const how = "; run it with: dmabuf-conformance proposal FILE --replay PROGRAM";
  throw new BadInput(
    "contract",
    name,
    `runs programs for the contract "${spoken}", got one for "${contract}"${added === undefined ? how : ""}`,
  );
}

/** What came of running a stored program. */
export interface Replay {
  /** The first violation of each rule, in the order they were found. */
  readonly violations: readonly Violation[];
  readonly events: readonly HistoryEvent[];
  /** Why the run is not a verdict: see `Execution.fault`. */
  readonly fault: string | null;
  /** The steps that were carried out, in the order they began. */
  readonly steps: readonly Step[];
  /** The preemptions that parked a task. */
  readonly schedule: readonly Preemption[];
  /** The failures that happened. */
  readonly failures: readonly Failure[];
}

/** Admits the steps of stored programs in a world. */
export function admitting(setup: Setup, profile: Profile): Admit {
  return (state, step, inFlight) => admits({ state, setup, profile, inFlight }, step);
}

/**
 * Runs a stored program and judges it. Steps that are no longer what the program says they are (legal, or misuse that
 * kernels report) are skipped, as are those whose names nobody created.
 * Synchronous while the system's roles are; a promise as soon as one is async.
 * `judge` may be handed in to let counts add up; it then judges by its own rules.
 */
export function replay(
  program: Program,
  system: System,
  rules: readonly Rule[],
  profile: Profile,
  judge: Judge = new Judge(rules, profile),
): Replay | Promise<Replay> {
  const { setup } = program;
  checkContract(program, system);
  const chooser = new ReplayChooser(program, admitting(setup, profile));
  judge.begin({ misuse: program.steps.some((step) => step.misuse === true) });
  const finish = (execution: Execution): Replay => ({
    violations: judge.violations,
    events: execution.events,
    fault: execution.fault,
    ...played(program, chooser),
  });
  const execution = execute(setup, profile, system, chooser, judge);
  return execution instanceof Promise ? execution.then(finish) : finish(execution);
}

/** What of a stored program took place. */
type Played = Pick<Replay, "steps" | "schedule" | "failures">;

/** What of a program a chooser has played. */
export function played({ schedule, failures }: Program, chooser: ReplayChooser): Played {
  return {
    steps: chooser.begun,
    schedule: schedule.filter((point) => chooser.usedSchedule.has(point)),
    failures: failures.filter((failure) => chooser.usedFailures.has(failure)),
  };
}

/** The program without what did not happen in its run. It replays to the same history. */
export function whatHappened(program: Program, { steps, schedule, failures }: Played): Program {
  const begun = new Set(steps.map((step) => step.id));
  return {
    ...program,
    steps,
    // Parked for a step that never comes is parked until nobody else can run.
    schedule: schedule.map((point) => (begun.has(point.until) ? point : { ...point, until: "idle" })),
    failures,
  };
}

/** The last step that had begun when the event happened, or null before the first. */
export function lastBegun({ steps, events }: Pick<Replay, "steps" | "events">, seq: number): string | null {
  const places = new Map(steps.map((step, place) => [step.id, place]));
  let last = -1;
  for (const event of events) {
    if (event.seq > seq) break;
    last = Math.max(last, event.step === null ? -1 : (places.get(event.step) ?? -1));
  }
  return steps[last]?.id ?? null;
}
