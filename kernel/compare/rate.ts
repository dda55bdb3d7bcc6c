import { cpus, loadavg } from "node:os";
import type { RunsPlans } from "./runs-plans.ts";
import { drawPlan, type DrawBounds, type Drawn } from "./draw-plan.ts";
import { isComparable } from "./campaign.ts";
import { tooMuchOf } from "./room.ts";

/** How many programs a second a kernel carries out. */
export interface Rates {
  readonly programs: number;
  /** Operations of the program in the middle. */
  readonly median: number;
  /** Many programs an exchange, one an exchange, and one a kernel, each with programs per second. */
  readonly batched: number;
  readonly single: number;
  readonly fresh: number;
  /** Programs that had a kernel of their own. */
  readonly starts: number;
}

/** What the prototype of this module reached on a box of two cores that was busy with other work. */
export const prototype = {
  batched: "3000 to 7700 (programs of 20 operations, written for it)",
  single: "700 to 1100",
  fresh: "7 to 10",
} as const;

/** Programs that run one an exchange, and one a kernel: enough to see, few enough to wait for. */
const mostSingle = 300;
const mostFresh = 40;

/** Measures a kernel with quiet programs, drawn before the clock starts. */
export async function measureRates(
  kernel: RunsPlans,
  bounds: Omit<DrawBounds, "operations">,
  firstSeed: number,
  programs: number,
): Promise<Rates> {
  const introduction = await kernel.introduction();
  const { operations } = introduction;
  const drawn: Drawn[] = [];
  for (let seed = firstSeed; drawn.length < programs; seed += 1) {
    const one = drawPlan(seed, { ...bounds, operations });
    const quiet = isComparable(one) && one.events.every(({ kind }) => kind !== "warn");
    if (quiet && tooMuchOf(one.plan, introduction) === null) drawn.push(one);
  }
  const plans = drawn.map(({ plan }) => plan);
  // The first pays for what is set up once.
  await kernel.run(plans.slice(0, 1));
  const batched = await perSecond(plans.length, async () => void (await kernel.run(plans)));
  const singles = plans.slice(0, mostSingle);
  const single = await perSecond(singles.length, async () => {
    for (const plan of singles) await kernel.run([plan]);
  });
  const alone = plans.slice(0, mostFresh);
  const fresh = await perSecond(alone.length, async () => {
    for (const plan of alone) {
      kernel.renew();
      await kernel.run([plan]);
    }
  });
  const lengths = plans.map(({ steps }) => steps.length).toSorted((one, other) => one - other);
  return { programs, median: lengths[lengths.length >> 1] ?? 0, batched, single, fresh, starts: alone.length };
}

async function perSecond(programs: number, run: () => Promise<void>): Promise<number> {
  const begun = performance.now();
  await run();
  return (1000 * programs) / (performance.now() - begun);
}

/** The rates beside those of the prototype. */
export function ratesText({ programs, median, batched, single, fresh, starts }: Rates): string {
  const row = (how: string, rate: number, before: string) =>
    `  ${how.padEnd(28)} ${rate.toFixed(rate < 100 ? 1 : 0).padStart(6)}   prototype: ${before}`;
  return [
    `programs per second, ${median} operations in the program in the middle, histories read included, ` +
      `load of the machine ${loadavg()[0]!.toFixed(1)} on ${cpus().length} processors`,
    row(`batched (${programs})`, batched, prototype.batched),
    row(`one an exchange (${Math.min(programs, mostSingle)})`, single, prototype.single),
    row(`a kernel each (${starts})`, fresh, prototype.fresh),
  ].join("\n");
}
