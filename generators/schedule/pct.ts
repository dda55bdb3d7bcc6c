import type { Random } from "../random.ts";
import { Priorities } from "./priorities.ts";
import type { Others, Point, Scheduling } from "./scheduling.ts";

/**
 * Priorities with change points (Burckhardt et al., ASPLOS 2010): whoever has the highest priority runs, and at each of
 * `depth` - 1 points drawn from the whole run the running task falls behind all others. Finds any order of `depth`
 * events with a probability that is known from below.
 */
export class Pct implements Scheduling {
  private readonly priorities: Priorities;
  /** Numbers of the points at which priorities change, in order. */
  private readonly changes: readonly number[];
  private passed = 0;
  private changed = 0;

  /** `points`: how many the run is expected to pass. */
  constructor(random: Random, depth: number, points: number) {
    this.priorities = new Priorities(random);
    const drawn = Array.from({ length: depth - 1 }, () => random.between(1, points));
    this.changes = drawn.toSorted((first, second) => first - second);
  }

  givesWay({ task }: Point, others: Others): boolean {
    this.passed += 1;
    if (this.changes[this.changed] !== undefined && this.changes[this.changed]! <= this.passed) {
      this.changed += 1;
      this.priorities.set(task, -this.changed);
    }
    return this.priorities.isBehind(task, others);
  }

  goesOn(_task: string, others: Others): string | null {
    return this.priorities.firstParked(others);
  }
}
