import { Judge, type Exercise } from "../../contracts/judge.ts";
import type { System } from "../../harness/system.ts";
import { profileNamed } from "../../spec/profile-name.ts";
import type { Scope } from "../../spec/scopes/scope.ts";
import type { Contract } from "../contract/contract.ts";
import { graphOf } from "../explore/graphs.ts";
import { tour } from "../explore/tour.ts";
import { judgedRules } from "./search.ts";

/** What came of one of a contract's own scopes: all its states, and all its transitions carried out. */
export interface OwnScopeReport {
  readonly scope: string;
  readonly about: string;
  readonly ids: Readonly<Record<string, number>>;
  readonly bounds: string;
  /** Up to the naming of ids. */
  readonly states: number;
  readonly transitions: number;
  /** Without symmetry. */
  readonly fullStates: number;
  readonly fullTransitions: number;
  readonly diameter: number;
  /** Transitions of the scope that the implementation took and that ended as the scope says. */
  readonly taken: number;
  readonly programs: number;
  /** Steps of those programs. */
  readonly operations: number;
  /** Where the implementation left the scope, in words: the first ten. */
  readonly departures: readonly string[];
  /** The contract's own rules: events of the tour at which they could have been broken. */
  readonly decided: readonly { readonly rule: string; readonly times: number }[];
  /** Rules of any origin that broke, with why. */
  readonly broken: readonly { readonly rule: string; readonly why: string }[];
  readonly fault: string | null;
}

/** Which tour of least cost. */
const tourSeed = 1;

/** Whether all of a scope was carried out, and nothing broke. */
export function isScopeClean({ taken, transitions, departures, broken, fault }: OwnScopeReport): boolean {
  return taken === transitions && departures.length === 0 && broken.length === 0 && fault === null;
}

/**
 * Explores the contract's own scopes exhaustively and takes every transition of each on a system, judged by all rules of the
 * contract. `scopes`: not all of them. Throws a RangeError for a scope that is not closed.
 */
export async function tourOwnScopes(
  contract: Contract,
  system: System,
  scopes: readonly Scope[] = contract.extension?.scopes ?? [],
): Promise<readonly OwnScopeReport[]> {
  const own = new Set(contract.extension?.rules);
  const reports: OwnScopeReport[] = [];
  for (const scope of scopes) {
    const graph = graphOf(scope);
    const profile = profileNamed(scope.profile);
    const judge = new Judge(judgedRules(contract, profile), profile);
    const toured = await tour(graph, system, judge, { seed: tourSeed, contract: contract.key });
    const isOwn = ({ rule }: Exercise) => own.has(rule);
    reports.push({
      scope: scope.name,
      about: scope.about,
      ids: scope.ids,
      bounds: scope.bounds,
      ...graph.counts,
      diameter: graph.diameter,
      taken: toured.coverage.taken,
      programs: toured.programs,
      operations: toured.operations,
      departures: toured.coverage.departures,
      decided: judge
        .exercises()
        .filter(isOwn)
        .map(({ rule, times }) => ({ rule: rule.id, times })),
      broken: [...toured.finds].map(([rule, { violation }]) => ({ rule, why: violation.why })),
      fault: toured.fault?.text ?? null,
    });
  }
  return reports;
}
