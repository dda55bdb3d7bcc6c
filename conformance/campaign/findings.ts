import { AcrossRuns, type CollectedFacts, type JointViolation } from "../../contracts/across.ts";
import type { Rule } from "../../contracts/rule.ts";
import type { Capability } from "../../contracts/rule-text.ts";
import { eventKinds, type EventKind } from "../../spec/event.ts";
import type { Program } from "../../spec/program.ts";
import { conductCapabilities } from "../conduct.ts";
import { mostUnexplained, type Unexplained } from "../unexplained.ts";
import { Keeper, type Kept } from "./kept.ts";
import { mergeToured, type Toured } from "./toured.ts";

/** Where in a campaign something happened: the slice, and the program in it, counted from 1. */
export interface Place {
  readonly slice: number;
  readonly programs: number;
}

/** The first program that broke a rule. */
export interface Find extends Place {
  readonly rule: string;
  /** One sentence about what happened. */
  readonly why: string;
  readonly program: Program;
  /** Operations of the slice up to its end. */
  readonly operations: number;
  /** Other rules that the same history breaks. */
  readonly also: readonly string[];
}

/** Our failure or the adapter's, which ended a slice. */
export interface Fault extends Place {
  readonly text: string;
  readonly program: Program;
}

/** Times an outcome would have been a violation, and programs in which it was. */
export interface Exercised {
  readonly times: number;
  readonly programs: number;
}

/** What one strategy got and brought. */
export interface Share {
  readonly programs: number;
  readonly operations: number;
  /** Features that no program of its slice had shown before. */
  readonly features: number;
}

/** Programs that showed a feature, by the number of the feature: ascending, two lists of one length. */
export interface Counted {
  readonly features: readonly number[];
  readonly programs: readonly number[];
}

/**
 * What any set of slices saw: plain data. Findings of two sets without a common slice merge to those of their union,
 * whatever the order.
 */
export interface Findings {
  /** Slices that are in it, ascending. */
  readonly slices: readonly number[];
  readonly programs: number;
  readonly operations: number;
  readonly drawn: number;
  /** By rule id, for every judged rule. */
  readonly exercised: Readonly<Record<string, Exercised>>;
  /** The first of each rule, in the order of slices. */
  readonly finds: readonly Find[];
  /** Event kinds that occurred at all. */
  readonly kinds: readonly EventKind[];
  /** What the subject importer was seen to do. */
  readonly conduct: readonly Capability[];
  /** Answers that no rule and no declared outcome explains: the first of each kind, at most twenty. */
  readonly unexplained: readonly Unexplained[];
  /** The first one. */
  readonly fault: Fault | null;
  /** By the name of the strategy. */
  readonly shares: Readonly<Record<string, Share>>;
  readonly counted: Counted;
  readonly kept: readonly Kept[];
  /** By the name of the scope, for those that were toured. */
  readonly toured: Readonly<Record<string, Toured>>;
  /** What rules that judge all runs together have to know of these. */
  readonly across: CollectedFacts;
}

/** Findings of no slice at all. */
export const nothingFound: Findings = {
  slices: [],
  programs: 0,
  operations: 0,
  drawn: 0,
  exercised: {},
  finds: [],
  kinds: [],
  conduct: [],
  unexplained: [],
  fault: null,
  shares: {},
  counted: { features: [], programs: [] },
  kept: [],
  toured: {},
  across: {},
};

/** Union and sum; `rules` are those of the campaign. Throws a RangeError where both hold one slice. */
export function mergeFindings(first: Findings, second: Findings, rules: readonly Rule[]): Findings {
  const twice = first.slices.find((slice) => second.slices.includes(slice));
  if (twice !== undefined) throw new RangeError(`slice ${twice} is in both parts`);
  const keeper = new Keeper();
  for (const kept of [...first.kept, ...second.kept]) keeper.offer(kept);
  return {
    slices: [...first.slices, ...second.slices].toSorted((one, other) => one - other),
    programs: first.programs + second.programs,
    operations: first.operations + second.operations,
    drawn: first.drawn + second.drawn,
    exercised: mergeRecords(first.exercised, second.exercised, (one, other) => ({
      times: one.times + other.times,
      programs: one.programs + other.programs,
    })),
    finds: earliest(first.finds, second.finds, ({ rule }) => rule),
    kinds: eventKinds.filter((kind) => first.kinds.includes(kind) || second.kinds.includes(kind)),
    conduct: conductCapabilities.filter((name) => first.conduct.includes(name) || second.conduct.includes(name)),
    unexplained: earliest(first.unexplained, second.unexplained, kindOf).slice(0, mostUnexplained),
    fault: earliest(asList(first.fault), asList(second.fault), () => "")[0] ?? null,
    shares: sorted(
      mergeRecords(first.shares, second.shares, (one, other) => ({
        programs: one.programs + other.programs,
        operations: one.operations + other.operations,
        features: one.features + other.features,
      })),
    ),
    counted: countedOf([first.counted, second.counted]),
    kept: keeper.all(),
    toured: sorted(mergeRecords(first.toured, second.toured, mergeToured)),
    across: collected(rules, first, second).data(),
  };
}

/** What all runs of some findings break together. */
export function jointViolations(rules: readonly Rule[], findings: Findings): readonly JointViolation[] {
  return collected(rules, findings).judge();
}

function collected(rules: readonly Rule[], ...parts: readonly Findings[]): AcrossRuns {
  const runs = new AcrossRuns(rules);
  for (const { across } of parts) runs.merge(across);
  return runs;
}

/** Two answers of one kind are one finding. */
export function kindOf({ op, errno, result }: Pick<Unexplained, "op" | "errno" | "result">): string {
  return `${op} ${errno} ${result === null}`;
}

/** Counts added up. */
function countedOf(parts: readonly Counted[]): Counted {
  const counts = new Map<number, number>();
  for (const { features, programs } of parts)
    features.forEach((feature, index) => counts.set(feature, (counts.get(feature) ?? 0) + programs[index]!));
  return sortedCounts(counts);
}

/** Counts by feature as two lists. */
export function sortedCounts(counts: ReadonlyMap<number, number>): Counted {
  const features = [...counts.keys()].toSorted((one, other) => one - other);
  return { features, programs: features.map((feature) => counts.get(feature)!) };
}

function mergeRecords<T>(
  first: Readonly<Record<string, T>>,
  second: Readonly<Record<string, T>>,
  add: (one: T, other: T) => T,
): Record<string, T> {
  const merged: Record<string, T> = { ...first };
  for (const [key, value] of Object.entries(second)) {
    const known = merged[key];
    merged[key] = known === undefined ? value : add(known, value);
  }
  return merged;
}

function sorted<T>(record: Readonly<Record<string, T>>): Record<string, T> {
  return Object.fromEntries(Object.entries(record).toSorted(([one], [other]) => (one < other ? -1 : 1)));
}

/** The earliest of each kind. What one program brought stays in its order. */
function earliest<T extends Place>(first: readonly T[], second: readonly T[], kind: (item: T) => string): readonly T[] {
  const known = new Map<string, T>();
  for (const item of [...first, ...second]) {
    const before = known.get(kind(item));
    if (before === undefined || comparePlaces(item, before) < 0) known.set(kind(item), item);
  }
  return [...known.values()].toSorted(comparePlaces);
}

function comparePlaces(first: Place, second: Place): number {
  return first.slice - second.slice || first.programs - second.programs;
}

function asList<T>(value: T | null): readonly T[] {
  return value === null ? [] : [value];
}
