import { AcrossRuns } from "../../contracts/across.ts";
import { Judge } from "../../contracts/judge.ts";
import type { Rule } from "../../contracts/rule.ts";
import type { Capability } from "../../contracts/rule-text.ts";
import { Random } from "../../generators/random.ts";
import { Tours } from "../../generators/tour/tours.ts";
import type { Proposal } from "../../generators/strategy.ts";
import type { EventKind } from "../../spec/event.ts";
import { hash128 } from "../../spec/hash.ts";
import type { Program } from "../../spec/program.ts";
import { conductOf } from "../conduct.ts";
import { graphOf } from "../explore/graphs.ts";
import { runProposal, type RunOutcome, type Stage } from "../run-proposal.ts";
import { mostUnexplained, OutcomeWatch, textOfStep, type Unexplained } from "../unexplained.ts";
import { exerciseFloor, sliceBudget, sliceCount, type Campaign, type Watch } from "./campaign.ts";
import { Debts, isBelowFloor } from "./debts.ts";
import { kindOf, sortedCounts, type Fault, type Find, type Findings, type Share } from "./findings.ts";
import { Footprint } from "./footprint.ts";
import { Keeper } from "./kept.ts";
import type { Portfolio } from "./portfolio.ts";
import { usualPortfolio } from "./strategies.ts";
import { touredOf } from "./toured.ts";

/** The share of a slice that the portfolio has before debts are paid. */
const portfolioShare = 0.4;
/** The same where nothing but the debts has to be paid. */
const portfolioShareUntilPaid = 0.05;
/** Programs drawn for one rule before the next rule in debt has its turn. */
const turn = 4;
/** What a rule that comes nearer to its floor is worth, in new features. */
const ruleReward = 20;

/** Runs one slice. What it does is a function of the campaign and the index; feedback stays inside. */
export async function runSlice(campaign: Campaign, index: number, watch: Watch = {}): Promise<Findings> {
  const slice = new Slice(campaign, index, watch);
  // A rejected or slow promise only ever comes from an async adapter: synchronous ones run without a turn of the loop.
  const perform = async (name: string, proposal: Proposal, random: Random): Promise<void> => {
    const run = slice.run(proposal, random);
    slice.take(name, run instanceof Promise ? await run : run);
  };
  if (index === 0)
    for (const program of campaign.corpus)
      if (slice.goesOn) await perform("corpus", { kind: "replay", program }, slice.random());
  const explore = async (until: number): Promise<void> => {
    while (slice.operations < until && slice.goesOn) {
      const random = slice.random();
      const { name, proposal } = slice.portfolio.draw(random);
      await perform(name, proposal, random);
    }
  };
  if (campaign.mode === "tour") {
    for (let random = slice.random(), walk = slice.tours.draw(random); walk !== null && slice.goesOn;) {
      await perform(slice.tours.name, walk, random);
      random = slice.random();
      walk = slice.tours.draw(random);
    }
    return slice.findings();
  }
  const budget = sliceBudget(campaign, index);
  await explore(budget * (campaign.untilPaid ? portfolioShareUntilPaid : portfolioShare));
  let round = 0;
  for (let debts = slice.debts(); debts.length > 0 && slice.operations < budget && slice.goesOn; debts = slice.debts())
    for (const rule of slice.due(debts, (round += 1)))
      for (let count = 0; count < turn && slice.operations < budget && slice.goesOn; count += 1) {
        const random = slice.random();
        await perform("debt", slice.towards(rule, random), random);
      }
  if (!campaign.untilPaid) await explore(budget);
  return slice.findings();
}

class Slice {
  operations = 0;
  readonly tours: Tours;
  readonly portfolio: Portfolio;
  private readonly campaign: Campaign;
  private readonly index: number;
  private readonly watch: Watch;
  private readonly stage: Stage & { readonly footprint: Footprint; readonly watch: OutcomeWatch };
  private programs = 0;
  private drawn = 0;
  private draws = 0;
  private readonly finds = new Map<string, Find>();
  private readonly kinds = new Set<EventKind>();
  private readonly conduct = new Set<Capability>();
  private readonly unexplained = new Map<string, Unexplained>();
  private fault: Fault | null = null;
  private readonly byDebt: Debts;
  private readonly shares = new Map<string, Share>();
  private readonly counts = new Map<number, number>();
  private readonly keeper = new Keeper();
  private readonly across: AcrossRuns;
  /** Programs that showed something new, in the order they came; the stored ones first. */
  private readonly fresh: Program[];

  constructor(campaign: Campaign, index: number, watch: Watch) {
    this.campaign = campaign;
    this.index = index;
    this.watch = watch;
    this.byDebt = new Debts(campaign);
    this.across = new AcrossRuns(campaign.rules);
    const judge = new Judge(campaign.rules, campaign.profile);
    this.stage = {
      system: campaign.system,
      judge,
      profileName: campaign.profileName,
      watch: new OutcomeWatch(campaign.profile),
      footprint: new Footprint(judge),
    };
    this.fresh = [...campaign.corpus];
    this.tours = new Tours(() => campaign.scopes.map(graphOf), campaign.seed);
    this.portfolio = usualPortfolio(campaign, sliceBudget(campaign, index), {
      tours: this.tours,
      fresh: () => this.fresh,
      exercises: () => judge.exercises(),
    });
  }

  get goesOn(): boolean {
    return this.fault === null;
  }

  /** A random source of its own for each program: what one draws never moves what the next one gets. */
  random(): Random {
    const { seed } = this.campaign;
    return new Random(Number.parseInt(hash128(`${seed} ${this.index} ${(this.draws += 1)}`).slice(0, 13), 16));
  }

  run(proposal: Proposal, random: Random): RunOutcome | Promise<RunOutcome> {
    return runProposal(proposal, random, this.stage);
  }

  /**
   * Scored rules below the floor, in the order of the rules. Slices share them out: each pays its own first, and others'
   * only where it would have nothing else to do.
   */
  debts(): readonly Rule[] {
    const count = sliceCount(this.campaign);
    const open = this.stage.judge
      .exercises()
      .flatMap((exercise, place) =>
        this.campaign.scored.has(exercise.rule.id) && isBelowFloor(exercise) ? [{ rule: exercise.rule, place }] : [],
      );
    const own = open.filter(({ place }) => place % count === this.index % count);
    return (own.length > 0 || this.campaign.untilPaid ? own : open).map(({ rule }) => rule);
  }

  /** Those of the rules in debt that have a turn in a round. */
  due(debts: readonly Rule[], round: number): readonly Rule[] {
    return debts.filter((rule) => this.byDebt.isDue(rule, round));
  }

  /** A program for a rule in debt. */
  towards(rule: Rule, random: Random): Proposal {
    const { times } = this.stage.judge.exercises().find((exercise) => exercise.rule === rule)!;
    return this.byDebt.draw(rule, times, random);
  }

  take(strategy: string, { program, execution, drawn, differences }: RunOutcome): void {
    this.programs += 1;
    this.operations += execution.steps;
    this.drawn += drawn;
    const { slice, programs } = { slice: this.index, programs: this.programs };
    this.look(program, execution.events);
    if (execution.fault !== null) this.fault = { text: execution.fault, program, slice, programs };
    else this.across.collect({ program, events: execution.events });
    for (const difference of differences) {
      const kind = kindOf(difference);
      if (this.unexplained.has(kind) || this.unexplained.size >= mostUnexplained) continue;
      this.unexplained.set(kind, { ...difference, text: textOfStep(difference, program), slice, programs });
    }
    const { violations } = this.stage.judge;
    const ids = violations.map((violation) => violation.rule.id);
    for (const { rule, why } of violations) {
      if (this.finds.has(rule.id)) continue;
      const also = ids.filter((other) => other !== rule.id);
      const find = { rule: rule.id, why, program, slice, programs, operations: this.operations, also };
      this.finds.set(rule.id, find);
      this.watch.found?.(find);
    }
    this.learn(strategy, program, execution.steps);
  }

  findings(): Findings {
    const { exercised, found } = { exercised: this.stage.judge.exercises(), found: [...this.finds.values()] };
    return {
      slices: [this.index],
      programs: this.programs,
      operations: this.operations,
      drawn: this.drawn,
      exercised: Object.fromEntries(exercised.map(({ rule, times, programs }) => [rule.id, { times, programs }])),
      finds: found,
      kinds: [...this.kinds],
      conduct: [...this.conduct],
      unexplained: [...this.unexplained.values()],
      fault: this.fault,
      shares: Object.fromEntries(this.shares),
      counted: sortedCounts(this.counts),
      kept: this.keeper.all(),
      toured: touredOf(this.tours.tours),
      across: this.across.data(),
    };
  }

  private look(program: Program, events: RunOutcome["execution"]["events"]): void {
    const subjects = new Set(program.setup.importers.filter(({ kind }) => kind === "subject").map(({ name }) => name));
    for (const event of events) {
      this.kinds.add(event.kind);
      const conduct = conductOf(event);
      if (conduct !== null && (conduct.importer === "" || subjects.has(conduct.importer)))
        this.conduct.add(conduct.shows);
    }
  }

  /** What the program showed goes into the counts, and the strategy is credited with what was new. */
  private learn(strategy: string, program: Program, operations: number): void {
    const shown = this.stage.footprint.end();
    // Drawn for misuse of which none came: replayed it would be judged by more rules, and show something else.
    const replaysAlike = this.stage.judge.misuse === program.steps.some((step) => step.misuse === true);
    const { features, rules } = replaysAlike ? shown : { features: [], rules: [] };
    const fresh = features.filter((feature) => !this.counts.has(feature));
    for (const feature of features) this.counts.set(feature, (this.counts.get(feature) ?? 0) + 1);
    const exercises = this.stage.judge.exercises();
    const nearer = rules.filter((index) => {
      const { rule, programs } = exercises[index]!;
      return programs <= exerciseFloor.programs && this.campaign.scored.has(rule.id);
    });
    const decided = shown.rules.map((index) => exercises[index]!);
    this.byDebt.book(program, operations, decided);
    this.portfolio.book(strategy, operations, fresh.length + ruleReward * nearer.length);
    if (this.fault === null) {
      this.keeper.offer({ program, slice: this.index, place: this.programs, features });
      if (fresh.length > 0) this.fresh.push(program);
    }
    const share = this.shares.get(strategy) ?? { programs: 0, operations: 0, features: 0 };
    this.shares.set(strategy, {
      programs: share.programs + 1,
      operations: share.operations + operations,
      features: share.features + fresh.length,
    });
    const { programs } = this;
    this.watch.progress?.({ slice: this.index, programs, operations: this.operations, fresh, exercises });
  }
}
