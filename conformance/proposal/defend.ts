import type { Level } from "../../contracts/rule-text.ts";
import type { System } from "../../harness/system.ts";
import { profileNamed } from "../../spec/profile-name.ts";
import type { Contract } from "../contract/contract.ts";
import type { Counterexample } from "../counterexample.ts";
import { searchSlice, slicesOf, sumSlices, type SliceResult, type SliceWork } from "./defence-slice.ts";
import { isScopeClean, tourOwnScopes, type OwnScopeReport } from "./own-scopes.ts";
import type { Proposal } from "./proposal.ts";
import { judgedRules, searchContract } from "./search.ts";
import { proposalDefaults } from "../defaults.ts";
import { shortestOf } from "./try-proposal.ts";

/** What a proposal that the threads defend has to show: operations by default, and at least so many of the rest. */
export const demands = { operations: 5_000_000, exercised: 100, kills: 5, scopes: 1 } as const;

/** Operations in which a fault of the implementation has to be caught. */
const killBudget = 300_000;
/** Settings of `defend`. */
export interface DefenceTerms {
  readonly seed: number;
  /** Operations of the search: those demanded by default. */
  readonly operations?: number;
  /** Told after every slice. */
  readonly progress?: (operations: number, programs: number) => void;
  /** Searches a slice somewhere else, `jobs` of them at a time. */
  readonly run?: (work: SliceWork) => Promise<SliceResult>;
  readonly jobs?: number;
}

/** A fault of the implementation and what became of it. */
export interface Kill {
  readonly fault: string;
  readonly about: string;
  readonly rule: string;
  /** Operations up to the program that broke the rule; null where none did. */
  readonly operations: number | null;
}

/** A rule that broke, where first, and the shortest program for it. */
export interface Breach {
  readonly rule: string;
  readonly level: Level;
  readonly slice: number;
  readonly counterexample: Counterexample;
}

/** What a long run of a proposal says. */
export interface Defence {
  readonly proposal: string;
  readonly contract: { readonly name: string; readonly hash: string };
  readonly profile: string;
  readonly seed: number;
  readonly slices: number;
  readonly programs: number;
  readonly operations: number;
  /** Steps of each of the contract's own operations. */
  readonly own: Readonly<Record<string, number>>;
  /** The proposal's own rules. */
  readonly rules: readonly { readonly id: string; readonly exercised: number; readonly programs: number }[];
  /** Rules of the core that judged, and how many of them decided something. */
  readonly core: { readonly judged: number; readonly exercised: number };
  readonly breaches: readonly Breach[];
  readonly unexplained: readonly { readonly text: string; readonly times: number }[];
  readonly kills: readonly Kill[];
  readonly scopes: readonly OwnScopeReport[];
  /** What is wrong or missing, in words; none: the proposal holds. */
  readonly shortfalls: readonly string[];
  /** Some of it is a rule that broke or a scope that was left, not only too little of something. */
  readonly isBroken: boolean;
  readonly fault: string | null;
}

/**
 * The long form of a proposal's run: its scopes in full, every fault of its implementation, and a search in slices, each a
 * function of seed and number alone. Ends with the slice in which a MUST breaks.
 */
export async function defend(proposal: Proposal, terms: DefenceTerms): Promise<Defence> {
  const { contract, faults = [], profile = "K7.1" } = proposal;
  const { seed, operations = demands.operations } = terms;
  const system = contract.roles(faults);
  const scopes = await tourOwnScopes(contract, system);
  const kills = await killsOf(contract, profile, seed);
  const { run = (work) => searchSlice(proposal, work), jobs = 1 } = terms;
  const total = await sumSlices(slicesOf(seed, operations), run, jobs, (sum) =>
    terms.progress?.(sum.operations, sum.programs),
  );
  const judged = judgedRules(contract, profileNamed(profile));
  const ours = new Set((contract.extension?.rules ?? []).map(({ id }) => id));
  const breaches: Breach[] = [];
  for (const { slice, found } of total.fault === null ? total.broken : []) {
    const rule = contract.rules.find(({ id }) => id === found.rule)!;
    const counterexample = await shortestOf(proposal, system, { ...found, rule }, seed, proposalDefaults.further);
    breaches.push({ rule: rule.id, level: rule.level, slice, counterexample });
  }
  const rules = [...ours].map((id) => ({ id, ...(total.exercised.get(id) ?? { exercised: 0, programs: 0 }) }));
  const core = [...total.exercised].filter(([id, { exercised }]) => !ours.has(id) && exercised > 0);
  const seen = {
    proposal: proposal.name,
    contract: { name: contract.name, hash: contract.hash },
    profile,
    seed,
    slices: total.slices,
    programs: total.programs,
    operations: total.operations,
    own: Object.fromEntries(total.own),
    rules,
    core: { judged: judged.length - ours.size, exercised: core.length },
    breaches,
    unexplained: [...total.unexplained].map(([text, times]) => ({ text, times })),
    kills,
    scopes,
    fault: total.fault,
  };
  const broken = brokenIn(seen);
  return { ...seen, shortfalls: [...broken, ...missingIn(seen)], isBroken: broken.length > 0 };
}

/** Every fault of the contract's implementation, by the rule that it names. */
async function killsOf(contract: Contract, profile: string, seed: number): Promise<readonly Kill[]> {
  const { faults = {}, rules = [] } = contract.extension ?? {};
  const kills: Kill[] = [];
  for (const [fault, { rule, about }] of Object.entries(faults)) {
    const isOwn = rules.some(({ id }) => id === rule);
    const system: System = contract.roles([fault]);
    const terms = { profile, seed, budget: killBudget, until: [rule], ...(isOwn && { ownOnly: true as const }) };
    const { broken } = await searchContract(contract, system, terms);
    kills.push({ fault, about, rule, operations: broken.find((one) => one.rule.id === rule)?.operations ?? null });
  }
  return kills;
}

type Seen = Omit<Defence, "shortfalls" | "isBroken">;

function brokenIn({ breaches, scopes, unexplained }: Seen): readonly string[] {
  return [
    ...breaches
      .filter(({ level }) => level === "MUST")
      .map(({ rule, slice, counterexample: { why } }) => `${rule} broke in slice ${slice}: ${why}`),
    ...scopes.filter((scope) => !isScopeClean(scope)).map(scopeFault),
    ...unexplained.map(({ text, times }) => `unexplained, ${times} times: ${text}`),
  ];
}

function scopeFault({ scope, taken, transitions, departures, broken, fault }: OwnScopeReport): string {
  const why = fault ?? broken.map(({ rule, why: text }) => `${rule}: ${text}`)[0] ?? departures[0] ?? "";
  return `the scope ${scope} was left: ${taken} of ${transitions} transitions taken; ${why}`;
}

function missingIn({ rules, kills, scopes }: Seen): readonly string[] {
  const killed = kills.filter((kill) => kill.operations !== null).length;
  const short = (what: string, has: number, wants: number) =>
    has >= wants ? [] : [`${what}: ${has}, and ${wants} are demanded`];
  return [
    ...rules.flatMap(({ id, exercised }) => short(`times that ${id} was exercised`, exercised, demands.exercised)),
    ...kills
      .filter((kill) => kill.operations === null)
      .map(({ fault, rule }) => `the fault ${fault} was not caught by ${rule} in ${killBudget} operations`),
    ...short("faults that were caught", killed, demands.kills),
    ...short("scopes", scopes.length, demands.scopes),
  ];
}
