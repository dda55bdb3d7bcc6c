import { proposalDefaults } from "../defaults.ts";
import type { Rule } from "../../contracts/rule.ts";
import type { Level } from "../../contracts/rule-text.ts";
import { compare, type Comparison } from "../../drivers/table.ts";
import { lengthOf } from "../../generators/shrink/session.ts";
import type { System } from "../../harness/system.ts";
import { profileNamed } from "../../spec/profile-name.ts";
import type { Counterexample } from "../counterexample.ts";
import { failureBlock } from "../failure/block.ts";
import { replay } from "../replay.ts";
import { findShortest } from "../shortest.ts";
import { tourOwnScopes, type OwnScopeReport } from "./own-scopes.ts";
import type { Claim, Proposal } from "./proposal.ts";
import { drawnFrom, judgedRules, searchContract, type FirstBreak, type SearchResult } from "./search.ts";

/** Settings of a run; all have defaults. */
export interface ProposalOptions {
  readonly seed?: number;
  /** Operations of the search. */
  readonly budget?: number;
  /** Executions spent on a shorter program for each broken rule, beyond the first shrink. */
  readonly further?: number;
  /** Faults of the implementation, beside those that are part of the proposal. */
  readonly faults?: readonly string[];
  /** End the search once these rules are broken. */
  readonly until?: readonly string[];
  /** Leave the proposal's own scopes alone. */
  readonly searchOnly?: true;
}

/** What a run says of one rule: one of the proposal's own, or one of the core that it breaks. */
export interface ProposalRule {
  readonly id: string;
  readonly level: Level;
  readonly statement: string;
  /** Of the proposal, restated by it, or the core's. */
  readonly origin: "own" | "restated" | "core";
  /** `blocked`: nothing in the whole search could have broken it. */
  readonly verdict: "pass" | "violated" | "blocked";
  readonly exercised: number;
  /** Programs in which it was. */
  readonly programs: number;
  readonly counterexample: Counterexample | null;
  /** Steps, preemptions and failures of the shortest program; null where there is none. */
  readonly length: number | null;
}

/** What a run of a proposal says. */
export interface ProposalReport {
  readonly proposal: string;
  readonly about: string;
  readonly contract: { readonly name: string; readonly hash: string };
  readonly profile: string;
  readonly seed: number;
  readonly thread: readonly Claim[];
  readonly rules: readonly ProposalRule[];
  /** Rules of the core that hold here, and how many of them decided something. */
  readonly core: { readonly judged: number; readonly exercised: number };
  readonly without: readonly string[];
  readonly explored: {
    readonly programs: number;
    readonly operations: number;
    readonly own: Readonly<Record<string, number>>;
  };
  readonly unexplained: readonly { readonly text: string; readonly times: number }[];
  /** Its own scopes, explored in full and carried out; of a variant without its defence none. */
  readonly scopes: readonly OwnScopeReport[];
  /** Every rule that the proposal's table or the run names; the last two outcomes are red. */
  readonly compared: readonly Comparison[];
  /** Why there is no verdict; null where there is one. */
  readonly fault: string | null;
  /** Left out of what "identical" means. CPU seconds. */
  readonly measured: { readonly search: number; readonly shortest: number };
}

/** Runs a proposal: looks for programs that break its rules, or the core's, and for the shortest of each. */
export async function tryProposal(proposal: Proposal, options: ProposalOptions = {}): Promise<ProposalReport> {
  const { contract, faults = [], profile = "K7.1", expectations } = proposal;
  const { seed, further } = { ...proposalDefaults, ...options };
  const budget = options.budget ?? proposal.budget ?? proposalDefaults.budget;
  const system = contract.roles([...faults, ...(options.faults ?? [])]);
  const started = process.cpuUsage();
  const found = await searchContract(contract, system, {
    profile,
    seed,
    budget,
    ...(options.until && { until: options.until }),
  });
  const search = secondsSince(started);
  const afterwards = process.cpuUsage();
  const counterexamples = new Map<string, Counterexample>();
  for (const broken of found.fault === null ? found.broken : [])
    counterexamples.set(broken.rule.id, await shortestOf(proposal, system, broken, seed, further));
  const rules = rulesIn(proposal, found, counterexamples);
  const { extension } = contract;
  const judged = judgedRules(contract, profileNamed(profile));
  const ours = new Set((extension?.rules ?? []).map(({ id }) => id));
  const core = found.exercises.filter(({ rule }) => !ours.has(rule.id));
  const named = new Set(expectations.map(({ rule }) => rule));
  const broken = rules.filter(
    ({ id, verdict, level }) => verdict === "violated" && (level === "MUST" || named.has(id)),
  );
  return {
    proposal: proposal.name,
    about: proposal.about,
    contract: { name: contract.name, hash: contract.hash },
    profile,
    seed,
    thread: proposal.thread ?? [],
    rules,
    core: { judged: judged.length - ours.size, exercised: core.filter(({ times }) => times > 0).length },
    without: extension?.without ?? [],
    explored: { programs: found.programs, operations: found.operations, own: found.own },
    unexplained: [...found.unexplained].map(([text, times]) => ({ text, times })),
    scopes: options.searchOnly === true || faults.length > 0 ? [] : await tourOwnScopes(contract, system),
    compared:
      found.fault === null
        ? compare(
            proposal,
            broken.map(({ id }) => id),
          )
        : [],
    fault: found.fault?.text ?? null,
    measured: { search, shortest: secondsSince(afterwards) },
  };
}

function secondsSince(started: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(started);
  return (user + system) / 1e6;
}

/** The shortest program for a rule that broke, as far as `further` executions beyond the first shrink find one. */
export async function shortestOf(
  { contract }: Proposal,
  system: System,
  { rule, program, programs, operations }: FirstBreak,
  seed: number,
  further: number,
): Promise<Counterexample> {
  const { own } = drawnFrom(contract, 0);
  const { situation } = rule;
  const { kinds } = contract;
  const shortest = await findShortest(program, { system, rule, kinds, situation, seed, further, ...(own && { own }) });
  const { why, seq, evidence } = shortest.violation;
  const again = await replay(
    shortest.program,
    system,
    judgedRules(contract, profileNamed(program.profile)),
    profileNamed(program.profile),
  );
  return {
    schema: 1,
    rule: rule.id,
    program: shortest.program,
    why,
    seq,
    evidence,
    also: again.violations.map((violation) => violation.rule.id).filter((id) => id !== rule.id),
    bound: shortest.bound,
    found: { slice: 0, programs, operations, seed, steps: shortest.initial, executions: shortest.executions },
  };
}

/** The proposal's own rules and those it restates, then what it breaks of the core's. */
function rulesIn(
  { contract: { extension } }: Proposal,
  { exercises }: SearchResult,
  counterexamples: ReadonlyMap<string, Counterexample>,
): readonly ProposalRule[] {
  const replaced = new Set(extension?.replaced);
  const own = new Set((extension?.rules ?? []).map(({ id }) => id));
  const shown = exercises.filter(({ rule: { id } }) => own.has(id) || counterexamples.has(id));
  const first = shown.filter(({ rule }) => own.has(rule.id));
  const rest = shown.filter(({ rule }) => !own.has(rule.id));
  return [...first, ...rest].map(({ rule: { id, level, statement }, times, programs }) => {
    const counterexample = counterexamples.get(id) ?? null;
    return {
      id,
      level,
      statement,
      origin: replaced.has(id) ? "restated" : own.has(id) ? "own" : "core",
      verdict: counterexample !== null ? "violated" : times === 0 ? "blocked" : "pass",
      exercised: times,
      programs,
      counterexample,
      length: counterexample === null ? null : lengthOf(counterexample.program),
    };
  });
}

/** The whole text for a rule that a proposal breaks. */
export async function describeBreak(
  proposal: Proposal,
  counterexample: Counterexample,
  replayCommand: string,
): Promise<string> {
  const { contract, faults = [] } = proposal;
  const rule: Rule = contract.rules.find(({ id }) => id === counterexample.rule)!;
  const { program } = counterexample;
  const { events } = await replay(program, contract.roles(faults), [rule], profileNamed(program.profile));
  return failureBlock({ rule, counterexample, events, replay: replayCommand });
}
