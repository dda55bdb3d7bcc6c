import type { Random } from "../random.ts";
import { Pauses } from "./pauses.ts";
import { Pct } from "./pct.ts";
import { Pos } from "./pos.ts";
import { Sticky } from "./sticky.ts";
import type { Scheduling } from "./scheduling.ts";
import { Walk } from "./walk.ts";

/** How a program is scheduled inside its steps. `none`: every step runs until it ends or blocks. */
export type ScheduleChoice =
  | { readonly kind: "none" }
  | { readonly kind: "pos" }
  | { readonly kind: "pct"; readonly depth: number }
  | { readonly kind: "sticky"; readonly rate: number }
  | { readonly kind: "pauses"; readonly rate: number }
  | { readonly kind: "walk" };

/** Points a step passes on average, over drawn programs. */
const pointsPerStep = 1.5;

/** The strategy of one program of `length` steps; null where nobody is ever parked. */
export function schedulingOf(choice: ScheduleChoice, random: Random, length: number): Scheduling | null {
  switch (choice.kind) {
    case "none":
      return null;
    case "pos":
      return new Pos(random);
    case "pct":
      return new Pct(random, choice.depth, Math.ceil(length * pointsPerStep));
    case "sticky":
      return new Sticky(random, choice.rate);
    case "pauses":
      return new Pauses(random, choice.rate);
    case "walk":
      return new Walk(random);
  }
}

/** One of the strategies in rotation: no one of them is best for all windows. */
export function drawSchedule(random: Random): ScheduleChoice {
  switch (random.below(4)) {
    case 0:
      return { kind: "pos" };
    case 1:
      return { kind: "pct", depth: random.between(2, 6) };
    case 2:
      return { kind: "pauses", rate: random.pick([0.03, 0.1, 0.3]) };
    default:
      return { kind: "sticky", rate: random.logarithmic(10, 500) / 1000 };
  }
}
