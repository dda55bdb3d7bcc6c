import type { Random } from "../random.ts";
import type { Others, Point, Scheduling } from "./scheduling.ts";

/** Pauses the running task with a fixed probability per point, for a few steps of others. */
export class Pauses implements Scheduling {
  private readonly random: Random;
  private readonly rate: number;
  /** Steps for which each parked task still waits. */
  private readonly left = new Map<string, number>();

  constructor(random: Random, rate: number) {
    this.random = random;
    this.rate = rate;
  }

  givesWay({ task }: Point): boolean {
    if (!this.random.chance(this.rate)) return false;
    this.left.set(task, this.random.pick([1, 1, 2, 3, 5]));
    return true;
  }

  goesOn(_task: string, { parked }: Others): string | null {
    for (const task of parked) this.left.set(task, this.left.get(task)! - 1);
    return parked.find((task) => this.left.get(task)! <= 0) ?? null;
  }
}
