import type { Failure, Program, Step } from "../../spec/program.ts";
import type { Profile } from "../../spec/profile.ts";
import type { State } from "../../spec/state/state.ts";
import type { Alphabet } from "./alphabet.ts";
import { stepsAt } from "./steps-at.ts";

/** The tasks of a run, as whoever lists programs sees them. */
export interface TasksSeen {
  isIdle(task: string): boolean;
  inFlight(): readonly Step[];
}

/**
 * Watches one run of a program and answers the programs that go on from it by one step or one failure. Each program
 * over the alphabet goes on from exactly one other: the one without its last step or failure, in the order of the run.
 */
export class Growth {
  readonly grown: Program[] = [];
  private readonly alphabet: Alphabet;
  private readonly program: Program;
  private readonly profile: Profile;
  private readonly asked = new Set<string>();
  private failed = 0;
  private begun = 0;

  constructor(alphabet: Alphabet, program: Program, profile: Profile) {
    this.alphabet = alphabet;
    this.program = program;
    this.profile = profile;
  }

  /** A step begins. */
  step(): void {
    this.begun += 1;
  }

  /** No step is left, and nobody goes on before one comes. */
  rest(state: State, tasks: TasksSeen): void {
    if (!this.isWhole()) return;
    const { program, profile } = this;
    const id = `s${program.steps.length + 1}`;
    const context = { state, setup: program.setup, profile, inFlight: tasks.inFlight() };
    for (const task of this.tasks()) {
      // Where a task is busy now, what it does next is listed once it is not.
      if (this.asked.has(task) || !tasks.isIdle(task)) continue;
      this.asked.add(task);
      for (const step of stepsAt(this.alphabet, context, program, id, task))
        this.grown.push({ ...program, steps: [...program.steps, step] });
    }
  }

  /** A passage that did not fail, or failed because the program says so. */
  passage(step: string, site: string, nth: number, fails: boolean): void {
    if (fails) this.failed += 1;
    else if (this.isWhole())
      for (const { site: other, errno } of this.alphabet.failures)
        if (other === site) this.grown.push(withFailure(this.program, { step, site, nth, errno }));
  }

  /** Whether all that the program says has happened: only then does what comes go on from it. */
  private isWhole(): boolean {
    return this.begun === this.program.steps.length && this.failed === this.program.failures.length;
  }

  /** Tasks in the order in which they come up: those with steps, and one more. */
  private tasks(): readonly string[] {
    const used = new Set(this.program.steps.map(({ task }) => task));
    return this.alphabet.tasks.slice(0, used.size + 1);
  }
}

function withFailure(program: Program, failure: Failure): Program {
  return { ...program, failures: [...program.failures, failure] };
}
