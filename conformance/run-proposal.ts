import type { Judge } from "../contracts/judge.ts";
import { OnlineChooser } from "../generators/online-chooser.ts";
import type { Random } from "../generators/random.ts";
import type { PlannedWalk, Proposal } from "../generators/strategy.ts";
import { TourChooser } from "../generators/tour/tour-chooser.ts";
import type { Chooser } from "../harness/chooser.ts";
import { execute, type Execution, type Observer } from "../harness/execute.ts";
import { ReplayChooser } from "../harness/replay-chooser.ts";
import type { System } from "../harness/system.ts";
import { coreContractName, programSchema, type Program, type Setup } from "../spec/program.ts";
import { ExtendingChooser } from "./campaign/extending-chooser.ts";
import { PassageChooser } from "./campaign/passage-chooser.ts";
import type { Footprint } from "./campaign/footprint.ts";
import { admitting, checkContract, played, whatHappened } from "./replay.ts";
import { watched, type Difference, type OutcomeWatch } from "./unexplained.ts";

/** What programs are run on and who looks at them. */
export interface Stage {
  readonly system: System;
  readonly judge: Judge;
  readonly profileName: string;
  /** What its programs call their contract, where that is not the core. */
  readonly contract?: string;
  /** Notes answers that nothing explains. */
  readonly watch: OutcomeWatch | null;
  /** Notes what programs show. */
  readonly footprint?: Footprint;
}

/** A program that ran, and what came of it. */
export interface RunOutcome {
  readonly program: Program;
  readonly execution: Execution;
  /** Draws that were made to get its steps. */
  readonly drawn: number;
  /** What no rule and no declared outcome explains; nothing without a watch. */
  readonly differences: readonly Difference[];
}

/** Runs what a strategy proposes. Synchronous for synchronous systems; a promise where a role is async. */
export function runProposal(proposal: Proposal, random: Random, stage: Stage): RunOutcome | Promise<RunOutcome> {
  switch (proposal.kind) {
    case "draw":
      return runDrawn(proposal, random, stage);
    case "replay":
      return runStored(proposal, stage);
    case "walk":
      return runWalk(proposal.walk, stage);
  }
}

/** Who decides what a run does, and what it wrote down. */
interface Author extends Chooser, Pick<Program, "steps" | "schedule" | "failures"> {}

/** Draws a program while it runs. */
export function runDrawn(
  { setup, temper, prefix }: Extract<Proposal, { kind: "draw" }>,
  random: Random,
  stage: Stage,
): RunOutcome | Promise<RunOutcome> {
  const { profile } = stage.judge;
  const online = new OnlineChooser(setup, profile, random, temper);
  const author: Author =
    prefix === null
      ? online
      : new ExtendingChooser(prefix, new ReplayChooser(prefix, admitting(setup, profile)), online);
  const misuse = temper.misuse || prefix?.steps.some((step) => step.misuse === true) === true;
  const outcome = (execution: Execution): RunOutcome => ({
    program: programBy(author, setup, stage),
    execution,
    drawn: online.drawn,
    differences: differencesOf(stage, author),
  });
  return perform(setup, author, misuse, stage, outcome);
}

/** Goes through a piece of a tour, as far as the system follows the scope. */
function runWalk({ graph, scope, edges, ended }: PlannedWalk, stage: Stage): RunOutcome | Promise<RunOutcome> {
  const { setup } = scope;
  const chooser = new TourChooser(graph, scope, stage.judge.profile, edges);
  return perform(setup, chooser, false, stage, (execution) => {
    ended(chooser.taken, chooser.departure);
    return {
      program: programBy(chooser, setup, stage),
      execution,
      drawn: 0,
      differences: differencesOf(stage, chooser),
    };
  });
}

/** What was written down, as a program. */
function programBy({ steps, schedule, failures }: Author, setup: Setup, { profileName, contract }: Stage): Program {
  return {
    schema: programSchema,
    contract: contract ?? coreContractName,
    profile: profileName,
    setup,
    steps: [...steps],
    schedule,
    failures,
  };
}

/** Runs a stored program. Steps that no longer fit are skipped. */
function runStored(
  { program, passed }: Extract<Proposal, { kind: "replay" }>,
  stage: Stage,
): RunOutcome | Promise<RunOutcome> {
  const { setup } = program;
  checkContract(program, stage.system);
  const admit = admitting(setup, stage.judge.profile);
  const chooser = passed === undefined ? new ReplayChooser(program, admit) : new PassageChooser(program, admit, passed);
  const misuse = program.steps.some((step) => step.misuse === true);
  return perform(setup, chooser, misuse, stage, (execution) => {
    const happened = whatHappened(program, played(program, chooser));
    return { program: happened, execution, drawn: 0, differences: differencesOf(stage, happened) };
  });
}

function perform(
  setup: Setup,
  chooser: Chooser,
  misuse: boolean,
  stage: Stage,
  outcome: (execution: Execution) => RunOutcome,
): RunOutcome | Promise<RunOutcome> {
  const { system, judge, watch, footprint } = stage;
  judge.begin({ misuse });
  watch?.begin(setup);
  footprint?.begin();
  let observer: Observer = watch === null ? judge : watched(judge, watch);
  if (footprint !== undefined) observer = watched(observer, footprint);
  const execution = execute(setup, judge.profile, system, chooser, observer);
  return execution instanceof Promise ? execution.then(outcome) : outcome(execution);
}

function differencesOf({ watch, judge }: Stage, ran: Pick<Program, "steps" | "failures">): readonly Difference[] {
  return watch === null || judge.violations.length > 0 ? [] : watch.differences(ran);
}
