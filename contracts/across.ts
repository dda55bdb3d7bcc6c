import type { HistoryEvent } from "../spec/event.ts";
import type { Program } from "../spec/program.ts";
import type { Evidence } from "./monitor.ts";
import type { Rule } from "./rule.ts";

/** One history and the program it came from. */
export interface Seen {
  readonly program: Program;
  readonly events: readonly HistoryEvent[];
}

/**
 * What is remembered of many histories. `F` is plain data. In whatever order histories are collected and parts merged,
 * the facts have to come out the same: `merge` is associative and commutative, and to collect is to merge in what one
 * history shows. Campaigns are cut into slices that run anywhere and are put together at the end.
 */
export interface Facts<F> {
  /** Names the facts where they are stored; one a kind. */
  readonly name: string;
  empty(): F;
  /** Adds what one history shows. */
  collect(into: F, seen: Seen): void;
  /** Adds what others have collected. */
  merge(into: F, other: F): void;
}

/** One of the histories that break a rule together. */
export interface Share {
  /** What it contributes; the same text for whatever program contributes the same. */
  readonly fact: string;
  readonly program: Program;
  /** The event at which it shows, and the events that explain it. */
  readonly seq: number;
  readonly evidence: readonly Evidence[];
  readonly why: string;
}

/** A rule broken by several histories together, though maybe by none of them alone. */
export interface JointViolation {
  readonly rule: Rule;
  readonly why: string;
  readonly shares: readonly Share[];
}

/** The half of a rule that judges all runs together, over facts `F`. */
export interface Across<F = unknown> {
  readonly facts: Facts<F>;
  judge(facts: F): Omit<JointViolation, "rule"> | null;
  /** The share behind a fact, null where it was not seen: that is how a program is shrunk and keeps its share. */
  share(facts: F, fact: string): Share | null;
}

/** Erases the type of the facts. */
export function across<F>(half: Across<F>): Across {
  return half as unknown as Across;
}

/** What several runs say together, by name of the facts: plain data, for another process or a file. */
export type CollectedFacts = Readonly<Record<string, unknown>>;

/** Collects what rules have to know of all runs, and judges it at the end. */
export class AcrossRuns {
  private readonly rules: readonly Rule[];
  private readonly collected = new Map<Facts<unknown>, unknown>();

  /** `rules`: those to judge by; the ones that look at single histories only are left out. */
  constructor(rules: readonly Rule[]) {
    this.rules = rules.filter((rule) => rule.across !== undefined);
    for (const { across: half } of this.rules)
      if (!this.collected.has(half!.facts)) this.collected.set(half!.facts, half!.facts.empty());
  }

  /** Takes in one history. One whose program misuses the contract says nothing: its faults are the program's. */
  collect(seen: Seen): void {
    if (this.collected.size === 0 || seen.program.steps.some((step) => step.misuse === true)) return;
    for (const [facts, into] of this.collected) facts.collect(into, seen);
  }

  /** Takes in what another has collected. In any order and grouping the result is the same. */
  merge(other: CollectedFacts): void {
    for (const [facts, into] of this.collected) {
      const found = other[facts.name];
      if (found !== undefined) facts.merge(into, found);
    }
  }

  /** What was collected, as plain data for `merge`. */
  data(): CollectedFacts {
    return Object.fromEntries([...this.collected].map(([facts, found]) => [facts.name, found]));
  }

  /** The rules that all runs together break, in the order of the rules. */
  judge(): readonly JointViolation[] {
    return this.rules.flatMap((rule) => {
      const found = rule.across!.judge(this.collected.get(rule.across!.facts));
      return found === null ? [] : [{ rule, ...found }];
    });
  }
}
