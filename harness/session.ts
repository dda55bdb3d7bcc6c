import type { Setup, Step } from "../spec/program.ts";
import type { Profile } from "../spec/profile.ts";
import type { Chooser } from "./chooser.ts";
import { recordedEnv } from "./env/env.ts";
import { HarnessFault } from "./fault.ts";
import { Run, type Execution, type Observer } from "./run.ts";
import type { System } from "./system.ts";

/** Who pauses where and goes on when, in a run that is driven from outside. */
export interface Pauses {
  counts(step: string): boolean;
  pause(step: string, site: string, nth: number): number | null;
  goesOn(task: string): string | null;
}

const noPauses: Pauses = { counts: () => false, pause: () => null, goesOn: () => null };

/**
 * A run driven from outside: begun with `new`, one `apply` a step, then `finish` for the drain.
 * Whoever drives it decides which steps are legal, and who pauses where. No failures; synchronous roles only.
 */
export class Session {
  private readonly run: Run;
  private pending: Step | null = null;
  private underWay: readonly Step[] = [];
  private isOver = false;

  constructor(setup: Setup, profile: Profile, system: System, observer: Observer, pauses: Pauses = noPauses) {
    const chooser: Chooser = {
      next: (_state, tasks) => {
        this.underWay = tasks.inFlight();
        const step = this.pending;
        if (step === null || !tasks.isIdle(step.task)) return null;
        this.pending = null;
        return step;
      },
      pause: (step, site, nth) => pauses.pause(step, site, nth),
      goesOn: (task) => pauses.goesOn(task),
      keepsParked: () => !this.isOver,
      fail: () => 0,
      counts: (step) => pauses.counts(step),
    };
    this.run = new Run(setup, profile, system, chooser, { observer, envFor: recordedEnv });
  }

  /** Steps that have begun and wait for something. */
  get inFlight(): readonly Step[] {
    return this.underWay;
  }

  /** Why the run is no verdict any more; null while it is one. */
  get fault(): string | null {
    return this.run.fault;
  }

  /**
   * Runs a step until nobody can go on. Where its task still waits in an earlier one, time passes first.
   * False: the task waits for somebody, the step was not begun.
   */
  apply(step: Step): boolean {
    this.pending = step;
    atOnce(this.run.world.scheduler.drive());
    if (this.pending !== null) atOnce(this.run.toRest());
    const begun = this.isBegun();
    this.pending = null;
    return begun;
  }

  private isBegun(): boolean {
    return this.pending === null;
  }

  /** Lets the world come to rest and ends the history. */
  finish(): Execution {
    this.isOver = true;
    atOnce(this.run.toEnd());
    return this.run.result();
  }
}

function atOnce(driver: Generator<unknown, void, unknown>): void {
  if (driver.next().done !== true) throw new HarnessFault("a session is for synchronous roles: one of these is async");
}
