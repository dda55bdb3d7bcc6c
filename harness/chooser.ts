import type { Errno } from "../spec/errno.ts";
import type { Step } from "../spec/program.ts";
import type { State } from "../spec/state/state.ts";

/** Where a task was parked and until when, as it goes into a program's schedule. */
export interface Parked {
  readonly step: string;
  readonly site: string;
  readonly nth: number;
  readonly until: string;
}

/** The tasks as a chooser sees them. */
export interface Tasks {
  /** Free to take a step. */
  isIdle(task: string): boolean;
  /** Steps that have begun and not ended. */
  inFlight(): readonly Step[];
}

/** Who decides what a run does next: a stored program, or a generator that writes the program as it goes. */
export interface Chooser {
  /** The next step for one of the idle tasks, or null: nothing to start now. */
  next(state: State, tasks: Tasks): Step | null;
  /**
   * Whether the running step pauses here: until a step has ended, for a number of steps (with infinity until `goesOn`
   * says so), or not (null).
   */
  pause(step: string, site: string, nth: number, task: string): string | number | null;
  /** A step of `task` has ended or blocked: which of those who pause for a number of steps goes on, if one does. */
  goesOn?(task: string): string | null;
  /** The errno with which this passage fails, 0 for none. */
  fail(step: string, site: string, nth: number): Errno;
  /** Whether those who pause stay where they are although nobody else can run. Default: the one who waits longest goes on. */
  keepsParked?(): boolean;
  /** A pause given as a number of steps has ended. */
  paused?(parked: Parked, task: string): void;
  /** Steps of a stored program that have not begun. Without it nobody misses those that are not asked for. */
  notBegun?(): number;
  /** False: neither pauses nor failures are ever asked for in this step, so passages need no counting. */
  counts(step: string): boolean;
}
