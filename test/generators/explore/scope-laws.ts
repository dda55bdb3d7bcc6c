import { expect, it } from "vitest";
import { explore } from "../../../generators/explore/explore.ts";
import type { Graph } from "../../../generators/explore/graph.ts";
import type { Scope } from "../../../spec/scopes/scope.ts";

/** States, transitions, both without symmetry, and the diameter. */
export type ScopeCounts = readonly [number, number, number, number, number];

function countsOf({ counts, diameter }: Graph): ScopeCounts {
  return [counts.states, counts.transitions, counts.fullStates, counts.fullTransitions, diameter];
}

/** The calls of a state that have more than one outcome. */
function ambiguous(graph: Graph): readonly string[] {
  const s = new Int32Array(graph.codec.length);
  const found = new Set<string>();
  for (let state = 0; state < graph.counts.states; state += 1) {
    graph.read(state, s);
    const seen = new Set<string>();
    for (const { operation, ids, a, b, c } of graph.instances) {
      if (!operation.enabled(s, a, b, c)) continue;
      const key = `${operation.call} ${ids.join(" ")}`;
      if (seen.has(key)) found.add(key);
      seen.add(key);
    }
  }
  return [...found];
}

/** The laws of one scope, as tests; answers its graph. */
export function testScopeLaws(scope: Scope, expected: ScopeCounts | undefined): Graph {
  const graph = explore(scope);

  it("is closed, with the counts that are stored", () => {
    expect(countsOf(graph)).toEqual(expected);
  });

  it("has as many states and transitions without symmetry as its orbits say", () => {
    const plain = explore(scope, { symmetry: false, edges: false });
    expect([plain.counts.states, plain.counts.transitions, plain.diameter]).toEqual([
      graph.counts.fullStates,
      graph.counts.fullTransitions,
      graph.diameter,
    ]);
  });

  it("gives each call one outcome", () => {
    expect(ambiguous(graph)).toEqual([]);
  });

  it("uses every operation", () => {
    const used = new Set(
      graph.instances.filter(({ index }) => graph.seen[index]! > 0).map((one) => one.operation.name),
    );
    expect(scope.operations.map((operation) => operation.name).filter((operation) => !used.has(operation))).toEqual([]);
  });

  return graph;
}
