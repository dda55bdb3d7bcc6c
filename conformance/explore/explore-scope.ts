import { areaOf, monitored } from "../../contracts/registry.ts";
import { explore } from "../../generators/explore/explore.ts";
import type { Graph } from "../../generators/explore/graph.ts";
import { errnoName } from "../../spec/errno.ts";
import { profileNamed } from "../../spec/profile-name.ts";
import type { Scope } from "../../spec/scopes/scope.ts";
import type { Rule } from "../../contracts/rule.ts";
import type { System } from "../../harness/system.ts";
import { referenceSystem } from "../reference-system.ts";
import { replayScope } from "./replay-scope.ts";

/** A legal error of a scope. */
export interface LegalError {
  readonly errno: string;
  readonly operation: string;
  /** Transitions that end in it, over all states without symmetry. */
  readonly transitions: number;
}

/** What is known of a scope once it is explored. */
export interface ScopeReport {
  readonly scope: string;
  readonly about: string;
  readonly areas: readonly string[];
  readonly profile: string;
  readonly ids: Readonly<Record<string, number>>;
  readonly bounds: string;
  /** States and transitions up to the naming of ids. */
  readonly states: number;
  readonly transitions: number;
  /** The same without symmetry. */
  readonly fullStates: number;
  readonly fullTransitions: number;
  /** Steps to the farthest state. */
  readonly diameter: number;
  readonly legalErrors: readonly LegalError[];
  /** Rules of its areas that have a monitor in the profile. */
  readonly armed: readonly string[];
  /** Rules that decided something in the transitions carried out; of all areas. */
  readonly decided: readonly string[];
  /** Transitions carried out on the reference. */
  readonly replayed: number;
  /** Where the reference and the scope differ, and rules that broke: both are defects of ours. */
  readonly differences: readonly string[];
  /** Of this run and this machine. */
  readonly measured: { readonly bytesPerState: number; readonly statesPerSecond: number };
}

/** What a scope is carried out on, and who judges. */
export interface ScopeStage {
  readonly system: System;
  readonly rules: readonly Rule[];
}

function coreStage(scope: Scope): ScopeStage {
  return { system: referenceSystem(), rules: monitored(profileNamed(scope.profile).series) };
}

/** Transitions carried out to see which rules decide something. */
const sample = 500;

/**
 * Explores a scope and carries a sample of its transitions out, on the reference where no stage is named. `clock` answers CPU seconds.
 * Throws a RangeError for a scope that is not closed.
 */
export function exploreScope(
  scope: Scope,
  clock: () => number,
  { system, rules }: ScopeStage = coreStage(scope),
): { readonly graph: Graph; readonly report: ScopeReport } {
  const began = clock();
  const graph = explore(scope);
  const seconds = clock() - began;
  const { counts } = graph;
  const every = Math.max(1, Math.ceil(counts.transitions / sample));
  const replay = replayScope(graph, system, every, rules);
  const report: ScopeReport = {
    scope: scope.name,
    about: scope.about,
    areas: scope.areas,
    profile: scope.profile,
    ids: scope.ids,
    bounds: scope.bounds,
    ...counts,
    diameter: graph.diameter,
    legalErrors: legalErrors(graph),
    armed: rules.filter((rule) => scope.areas.includes(areaOf(rule))).map((rule) => rule.id),
    decided: replay.exercises.filter(({ times }) => times > 0).map(({ rule }) => rule.id),
    replayed: replay.transitions,
    differences: [
      ...replay.differences,
      ...[...replay.violations].map(([rule, times]) => `${rule} broke ${times} times`),
    ],
    measured: {
      bytesPerState: Math.round(graph.bytesPerState),
      statesPerSecond: Math.round(counts.states / Math.max(seconds, 1e-6)),
    },
  };
  return { graph, report };
}

function legalErrors({ instances, seen }: Graph): readonly LegalError[] {
  const errors = new Map<string, { errno: string; operation: string; transitions: number }>();
  for (const { operation, index } of instances) {
    if (operation.errno === 0) continue;
    const entry = errors.get(operation.name) ?? {
      errno: errnoName(operation.errno),
      operation: operation.name,
      transitions: 0,
    };
    entry.transitions += seen[index]!;
    errors.set(operation.name, entry);
  }
  return [...errors.values()];
}
