import type { Random } from "../../generators/random.ts";
import type { Proposal, Strategy } from "../../generators/strategy.ts";

/** The least share of the operations that a strategy gets while it has something to offer. */
const floor = 0.1;
/** Operations after which what a strategy brought counts half. */
const memory = 5_000;

/** What a strategy got and brought. */
class Account {
  readonly strategy: Strategy;
  operations = 0;
  /** Both fade, so that what was new long ago does not count for ever. */
  private reward = 0;
  private spent = 0;

  constructor(strategy: Strategy) {
    this.strategy = strategy;
  }

  /** New things per operation of late. A strategy that was not tried yet is thought well of. */
  get rate(): number {
    return (this.reward + 1) / (this.spent + 10);
  }

  book(operations: number, reward: number): void {
    const fade = memory / (memory + operations);
    this.operations += operations;
    this.reward = this.reward * fade + reward;
    this.spent = this.spent * fade + operations;
  }
}

/**
 * Shares operations out among strategies: each at least its floor, the rest by what they brought of late per operation.
 * Who is furthest behind its share is next.
 */
export class Portfolio {
  private readonly accounts: readonly Account[];

  constructor(strategies: readonly Strategy[]) {
    this.accounts = strategies.map((strategy) => new Account(strategy));
  }

  /** The next program, and whose it is. Throws where no strategy has anything to offer. */
  draw(random: Random): { readonly name: string; readonly proposal: Proposal } {
    const shares = this.shares();
    const total = this.accounts.reduce((sum, { operations }) => sum + operations, 0);
    const behind = this.accounts
      .map((account, index) => ({ account, due: shares[index]! * (total + 1) }))
      .toSorted((first, second) => second.due - second.account.operations - (first.due - first.account.operations));
    for (const { account, due } of behind) {
      const proposal = account.strategy.draw(random);
      if (proposal !== null) return { name: account.strategy.name, proposal };
      // What it could not use is not owed to it later.
      account.operations = Math.max(account.operations, due);
    }
    throw new Error("no strategy of the portfolio has a program to offer");
  }

  /** A program has run: its operations, and how much that was new it brought. */
  book(name: string, operations: number, reward: number): void {
    this.accounts.find(({ strategy }) => strategy.name === name)?.book(operations, reward);
  }

  /** The share of each strategy, in the order they were given; together 1. */
  shares(): readonly number[] {
    const rates = this.accounts.reduce((sum, { rate }) => sum + rate, 0);
    const free = 1 - floor * this.accounts.length;
    return this.accounts.map(({ rate }) => floor + (free * rate) / rates);
  }
}
