import type { Exercise } from "../../contracts/judge.ts";
import { areaOf } from "../../contracts/registry.ts";
import type { Rule } from "../../contracts/rule.ts";
import type { Kinds } from "../../generators/world-shape.ts";
import type { System } from "../../harness/system.ts";
import type { Profile } from "../../spec/profile.ts";
import type { Scope } from "../../spec/scopes/scope.ts";
import type { Program } from "../../spec/program.ts";
import type { Situation } from "../../spec/situation.ts";
import type { Aim } from "../../generators/strategies/targeted.ts";
import type { Find } from "./findings.ts";

/** Times and programs below which a rule counts as not exercised. */
export const exerciseFloor = { times: 10, programs: 3 } as const;

/** What a campaign does: search for its budget, or take every transition of the scopes once and stop. */
export type Mode = "search" | "tour";

/** Everything a campaign is a function of. Budgets are operations, never seconds. */
export interface Campaign {
  readonly system: System;
  readonly kinds: Kinds;
  readonly profile: Profile;
  readonly profileName: string;
  /** Rules that judge every program. */
  readonly rules: readonly Rule[];
  /** Rules that must reach the floor, by id. */
  readonly scored: ReadonlySet<string>;
  readonly mode: Mode;
  /** Stop once every scored rule is at its floor, with what the budget has left unspent. */
  readonly untilPaid: boolean;
  /** Small worlds that are toured: those in which the subject has a part. */
  readonly scopes: readonly Scope[];
  readonly seed: number;
  /** Operations. */
  readonly budget: number;
  /** Operations of one slice. */
  readonly slice: number;
  /** Stored programs: run first, and gone on from. */
  readonly corpus: readonly Program[];
  /** What a rule's situation becomes for what is under test. */
  readonly situationOf: (situation: Situation) => Situation;
}

/** Told what a campaign does while it does it; must not influence it. */
export interface Watch {
  /** After every program. */
  progress?(now: Progress): void;
  /** A rule broke for the first time in a slice. */
  found?(find: Find): void;
}

/** How far a slice has come. */
export interface Progress {
  readonly slice: number;
  readonly programs: number;
  readonly operations: number;
  /** Features the last program was the first of its slice to show. */
  readonly fresh: readonly number[];
  /** How often each rule has decided something in the slice so far. */
  readonly exercises: readonly Exercise[];
}

/** Slices of a campaign, from 0 on. Every campaign has one, if only an empty one for its corpus. */
export function sliceCount({ mode, budget, slice }: Pick<Campaign, "mode" | "budget" | "slice">): number {
  return mode === "tour" ? 1 : Math.max(1, Math.ceil(budget / slice));
}

/** Operations of one slice of a campaign. */
export function sliceBudget({ budget, slice }: Pick<Campaign, "budget" | "slice">, index: number): number {
  return Math.min(slice, budget - index * slice);
}

/** Where a rule decides something, for what is under test. */
export function aimAt({ situationOf }: Pick<Campaign, "situationOf">, rule: Rule): Aim {
  return { situation: rule.situation === undefined ? null : situationOf(rule.situation), area: areaOf(rule) };
}
