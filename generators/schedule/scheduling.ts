/** Who could run instead of the running task. */
export interface Others {
  /** Parked at a point inside a step or deferred work, the longest parked first. */
  readonly parked: readonly string[];
  /** Free to take the next step. */
  readonly idle: readonly string[];
}

/** Where the running task is. */
export interface Point {
  readonly task: string;
  /** What the step may touch that it runs, or whose deferred work it is. */
  readonly touches: () => ReadonlySet<string>;
}

/**
 * Decides at scheduling points who runs. Which operation comes next is not its business: at that level everybody takes
 * turns at random, as orders of whole operations are what random programs have plenty of.
 * What it decides is written down as preemptions, so that a program replays without it.
 */
export interface Scheduling {
  /** Whether the running task gives way here. Asked only where somebody else could run. */
  givesWay(point: Point, others: Others): boolean;
  /** A step of `task` has ended or blocked: the parked task that goes on before anybody takes a new step, or null. */
  goesOn(task: string, others: Others): string | null;
}
