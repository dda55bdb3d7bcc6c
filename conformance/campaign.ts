import { AcrossRuns, type JointViolation } from "../contracts/across.ts";
import { Judge, type Violation } from "../contracts/judge.ts";
import { areaOf } from "../contracts/registry.ts";
import type { Capability } from "../contracts/rule-text.ts";
import type { Rule } from "../contracts/rule.ts";
import type { System } from "../harness/system.ts";
import type { Kinds } from "../generators/world-shape.ts";
import type { EventKind } from "../spec/event.ts";
import type { Profile } from "../spec/profile.ts";
import type { Program } from "../spec/program.ts";
import type { Situation } from "../spec/situation.ts";
import { conductOf } from "./conduct.ts";
import { replay, type Replay } from "./replay.ts";
import { drawRun, type DrawnRun } from "./draw-run.ts";
import { mostUnexplained, OutcomeWatch, textOfStep, type Unexplained } from "./unexplained.ts";

/** Times and programs below which a rule counts as not exercised. */
export const exerciseFloor = { times: 10, programs: 3 } as const;

/** What a campaign is asked to do. Budgets are operations, never seconds: the result is a function of these. */
export interface CampaignOptions {
  readonly system: System;
  readonly kinds: Kinds;
  readonly profile: Profile;
  readonly profileName: string;
  readonly rules: readonly Rule[];
  /** Rules that must reach the floor, by id. */
  readonly scored: ReadonlySet<string>;
  readonly seed: number;
  readonly budget: number;
  readonly watch?: Watch;
  /** Stored programs, run first: what was found once is looked for at once. */
  readonly corpus?: readonly Program[];
  /** What a rule's situation becomes for what is under test; itself where there is none. */
  readonly situationOf?: (situation: Situation) => Situation;
}

/** Told what a campaign does while it does it; must not influence it. */
export interface Watch {
  /** After every program. */
  progress?(programs: number, operations: number): void;
  /** A rule broke for the first time. */
  found?(find: Find): void;
}

/** The first program that broke a rule. */
export interface Find {
  readonly violation: Violation;
  readonly program: Program;
  readonly programs: number;
  readonly operations: number;
  readonly also: readonly string[];
}

/** What a campaign saw. */
export interface Campaign {
  readonly judge: Judge;
  readonly finds: ReadonlyMap<string, Find>;
  /** What all runs broke together, by rule id. */
  readonly joint: ReadonlyMap<string, JointViolation>;
  readonly programs: number;
  readonly operations: number;
  readonly drawn: number;
  /** Event kinds that occurred at all, and by which role instances' names (`e1 epoch`). */
  readonly kinds: ReadonlySet<EventKind>;
  /** What the subject importer was seen to do. */
  readonly conduct: ReadonlySet<Capability>;
  /** Answers that no rule and no declared outcome explains: the first of each kind, at most twenty. */
  readonly unexplained: readonly Unexplained[];
  readonly fault: { readonly text: string; readonly program: Program } | null;
}

/** Shares of the budget: random programs first, then debt to rules below their floor. */
const randomShare = 0.4;
/** Programs drawn for one rule before the next rule in debt has its turn. */
const turn = 4;

/** Runs a campaign. Deterministic: the same options give the same result, synchronous or not. */
export async function runCampaign(options: CampaignOptions): Promise<Campaign> {
  const campaign = new CampaignRun(options);
  for (const program of options.corpus ?? []) {
    if (campaign.fault !== null) break;
    const run = campaign.replay(program);
    campaign.take(run instanceof Promise ? await run : run);
  }
  while (campaign.operations < options.budget * randomShare && campaign.fault === null) {
    const run = campaign.draw(null);
    campaign.take(run instanceof Promise ? await run : run);
  }
  let paid = true;
  while (paid && campaign.operations < options.budget && campaign.fault === null) {
    paid = false;
    for (const rule of campaign.inDebt()) {
      for (let index = 0; index < turn && campaign.operations < options.budget && campaign.fault === null; index += 1) {
        paid = true;
        const run = campaign.draw(rule);
        campaign.take(run instanceof Promise ? await run : run);
      }
    }
  }
  campaign.end();
  return campaign;
}

class CampaignRun implements Campaign {
  readonly judge: Judge;
  readonly finds = new Map<string, Find>();
  readonly joint = new Map<string, JointViolation>();
  programs = 0;
  operations = 0;
  drawn = 0;
  private draws = 0;
  readonly kinds = new Set<EventKind>();
  readonly conduct = new Set<Capability>();
  readonly unexplained: Unexplained[] = [];
  fault: { readonly text: string; readonly program: Program } | null = null;
  private readonly outcomes: OutcomeWatch;
  private readonly across: AcrossRuns;
  private readonly options: CampaignOptions;

  constructor(options: CampaignOptions) {
    this.options = options;
    this.judge = new Judge(options.rules, options.profile);
    this.outcomes = new OutcomeWatch(options.profile);
    this.across = new AcrossRuns(options.rules);
  }

  /** Runs a stored program like a drawn one. */
  replay(program: Program): DrawnRun | Promise<DrawnRun> {
    const { system, rules, profile } = this.options;
    const finish = ({ events, fault, steps }: Replay): DrawnRun => ({
      program,
      execution: { events, fault, steps: steps.length },
      drawn: 0,
      differences: [],
    });
    const run = replay(program, system, rules, profile, this.judge);
    return run instanceof Promise ? run.then(finish) : finish(run);
  }

  draw(rule: Rule | null): DrawnRun | Promise<DrawnRun> {
    const { system, kinds, profileName, seed, situationOf = (situation) => situation } = this.options;
    const longest = rule === null ? (this.programs % 3 === 0 ? 400 : 80) : 120;
    return drawRun(
      system,
      this.judge,
      profileName,
      seed * 1_000_003 + (this.draws += 1),
      { kinds, longest },
      {
        situation: rule?.situation === undefined ? null : situationOf(rule.situation),
        area: rule === null ? null : areaOf(rule),
      },
      this.outcomes,
    );
  }

  take({ program, execution, drawn, differences }: DrawnRun): void {
    this.programs += 1;
    this.operations += execution.steps;
    this.drawn += drawn;
    const subjects = new Set(program.setup.importers.filter(({ kind }) => kind === "subject").map(({ name }) => name));
    for (const event of execution.events) {
      this.kinds.add(event.kind);
      const conduct = conductOf(event);
      if (conduct !== null && (conduct.importer === "" || subjects.has(conduct.importer)))
        this.conduct.add(conduct.shows);
    }
    if (execution.fault !== null) this.fault = { text: execution.fault, program };
    else this.across.collect({ program, events: execution.events });
    for (const difference of differences) {
      const { op, errno, result } = difference;
      const isKnown = this.unexplained.some(
        (known) => known.op === op && known.errno === errno && (known.result === null) === (result === null),
      );
      if (isKnown || this.unexplained.length >= mostUnexplained) continue;
      this.unexplained.push({ ...difference, text: textOfStep(difference, program), programs: this.programs });
    }
    this.options.watch?.progress?.(this.programs, this.operations);
    const ids = this.judge.violations.map((violation) => violation.rule.id);
    for (const violation of this.judge.violations) {
      const { id } = violation.rule;
      if (this.finds.has(id)) continue;
      const also = ids.filter((other) => other !== id);
      const find = { violation, program, programs: this.programs, operations: this.operations, also };
      this.finds.set(id, find);
      this.options.watch?.found?.(find);
    }
  }

  /** Judges all runs together. */
  end(): void {
    for (const violation of this.across.judge()) this.joint.set(violation.rule.id, violation);
  }

  /** Scored rules below the floor, in registry order. */
  inDebt(): readonly Rule[] {
    return this.judge
      .exercises()
      .filter(
        ({ rule, times, programs }) =>
          this.options.scored.has(rule.id) && (times < exerciseFloor.times || programs < exerciseFloor.programs),
      )
      .map(({ rule }) => rule);
  }
}
