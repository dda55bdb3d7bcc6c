import { Judge } from "../contracts/judge.ts";
import type { Rule } from "../contracts/rule.ts";
import type { Alphabet } from "../generators/enumerate/alphabet.ts";
import { enumerating, type Excluded, type Listed, type Tried } from "../generators/enumerate/enumerate.ts";
import { Growth } from "../generators/enumerate/growth.ts";
import type { Tasks } from "../harness/chooser.ts";
import { execute, type Execution } from "../harness/execute.ts";
import { ReplayChooser } from "../harness/replay-chooser.ts";
import type { System } from "../harness/system.ts";
import type { Errno } from "../spec/errno.ts";
import { admits } from "../spec/operations/classify/classify.ts";
import type { Profile } from "../spec/profile.ts";
import { profileNamed } from "../spec/profile-name.ts";
import type { Program, Step } from "../spec/program.ts";
import type { State } from "../spec/state/state.ts";

/** Plays a program and shows its run to whoever wants to know what could come next. */
class GrowingChooser extends ReplayChooser {
  private readonly growth: Growth;
  private readonly anyFails: boolean;

  constructor(program: Program, profile: Profile, growth: Growth, anyFails: boolean) {
    const { setup } = program;
    super(program, (state, step, inFlight) => admits({ state, setup, profile, inFlight }, step));
    this.growth = growth;
    this.anyFails = anyFails;
  }

  override next(state: State, tasks: Tasks): Step | null {
    const step = super.next(state, tasks);
    if (step === null) this.growth.rest(state, tasks);
    else this.growth.step();
    return step;
  }

  override fail(step: string, site: string, nth: number): Errno {
    const errno = super.fail(step, site, nth);
    this.growth.passage(step, site, nth, errno !== 0);
    return errno;
  }

  override counts(step: string): boolean {
    return this.anyFails || super.counts(step);
  }
}

/** Runs listed programs. */
class Trial {
  /** Runs that were no verdict: our failure or the adapter's. */
  faults = 0;
  private readonly system: System;
  private readonly alphabet: Alphabet;
  private readonly judge: Judge;

  constructor(system: System, rule: Rule, profile: string, alphabet: Alphabet) {
    this.system = system;
    this.alphabet = alphabet;
    this.judge = new Judge([rule], profileNamed(profile));
  }

  run({ program, grow }: Listed): Tried | Promise<Tried> {
    const { judge, alphabet } = this;
    const growth = new Growth(alphabet, program, judge.profile);
    const chooser = new GrowingChooser(program, judge.profile, growth, alphabet.failures.length > 0);
    const [exercise] = judge.exercises();
    const before = exercise!.programs;
    judge.begin({ misuse: program.steps.some((step) => step.misuse === true) });
    const finish = ({ fault }: Execution): Tried => {
      if (fault !== null) this.faults += 1;
      // A program whose steps begin in another order is listed in that order too.
      const same = fault === null && chooser.begun.every((step, at) => step === program.steps[at]);
      return {
        fails: fault === null && judge.violations.length > 0,
        decides: exercise!.programs > before,
        grown: same && grow ? growth.grown : [],
      };
    };
    const execution = execute(program.setup, judge.profile, this.system, chooser, judge);
    return execution instanceof Promise ? execution.then(finish) : finish(execution);
  }
}

/** What came of looking for a shorter program. */
export interface ExcludedShorter extends Excluded {
  /** Runs that were no verdict; what goes on from them was not run. */
  readonly faults: number;
}

/**
 * Runs every program over the alphabet that is shorter than `below`, in the world of `program`, the shortest first.
 * Exact within the alphabet: names do not matter, every order of steps and tasks counts, no preemptions.
 */
export function excludeShorter(
  system: System,
  program: Program,
  rule: Rule,
  alphabet: Alphabet,
  below: number,
  most: number,
): ExcludedShorter | Promise<ExcludedShorter> {
  const trial = new Trial(system, rule, program.profile, alphabet);
  const search = enumerating({ ...program, steps: [], schedule: [], failures: [] }, below, most);
  const goOn = (from: IteratorResult<Listed, Excluded>): ExcludedShorter | Promise<ExcludedShorter> => {
    let next = from;
    while (next.done !== true) {
      const tried = trial.run(next.value);
      if (tried instanceof Promise) return tried.then((answer) => goOn(search.next(answer)));
      next = search.next(tried);
    }
    return { ...next.value, faults: trial.faults };
  };
  return goOn(search.next());
}
