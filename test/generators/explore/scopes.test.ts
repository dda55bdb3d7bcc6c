import { describe, expect, it } from "vitest";
import { explore } from "../../../generators/explore/explore.ts";
import { fences } from "../../../spec/scopes/fences.ts";
import type { Scope } from "../../../spec/scopes/scope.ts";
import { scopes } from "../../../spec/scopes/scopes.ts";
import { testScopeLaws, type ScopeCounts } from "./scope-laws.ts";

const expectedCounts: Readonly<Record<string, ScopeCounts>> = {
  fences: [4509, 101050, 8980, 201184, 11],
  locking: [8786, 90597, 104710, 1074708, 24],
  revoking: [172, 1132, 594, 3606, 11],
  lifetime: [166, 2988, 491, 8848, 12],
  sharing: [188, 2534, 1218, 16611, 10],
  moving: [124, 1333, 1685, 17518, 9],
  entries: [2286, 26705, 4560, 53253, 19],
  containers: [1156, 19362, 6363, 106611, 12],
};

describe.each(scopes.map((scope) => [scope.name, scope] as const))("the scope %s", (name, scope) => {
  testScopeLaws(scope, expectedCounts[name]);
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
