import fc from "fast-check";
import { median } from "./clock.ts";

/** Nanoseconds of one point, over rounds. */
export interface PointCost {
  readonly least: number;
  readonly median: number;
}

const tasks = 4;
const points = 250;

async function pass(scheduler: fc.Scheduler): Promise<void> {
  for (let count = 0; count < points; count += 1) await scheduler.schedule(Promise.resolve());
}

/** What a point costs where fast-check decides who goes on: tasks that await `scheduler.schedule`, and `waitAll`. */
export async function measureScheduler(rounds: number): Promise<PointCost> {
  const costs: number[] = [];
  const once = fc.asyncProperty(fc.scheduler(), async (scheduler) => {
    const started = performance.now();
    for (let task = 0; task < tasks; task += 1) void pass(scheduler);
    await scheduler.waitIdle();
    costs.push(((performance.now() - started) * 1e6) / (tasks * points));
  });
  await fc.assert(once, { numRuns: rounds, seed: 1 });
  return { least: Math.min(...costs), median: median(costs) };
}
