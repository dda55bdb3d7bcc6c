import type { Program, Step } from "../spec/program.ts";
import type { Profile } from "../spec/profile.ts";
import type { State } from "../spec/state/state.ts";
import type { Tasks } from "./chooser.ts";
import { bareEnv } from "./env/bare-env.ts";
import { HarnessFault } from "./fault.ts";
import { ReplayChooser } from "./replay-chooser.ts";
import { Run, type Execution } from "./run.ts";
import type { System } from "./system.ts";

/** Plays the steps as they are written: whoever stored them knows that they fit. */
class TrustingChooser extends ReplayChooser {
  private readonly left: Step[];

  constructor(program: Program) {
    super(program, () => true);
    this.left = program.steps.toReversed();
  }

  override next(_state: State, tasks: Tasks): Step | null {
    const step = this.left.at(-1);
    if (step === undefined || !tasks.isIdle(step.task)) return null;
    this.left.pop();
    return step;
  }
}

/**
 * Runs a stored program with nothing around it: no history, no state, no judge, no drain. What is left is the system
 * itself, the scheduler and the machine: what a measurement takes away from a whole run.
 * Steps that only a recorded run can play (a partner that looks at the state) may stay undone: compare `steps`.
 */
export function executeBare(program: Program, profile: Profile, system: System): Execution {
  const run = new Run(program.setup, profile, system, new TrustingChooser(program), {
    observer: null,
    envFor: bareEnv,
  });
  const driver = run.toRest();
  if (driver.next().done !== true) throw new HarnessFault("a bare run is for synchronous roles: one of these is async");
  return run.result();
}
