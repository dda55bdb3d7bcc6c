import type { Exercise } from "../../contracts/judge.ts";
import { extension } from "../../generators/strategies/extension.ts";
import { failureSweep } from "../../generators/strategies/failure-sweep.ts";
import { randomPrograms } from "../../generators/strategies/random-programs.ts";
import { targeted } from "../../generators/strategies/targeted.ts";
import type { Tours } from "../../generators/tour/tours.ts";
import type { Program } from "../../spec/program.ts";
import { aimAt, type Campaign } from "./campaign.ts";
import { Portfolio } from "./portfolio.ts";

/** What strategies look at while a slice runs. */
export interface Known {
  /** Programs that showed something new, in the order they came. */
  readonly fresh: () => readonly Program[];
  /** How often each rule decided something. */
  readonly exercises: () => readonly Exercise[];
  readonly tours: Tours;
}

/** Operations from which on a slice also tours the scopes: less, or debts alone, are not worth the exploring. */
const worthTouring = 100_000;

/** The longest program a slice can afford: one in many, up to 2000 steps. */
function longestIn(budget: number): number {
  return Math.min(2000, Math.max(80, Math.round(budget / 60)));
}

/** The strategies of every campaign. */
export function usualPortfolio(campaign: Campaign, budget: number, { fresh, exercises, tours }: Known): Portfolio {
  const { scored } = campaign;
  const longest = longestIn(budget);
  const rarest = () =>
    exercises()
      .filter(({ rule }) => scored.has(rule.id) && rule.situation !== undefined)
      .toSorted((first, second) => first.programs - second.programs || first.times - second.times);
  return new Portfolio([
    randomPrograms("uniform", campaign, longest, { weights: "even", focused: false, shortest: 20 }),
    randomPrograms("swarm", campaign, Math.min(400, longest), { weights: "swarm", focused: true, shortest: 12 }),
    extension(fresh, 80),
    targeted(campaign, 120, (random) => {
      const rules = rarest();
      // Among the rarer half: the rarest of all may be out of reach, which is what debt is for.
      return rules.length === 0 ? null : aimAt(campaign, random.pick(rules.slice(0, (rules.length >> 1) + 1)).rule);
    }),
    failureSweep(fresh),
    ...(budget < worthTouring || campaign.untilPaid ? [] : [tours]),
  ]);
}
