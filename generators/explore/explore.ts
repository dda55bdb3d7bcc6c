import type { Scope } from "../../spec/scopes/scope.ts";
import { Canonical } from "./canonical.ts";
import { Codec } from "./codec.ts";
import { Graph } from "./graph.ts";
import { instancesOf } from "./instances.ts";
import { grown, StateTable } from "./state-table.ts";
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
 * that reached it first. Exact: no state is taken for another.
 * Throws a RangeError where an operation leaves the domain of a field, and where there are more states than `limit`.
 */
export function explore(scope: Scope, options: ExploreOptions = {}): Graph {
  const { symmetry: isSymmetric = true, edges: keepsEdges = true, limit = mostStates } = options;
  const codec = new Codec(scope);
  const symmetry = new Symmetry(scope);
  const canonical = isSymmetric && symmetry.order > 1 ? new Canonical(scope, codec, symmetry) : null;
  const instances = instancesOf(scope);
  const table = new StateTable(codec.lanes);
  const { length, sizes } = codec;
  const base = new Int32Array(length);
  const scratch = new Int32Array(length);
  const plainly = new Int32Array(codec.lanes);
  const packed = canonical?.packed ?? plainly;

  let parents = new Int32Array(1024);
  let vias = new Uint16Array(1024);
  let orbits = new Uint16Array(canonical === null ? 0 : 1024);
  let starts = new Int32Array(keepsEdges ? 1024 : 0);
  let edgeInstances = new Uint16Array(keepsEdges ? 4096 : 0);
  let edgeTargets = new Int32Array(keepsEdges ? 4096 : 0);
  let edgeNamings = new Uint16Array(keepsEdges && canonical !== null ? 4096 : 0);
  const seen = new Float64Array(instances.length);
  let [transitions, fullStates, fullTransitions] = [0, 0, 0];

  const enter = (parent: number, via: number): number => {
    if (canonical === null) codec.pack(scratch, plainly, 0);
    else canonical.of(scratch);
    const before = table.size;
    const index = table.insert(packed);
    if (index < before) return index;
    if (index >= limit)
      throw new RangeError(`scope ${scope.name} has more than ${limit} states; lower its counts or its bounds`);
    if (index >= parents.length) {
      parents = grown(parents);
      vias = grown(vias);
      if (canonical !== null) orbits = grown(orbits);
      if (keepsEdges) starts = grown(starts);
    }
    parents[index] = parent;
    vias[index] = via;
    const orbit = canonical === null ? 1 : symmetry.order / canonical.stabilizer;
    if (canonical !== null) orbits[index] = orbit;
    fullStates += orbit;
    return index;
  };

  scope.initial(scratch);
  checkDomains(scope, codec, scratch, "the initial state");
  enter(-1, 0);
  for (let from = 0; from < table.size; from += 1) {
    codec.unpack(table.states, from * codec.lanes, base);
    scratch.set(base);
    const orbit = canonical === null ? 1 : orbits[from]!;
    if (keepsEdges) starts[from] = transitions;
    for (let index = 0; index < instances.length; index += 1) {
      const { operation, a, b, c } = instances[index]!;
      if (!operation.enabled(scratch, a, b, c)) continue;
      operation.apply(scratch, a, b, c);
      for (let slot = 0; slot < length; slot += 1)
        // Unsigned: below zero is out of the domain too.
        if (scratch[slot]! >>> 0 >= sizes[slot]!) checkDomains(scope, codec, scratch, operation.name);
      const to = enter(from, index);
      seen[index]! += orbit;
      fullTransitions += orbit;
      if (keepsEdges) {
        if (transitions >= edgeTargets.length) {
          edgeInstances = grown(edgeInstances);
          edgeTargets = grown(edgeTargets);
          if (canonical !== null) edgeNamings = grown(edgeNamings);
        }
        edgeInstances[transitions] = index;
        edgeTargets[transitions] = to;
        if (canonical !== null) edgeNamings[transitions] = canonical.naming;
      }
      transitions += 1;
      for (let slot = 0; slot < length; slot += 1) scratch[slot] = base[slot]!;
    }
  }
  const states = table.size;
  return new Graph({
    scope,
    codec,
    symmetry,
    canonical,
    table,
    instances,
    counts: { states, transitions, fullStates, fullTransitions },
    seen,
    parents: parents.subarray(0, states),
    vias: vias.subarray(0, states),
    edges: keepsEdges
      ? {
          starts: endedWith(starts, states, transitions),
          instances: edgeInstances.subarray(0, transitions),
          targets: edgeTargets.subarray(0, transitions),
          namings: canonical === null ? new Uint16Array(transitions) : edgeNamings.subarray(0, transitions),
        }
      : null,
  });
}

function endedWith(starts: Int32Array, states: number, end: number): Int32Array {
  const all = new Int32Array(states + 1);
  all.set(starts.subarray(0, states));
  all[states] = end;
  return all;
}

function checkDomains(scope: Scope, codec: Codec, s: Int32Array, what: string): void {
  for (let slot = 0; slot < codec.length; slot += 1) {
    const value = s[slot]!;
    if (value < 0 || value >= codec.sizes[slot]!)
      throw new RangeError(
        `scope ${scope.name}: ${what} sets ${codec.nameOf(slot)} to ${value}, but its values are 0 to ${codec.sizes[slot]! - 1}`,
      );
  }
}
