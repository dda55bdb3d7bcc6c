import type { Random } from "../random.ts";
import type { Others, Scheduling } from "./scheduling.ts";

/** Stays with the running task, and leaves it for any other with the same small probability at every point. */
export class Sticky implements Scheduling {
  private readonly random: Random;
  private readonly rate: number;

  /** `rate`: probability of a change, per point. */
  constructor(random: Random, rate: number) {
    this.random = random;
    this.rate = rate;
  }

  givesWay(): boolean {
    return this.random.chance(this.rate);
  }

  goesOn(_task: string, { parked }: Others): string | null {
    return parked.length > 0 && this.random.chance(this.rate) ? this.random.pick(parked) : null;
  }
}
