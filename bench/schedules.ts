import { hunt } from "../conformance/hunt.ts";
import type { Random } from "../generators/random.ts";
import { drawSchedule, type ScheduleChoice } from "../generators/schedule/choose.ts";
import type { Mutant } from "../test/mutants/mutant.ts";
import { median } from "./clock.ts";

/** Ways to schedule inside steps that are compared. */
export const schedules: Readonly<Record<string, (random: Random) => ScheduleChoice>> = {
  rotation: drawSchedule,
  pos: () => ({ kind: "pos" }),
  pct: (random) => ({ kind: "pct", depth: random.between(2, 6) }),
  sticky: (random) => ({ kind: "sticky", rate: random.logarithmic(10, 500) / 1000 }),
  pauses: (random) => ({ kind: "pauses", rate: random.pick([0.03, 0.1, 0.3]) }),
  walk: () => ({ kind: "walk" }),
};

/** Operations to the kill of one mutant, by way of scheduling: the median over the seeds, a miss counting as the limit. */
export interface ScheduleCost {
  readonly mutant: Mutant;
  readonly operations: Readonly<Record<string, number>>;
}

/** Hunts every mutant with every way to schedule. Counts operations, so that nothing but the draws decides. */
export function measureSchedules(
  mutants: readonly Mutant[],
  seeds: readonly number[],
  limit: number,
): readonly ScheduleCost[] {
  return mutants.map((mutant) => {
    const system = mutant.system(() => undefined);
    const cost = ([name, schedule]: readonly [string, (random: Random) => ScheduleChoice]) => {
      const spent = seeds.map((seed) => {
        const goOn = (operations: number) => operations < limit;
        const { kill, operations } = hunt(system, mutant.profile, mutant.rule, seed, goOn, schedule);
        return kill === null ? limit : operations;
      });
      return [name, median(spent)] as const;
    };
    return { mutant, operations: Object.fromEntries(Object.entries(schedules).map(cost)) };
  });
}
