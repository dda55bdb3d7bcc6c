import type { Scope } from "../../spec/scopes/scope.ts";
import { Canonical } from "./canonical.ts";
import { Codec } from "./codec.ts";
import { EdgeList } from "./edge-list.ts";
import { Graph } from "./graph.ts";
import { groupsOf, instancesOf, type Outcome } from "./instances.ts";
import { StateTable } from "./state-table.ts";
import { Symmetry } from "./symmetry.ts";

/** How to explore. */
export interface ExploreOptions {
  /** Take all namings of the ids as one. Default true. */
  readonly symmetry?: boolean;
  /** Keep the transitions. Default true; without them only counts, parents and shortest paths are there. */
  readonly edges?: boolean;
  /** States at which a scope counts as not small. Default 20 million. */
  readonly limit?: number;
}

const mostStates = 20_000_000;

/**
 * Explores a scope: every state that its operations reach from the initial one, nearest first, each with the transition
 * that reached it first. Exact: no state is taken for another. Of the outcomes of a call the first that is enabled counts.
 * Throws a RangeError where an operation leaves the domain of a field, and where there are more states than `limit`.
 */
export function explore(scope: Scope, options: ExploreOptions = {}): Graph {
  const { symmetry: isSymmetric = true, edges: keepsEdges = true, limit = mostStates } = options;
  const codec = new Codec(scope);
  const symmetry = new Symmetry(scope);
  const canonical = isSymmetric && symmetry.order > 1 ? new Canonical(scope, codec, symmetry) : null;
  const instances = instancesOf(scope);
  const groups = groupsOf(instances);
  const table = new StateTable(codec.lanes);
  const edges = keepsEdges ? new EdgeList(canonical !== null) : null;
  const { length, lanes, lane, shift, sizes } = codec;
  const base = new Int32Array(length);
  const scratch = new Int32Array(length);
  const packed = canonical?.packed ?? new Int32Array(lanes);
  const seen = new Float64Array(instances.length);
  let [transitions, fullStates, fullTransitions] = [0, 0, 0];

  /** Enters the state that is packed, reached by an instance. */
  const enter = (parent: number, via: number): number => {
    const before = table.size;
    const index = table.insert(packed);
    if (index < before) return index;
    if (index >= limit)
      throw new RangeError(`scope ${scope.name} has more than ${limit} states; lower its counts or its bounds`);
    const orbit = canonical === null ? 1 : symmetry.order / canonical.stabilizer;
    table.describe(index, parent, via, orbit);
    fullStates += orbit;
    return index;
  };

  /** Counts a transition. */
  const count = (via: number, to: number, naming: number, orbit: number): void => {
    transitions += 1;
    fullTransitions += orbit;
    seen[via]! += orbit;
    edges?.add(via, to, naming);
  };

  /** Enters what an outcome leads to from a state, and sets the scratch back. */
  const take = (from: number, { instance, apply }: Outcome, orbit: number): void => {
    const { index: via, operation, a, b, c } = instance;
    apply(scratch, a, b, c);
    let isChanged = false;
    for (let at = 0; at < lanes; at += 1) packed[at] = table.states[from * lanes + at]!;
    for (let slot = 0; slot < length; slot += 1) {
      const value = scratch[slot]!;
      const change = value ^ base[slot]!;
      if (change === 0) continue;
      // Unsigned: below zero is out of the domain too.
      if (value >>> 0 >= sizes[slot]!) codec.check(scratch, operation.name);
      packed[lane[slot]!]! ^= change << shift[slot]!;
      isChanged = true;
    }
    if (!isChanged) {
      count(via, from, 0, orbit);
      return;
    }
    canonical?.of(scratch);
    count(via, enter(from, via), canonical?.naming ?? 0, orbit);
    for (let slot = 0; slot < length; slot += 1) scratch[slot] = base[slot]!;
  };

  scope.initial(scratch);
  codec.check(scratch, "the initial state");
  codec.pack(scratch, packed, 0);
  canonical?.of(scratch);
  enter(-1, 0);
  for (let from = 0; from < table.size; from += 1) {
    codec.unpack(table.states, from * lanes, base);
    for (let slot = 0; slot < length; slot += 1) scratch[slot] = base[slot]!;
    const orbit = table.orbits[from]!;
    edges?.begin();
    for (let index = 0; index < groups.length; index += 1) {
      const { a, b, c, may, calls } = groups[index]!;
      if (may !== null && !may(scratch, a, b, c)) continue;
      for (let call = 0; call < calls.length; call += 1) {
        const outcomes = calls[call]!;
        for (let which = 0; which < outcomes.length; which += 1) {
          const outcome = outcomes[which]!;
          if (!outcome.when(scratch, a, b, c)) continue;
          if (outcome.stays) count(outcome.instance.index, from, 0, orbit);
          else take(from, outcome, orbit);
          break;
        }
      }
    }
  }
  return new Graph({
    scope,
    codec,
    symmetry,
    canonical,
    table,
    instances,
    counts: { states: table.size, transitions, fullStates, fullTransitions },
    seen,
    edges: edges?.all() ?? null,
  });
}
