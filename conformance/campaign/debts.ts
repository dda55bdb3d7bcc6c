import type { Exercise } from "../../contracts/judge.ts";
import type { Rule } from "../../contracts/rule.ts";
import type { Random } from "../../generators/random.ts";
import type { Proposal } from "../../generators/strategy.ts";
import { onceMore } from "../../generators/strategies/extension.ts";
import { aimedAt } from "../../generators/strategies/targeted.ts";
import type { Program } from "../../spec/program.ts";
import { aimAt, exerciseFloor, type Campaign } from "./campaign.ts";

/** Longest program drawn from nothing. */
const longestFromNothing = 120;
/** Longest draw after the beginning of a program that came to where the rule decides. */
const longestOnceMore = 40;
/** Programs kept of those in which a rule below its floor decided something. */
const mostKept = 8;
/** The least share of the draws for a rule that either way has, as far as there is a choice. */
const leastShare = 0.15;

/** Rounds that a rule in which nothing helps sits out at most. */
const longestRest = 8;

/** What one way to a rule has cost and brought. */
interface Way {
  operations: number;
  times: number;
}

/** What is known of a rule below its floor. */
interface Account {
  /** Programs in which it decided something. */
  readonly deciding: Program[];
  readonly fromNothing: Way;
  readonly onceMore: Way;
  /** Turns since it last decided anything. */
  fruitless: number;
}

/** Whether a rule has decided too little to be called exercised. */
export function isBelowFloor({ times, programs }: Pick<Exercise, "times" | "programs">): boolean {
  return times < exerciseFloor.times || programs < exerciseFloor.programs;
}

/**
 * Programs for rules below their floor: drawn from nothing, or gone on from the beginning of a program in which the rule
 * decided something. For each rule the way that brought more per operation has more of the draws.
 */
export class Debts {
  private readonly campaign: Campaign;
  private readonly accounts = new Map<string, Account>();
  /** The draw whose program has not been booked yet. */
  private pending: { readonly rule: Rule; readonly way: Way; readonly times: number } | null = null;

  constructor(campaign: Campaign) {
    this.campaign = campaign;
  }

  /**
   * Whether a rule has a turn in a round. One that decides nothing, perhaps as what is under test never does what it is
   * about, has a turn in every second round, fourth, and so on.
   */
  isDue(rule: Rule, round: number): boolean {
    const account = this.account(rule);
    const isDue = round % Math.min(longestRest, 2 ** Math.max(0, account.fruitless - 1)) === 0;
    if (isDue) account.fruitless += 1;
    return isDue;
  }

  /** The next program for a rule that has decided something `times` times. */
  draw(rule: Rule, times: number, random: Random): Proposal {
    const { deciding, ...ways } = this.account(rule);
    const aim = aimAt(this.campaign, rule);
    const again = deciding.length > 0 && random.chance(shareOf(ways.onceMore, ways.fromNothing));
    this.pending = { rule, way: again ? ways.onceMore : ways.fromNothing, times };
    return again
      ? onceMore(random.pick(deciding), aim, random, longestOnceMore)
      : aimedAt(aim, random, this.campaign, longestFromNothing);
  }

  /** A program has run, of a debt or not. `decided`: the rules that decided something in it, with their counts after it. */
  book(program: Program, operations: number, decided: readonly Exercise[]): void {
    if (this.pending !== null) {
      const { rule, way, times } = this.pending;
      way.operations += operations;
      way.times += (decided.find((exercise) => exercise.rule === rule)?.times ?? times) - times;
      this.pending = null;
    }
    for (const exercise of decided) {
      const account = this.account(exercise.rule);
      account.fruitless = 0;
      if (isBelowFloor(exercise) && account.deciding.length < mostKept) account.deciding.push(program);
    }
  }

  private account({ id }: Rule): Account {
    let account = this.accounts.get(id);
    if (account === undefined) {
      const nothing = { operations: 0, times: 0 };
      account = { deciding: [], fromNothing: { ...nothing }, onceMore: { ...nothing }, fruitless: 0 };
      this.accounts.set(id, account);
    }
    return account;
  }
}

/** The share of the draws that the first of two ways has. */
function shareOf(first: Way, second: Way): number {
  const [one, other] = [rateOf(first), rateOf(second)];
  return Math.min(1 - leastShare, Math.max(leastShare, one / (one + other)));
}

/** Decisions per operation; a way that was not tried yet is thought well of. */
function rateOf({ operations, times }: Way): number {
  return (times + 1) / (operations + 50);
}
