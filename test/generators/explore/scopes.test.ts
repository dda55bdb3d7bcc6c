import { describe, expect, it } from "vitest";
import { explore } from "../../../generators/explore/explore.ts";
import type { Graph } from "../../../generators/explore/graph.ts";
import { fences } from "../../../spec/scopes/fences.ts";
import type { Scope } from "../../../spec/scopes/scope.ts";
import { scopes } from "../../../spec/scopes/scopes.ts";

/** States, transitions, both without symmetry, and the diameter. */
type Expected = readonly [number, number, number, number, number];

const expectedCounts: Readonly<Record<string, Expected>> = {
  fences: [4509, 101050, 8980, 201184, 11],
  locking: [8786, 90597, 104710, 1074708, 24],
  revoking: [172, 1132, 594, 3606, 11],
  lifetime: [166, 2988, 491, 8848, 12],
  sharing: [188, 2534, 1218, 16611, 10],
  moving: [124, 1333, 1685, 17518, 9],
  entries: [2286, 26705, 4560, 53253, 19],
  containers: [1156, 19362, 6363, 106611, 12],
};

function countsOf({ counts, diameter }: Graph): Expected {
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

describe.each(scopes.map((scope) => [scope.name, scope] as const))("the scope %s", (name, scope) => {
  const graph = explore(scope);

  it("is closed, with the counts that are stored", () => {
    expect(countsOf(graph)).toEqual(expectedCounts[name]);
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
});

describe("explore", () => {
  const small = fences({ fence: 1, callback: 1, waiter: 1 });

  it("says which operation leaves which field", () => {
    const leaves: Scope = {
      ...small,
      operations: [
        {
          ...small.operations[0]!,
          apply: (s) => {
            s[0] = 3;
          },
        },
      ],
    };
    expect(() => explore(leaves)).toThrow("fenceInit sets life[0] to 3, but its values are 0 to 2");
  });

  it("stops at its limit", () => {
    expect(() => explore(small, { limit: 100 })).toThrow("more than 100 states");
  });

  it("finds each state again under every naming, and a shortest path to it", () => {
    const graph = explore(fences({ fence: 2, callback: 2, waiter: 1 }));
    const s = new Int32Array(graph.codec.length);
    const renamed = new Int32Array(graph.codec.length);
    for (let state = 0; state < graph.counts.states; state += 7) {
      graph.read(state, s);
      for (let naming = 0; naming < graph.symmetry.order; naming += 1) {
        graph.symmetry.apply(naming, s, renamed);
        expect(graph.indexOf(renamed)).toBe(state);
      }
      const path = graph.shortestPath(state);
      expect(path.length).toBe(graph.depths[state]);
      s.fill(0);
      for (const { operation, a, b, c } of path) {
        expect(operation.enabled(s, a, b, c)).toBe(true);
        operation.apply(s, a, b, c);
      }
      expect(graph.indexOf(s)).toBe(state);
    }
  });
});
