import type { OnlineChooser } from "../../generators/online-chooser.ts";
import type { Chooser, Parked, Tasks } from "../../harness/chooser.ts";
import type { ReplayChooser } from "../../harness/replay-chooser.ts";
import type { Errno } from "../../spec/errno.ts";
import type { Failure, Preemption, Program, Step } from "../../spec/program.ts";
import type { State } from "../../spec/state/state.ts";

/** Plays a stored beginning, then goes on with drawn steps. What it wrote down replays as one program. */
export class ExtendingChooser implements Chooser {
  private readonly beginning: ReplayChooser;
  private readonly rest: OnlineChooser;
  private readonly stored: ReadonlySet<string>;
  private isPlaying = true;

  constructor(prefix: Program, beginning: ReplayChooser, rest: OnlineChooser) {
    this.beginning = beginning;
    this.rest = rest;
    this.stored = new Set(prefix.steps.map(({ id }) => id));
  }

  get steps(): readonly Step[] {
    return this.isPlaying ? this.beginning.begun : this.rest.steps;
  }

  get schedule(): readonly Preemption[] {
    const begun = new Set(this.steps.map(({ id }) => id));
    const played = [...this.beginning.usedSchedule].map((point) =>
      // Parked for a step that never comes is parked until nobody else can run.
      begun.has(point.until) ? point : { ...point, until: "idle" },
    );
    return [...played, ...this.rest.schedule];
  }

  get failures(): readonly Failure[] {
    return [...this.beginning.usedFailures, ...this.rest.failures];
  }

  next(state: State, tasks: Tasks): Step | null {
    if (this.isPlaying) {
      const step = this.beginning.next(state, tasks);
      if (step !== null) return step;
      this.isPlaying = false;
      // Also after steps that were not begun: nobody may be parked for two of one id.
      this.rest.continueAfter(this.beginning.begun, [...this.stored]);
    }
    return this.rest.next(state, tasks);
  }

  pause(step: string, site: string, nth: number, task: string): string | number | null {
    return this.stored.has(step) ? this.beginning.pause(step, site, nth) : this.rest.pause(step, site, nth, task);
  }

  goesOn(task: string): string | null {
    return this.rest.goesOn(task);
  }

  fail(step: string, site: string, nth: number): Errno {
    return this.stored.has(step) ? this.beginning.fail(step, site, nth) : this.rest.fail(step, site, nth);
  }

  paused(parked: Parked, task: string): void {
    if (!this.stored.has(parked.step)) this.rest.paused(parked, task);
  }

  counts(step: string): boolean {
    return this.stored.has(step) ? this.beginning.counts(step) : this.rest.counts();
  }
}
