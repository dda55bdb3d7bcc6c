import type { Random } from "../random.ts";
import type { Others, Point, Scheduling } from "./scheduling.ts";

/** The plain random walk: everybody who can run is as likely as anybody else, at every point. For comparison only. */
export class Walk implements Scheduling {
  private readonly random: Random;

  constructor(random: Random) {
    this.random = random;
  }

  givesWay(_point: Point, { parked, idle }: Others): boolean {
    return this.random.below(1 + parked.length + idle.length) > 0;
  }

  goesOn(_task: string, { parked, idle }: Others): string | null {
    return parked[this.random.below(parked.length + idle.length)] ?? null;
  }
}
