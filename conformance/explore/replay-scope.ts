import { Judge, type Exercise } from "../../contracts/judge.ts";
import { monitored } from "../../contracts/registry.ts";
import type { Rule } from "../../contracts/rule.ts";
import type { Graph } from "../../generators/explore/graph.ts";
import type { Walk } from "../../generators/explore/walk.ts";
import type { System } from "../../harness/system.ts";
import { errnoName, type Errno } from "../../spec/errno.ts";
import { profileNamed } from "../../spec/profile-name.ts";
import type { Scratch } from "../../spec/scopes/scope.ts";
import { ScopeSession } from "./scope-session.ts";

/** What came of carrying transitions of a scope out. */
export interface ScopeReplay {
  readonly transitions: number;
  /** Where the system's state was not the scope's, or the scope and the language differ: in words. */
  readonly differences: readonly string[];
  /** Rules that broke, with how often. */
  readonly violations: ReadonlyMap<string, number>;
  readonly exercises: readonly Exercise[];
}

/** Differences after which a replay stops looking. */
const mostDifferences = 10;

/**
 * Carries every `every`-th transition of a graph out on a system, each after a shortest way to its state, and compares the
 * full state with the scope's, field for field. Where the first transition of a state is carried out, the language must
 * agree on what is legal there. `rules` judge; those of the core by default.
 */
export function replayScope(graph: Graph, system: System, every = 1, rules?: readonly Rule[]): ScopeReplay {
  const profile = profileNamed(graph.scope.profile);
  const judge = new Judge(rules ?? monitored(profile.series), profile);
  const differences: string[] = [];
  const violations = new Map<string, number>();
  let transitions = 0;
  const { starts, targets } = graph.edges;
  for (let state = 0; state < graph.counts.states; state += 1) {
    const edges: number[] = [];
    for (let edge = starts[state]!; edge < starts[state + 1]!; edge += 1) if (edge % every === 0) edges.push(edge);
    while (edges.length > 0 && differences.length < mostDifferences) {
      const walk = graph.walkTo(state);
      const session = new ScopeSession(graph.scope, system, judge);
      try {
        for (const instance of walk.path) session.take(instance);
        // Once a state: with its first transition.
        if (starts[state] === edges[0]) differences.push(...disagreements(graph, walk, session));
        // What leads back here can be followed by another.
        for (let edge = edges.shift(); edge !== undefined; edge = edges.shift()) {
          const { errno } = walk.takeEdge(edge).operation;
          session.take(walk.path.at(-1)!);
          transitions += 1;
          const found = compare(graph, walk, session.project()) ?? compareAnswers(walk, errno, session.answered);
          if (found !== null) differences.push(found);
          if (targets[edge] !== state || found !== null || graph.edges.namings[edge] !== 0) break;
        }
        session.finish();
      } catch (error) {
        differences.push(`${describe(walk)}: ${error instanceof Error ? error.message : String(error)}`);
      }
      for (const { rule } of judge.violations) violations.set(rule.id, (violations.get(rule.id) ?? 0) + 1);
    }
  }
  return { transitions, differences, violations, exercises: judge.exercises() };
}

function compare(graph: Graph, walk: Walk, actual: Scratch): string | null {
  const expected = new Int32Array(actual.length);
  walk.read(expected);
  const difference = graph.codec.difference(expected, actual);
  return difference === null ? null : `${describe(walk)}: ${difference}`;
}

function compareAnswers(walk: Walk, errno: Errno, answered: ReadonlySet<Errno>): string | null {
  const expected = errno === 0 ? [] : [errno];
  if (answered.size === expected.length && expected.every((one) => answered.has(one))) return null;
  const words = (errnos: Iterable<Errno>) => [...errnos].map(errnoName).join(" and ") || "success";
  return `${describe(walk)}: answers ${words(answered)}, the scope says ${words(expected)}`;
}

function describe({ path }: Walk): string {
  return path.map(({ operation, ids }) => `${operation.name}(${ids.join(",")})`).join(" ");
}

/** Calls that are legal in the language but neither enabled nor bounded in the scope, and the other way round. */
function disagreements(graph: Graph, walk: Walk, session: ScopeSession): readonly string[] {
  const s = new Int32Array(graph.codec.length);
  walk.read(s);
  const enabled = new Map<string, number>();
  for (const { operation, ids, a, b, c } of graph.instances)
    if (operation.enabled(s, a, b, c)) {
      const key = `${operation.call}(${ids.join(",")})`;
      enabled.set(key, (enabled.get(key) ?? 0) + 1);
    }
  const found: string[] = [];
  const asked = new Set<string>();
  for (const instance of graph.instances) {
    const { operation, ids, a, b, c } = instance;
    const key = `${operation.call}(${ids.join(",")})`;
    if (asked.has(key)) continue;
    asked.add(key);
    const outcomes = enabled.get(key) ?? 0;
    if (outcomes > 1) found.push(`${describe(walk)}: ${key} has ${outcomes} outcomes`);
    if (outcomes > 0 || operation.bounded(s, a, b, c)) continue;
    const kind = session.classOf(instance);
    if (kind === "enabled" || kind === "refused")
      found.push(`${describe(walk)}: ${key} is ${kind} for the language, and the scope leaves it out`);
  }
  return found;
}
