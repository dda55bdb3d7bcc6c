import { hunt } from "../conformance/hunt.ts";
import type { Random } from "../generators/random.ts";
import { drawSchedule, type ScheduleChoice } from "../generators/schedule/choose.ts";
import { allMutants } from "../test/mutants/all.ts";
import type { Mutant } from "../test/mutants/mutant.ts";
import { readShortest } from "../test/mutants/shortest.ts";
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

/** Mutants whose shortest known counterexample parks a task in the middle of a step. */
export async function windowMutants(): Promise<readonly Mutant[]> {
  const shortest = readShortest();
  return (await allMutants()).filter(({ name }) => (shortest.get(name)?.schedule.length ?? 0) > 0);
}

/** Operations to the kill, the median over the seeds; a miss counts as the limit. Nothing but the draws decides. */
function operationsTo(
  { system, profile, rule }: Mutant,
  seeds: readonly number[],
  limit: number,
  schedule: (random: Random) => ScheduleChoice,
): number {
  const spent = seeds.map((seed) => {
    const goOn = (operations: number) => operations < limit;
    const { kill, operations } = hunt(
      system(() => undefined),
      profile,
      rule,
      seed,
      goOn,
      schedule,
    );
    return kill === null ? limit : operations;
  });
  return median(spent);
}

/** One line a mutant as it is done, then the geometric mean of each way over all of them. */
export function* scheduleTable(
  mutants: readonly Mutant[],
  seeds: readonly number[],
  limit: number,
): Generator<string, void, unknown> {
  const names = Object.keys(schedules);
  const line = (what: string, cells: readonly string[]) =>
    `${what.slice(0, 31).padEnd(32)}${cells.map((cell) => cell.padStart(8)).join("")}`;
  yield line("operations to the kill", names);
  const logarithms = names.map(() => 0);
  for (const mutant of mutants) {
    const costs = names.map((name) => operationsTo(mutant, seeds, limit, schedules[name]!));
    costs.forEach((cost, index) => (logarithms[index] = logarithms[index]! + Math.log(cost)));
    yield line(
      mutant.name,
      costs.map((cost) => (cost >= limit ? `>${limit / 1000}k` : String(cost))),
    );
  }
  const means = logarithms.map((sum) => Math.exp(sum / Math.max(1, mutants.length)).toFixed(0));
  yield line(`geometric mean, ${mutants.length} mutants`, means);
}
