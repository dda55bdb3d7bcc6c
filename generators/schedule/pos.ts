import type { Random } from "../random.ts";
import { meets } from "./footprint.ts";
import { Priorities } from "./priorities.ts";
import type { Others, Point, Scheduling } from "./scheduling.ts";

const nothing: ReadonlySet<string> = new Set();

/**
 * A random priority for every pending event, drawn anew once it has happened, and for those it races with
 * (partial order sampling, Yuan, Yang and Gu, CAV 2018). Two steps race that may touch the same buffer.
 */
export class Pos implements Scheduling {
  private readonly priorities: Priorities;
  /** What each parked task may touch with what it waits to do. */
  private readonly pending = new Map<string, ReadonlySet<string>>();

  constructor(random: Random) {
    this.priorities = new Priorities(random);
  }

  givesWay({ task, touches }: Point, others: Others): boolean {
    this.pending.delete(task);
    for (const other of others.parked)
      if (meets(touches(), this.pending.get(other) ?? nothing)) this.priorities.renew(other);
    this.priorities.renew(task);
    const behind = this.priorities.isBehind(task, others);
    if (behind) this.pending.set(task, touches());
    return behind;
  }

  goesOn(task: string, others: Others): string | null {
    this.priorities.renew(task);
    return this.priorities.firstParked(others);
  }
}
