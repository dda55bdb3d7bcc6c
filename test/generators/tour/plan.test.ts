import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { explore } from "../../../generators/explore/explore.ts";
import type { Graph } from "../../../generators/explore/graph.ts";
import { Random } from "../../../generators/random.ts";
import { Flow, unlimited } from "../../../generators/tour/flow.ts";
import { planTour } from "../../../generators/tour/plan.ts";
import { fences } from "../../../spec/scopes/fences.ts";

/** The parts of a graph that a plan looks at, with every state reached from state 0 along its first incoming edge. */
function graphOf(states: number, pairs: readonly (readonly [number, number])[]): Graph | null {
  const sorted = [...pairs].toSorted(([a], [b]) => a - b);
  const starts = new Int32Array(states + 1);
  for (const [from] of sorted) starts[from + 1]! += 1;
  for (let state = 0; state < states; state += 1) starts[state + 1]! += starts[state]!;
  const targets = Int32Array.from(sorted, ([, to]) => to);
  const parents = new Int32Array(states).fill(-2);
  parents[0] = -1;
  const vias = new Uint16Array(states);
  const queue = [0];
  for (const state of queue)
    for (let edge = starts[state]!; edge < starts[state + 1]!; edge += 1) {
      const to = targets[edge]!;
      if (parents[to] !== -2) continue;
      parents[to] = state;
      vias[to] = edge;
      queue.push(to);
    }
  if (queue.length < states) return null;
  const instances = Uint16Array.from(sorted, (_, edge) => edge);
  const edges = { starts, targets, instances, namings: new Uint16Array(targets.length) };
  return { counts: { states, transitions: targets.length }, edges, parents, vias } as unknown as Graph;
}

/** The least number of steps in walks from state 0 that take every edge, by search. */
function leastByHand({ edges: { starts, targets } }: Graph): number {
  const whole = 2 ** targets.length - 1;
  const seen = new Map<string, number>([["0 0", 0]]);
  const buckets: (readonly [number, number])[][] = [[[0, 0]]];
  for (let cost = 0; cost < buckets.length; cost += 1)
    for (const [state, taken] of buckets[cost] ?? []) {
      if (seen.get(`${state} ${taken}`)! < cost) continue;
      if (taken === whole) return cost;
      const reach = (to: number, now: number, price: number) => {
        const key = `${to} ${now}`;
        if ((seen.get(key) ?? Infinity) <= price) return;
        seen.set(key, price);
        (buckets[price] ??= []).push([to, now]);
      };
      reach(0, taken, cost);
      for (let edge = starts[state]!; edge < starts[state + 1]!; edge += 1)
        reach(targets[edge]!, taken | (1 << edge), cost + 1);
    }
  throw new Error("some edge is never reached");
}

const small = fc
  .integer({ min: 2, max: 5 })
  .chain((states) =>
    fc.tuple(
      fc.constant(states),
      fc.array(fc.tuple(fc.nat(states - 1), fc.nat(states - 1)), { minLength: states - 1, maxLength: 9 }),
    ),
  )
  .map(([states, pairs]) => graphOf(states, pairs))
  .filter((graph) => graph !== null);

function check(graph: Graph, walks: readonly Int32Array[]): number {
  const taken = new Set<number>();
  for (const walk of walks) {
    let state = 0;
    for (const edge of walk) {
      expect(edge).toBeGreaterThanOrEqual(graph.edges.starts[state]!);
      expect(edge).toBeLessThan(graph.edges.starts[state + 1]!);
      taken.add(edge);
      state = graph.edges.targets[edge]!;
    }
  }
  return taken.size;
}

describe("a tour plan", () => {
  it("takes every transition in the fewest steps there can be", () => {
    fc.assert(
      fc.property(small, fc.nat(), (graph, seed) => {
        const plan = planTour(graph, { longest: 1000, random: new Random(seed) });
        expect(check(graph, plan.walks)).toBe(graph.counts.transitions);
        expect(plan.steps).toBe(plan.bound);
        expect(plan.bound).toBe(leastByHand(graph));
      }),
      { numRuns: 300, seed: 1 },
    );
  });

  it("cuts long walks, at the price of the way back", () => {
    fc.assert(
      fc.property(small, fc.integer({ min: 6, max: 12 }), (graph, longest) => {
        const plan = planTour(graph, { longest, random: new Random(1) });
        expect(check(graph, plan.walks)).toBe(graph.counts.transitions);
        for (const walk of plan.walks) expect(walk.length).toBeLessThanOrEqual(longest);
      }),
      { numRuns: 200, seed: 2 },
    );
  });

  it("is a function of the seed", () => {
    const graph = explore(fences({ fence: 1, callback: 1, waiter: 1 }));
    const walks = (seed: number) => planTour(graph, { longest: 100, random: new Random(seed) }).walks;
    expect(walks(1)).toEqual(walks(1));
    expect(walks(1)).not.toEqual(walks(2));
  });
});

describe("a flow of least cost", () => {
  it("takes the cheap way first, and gives back what a better one needs", () => {
    const flow = new Flow(4);
    const [dear, cheap, across, early, late] = [
      flow.arc(0, 1, 1, 1),
      flow.arc(0, 2, 1, 2),
      flow.arc(1, 2, 1, 0),
      flow.arc(1, 3, 1, 5),
      flow.arc(2, 3, 1, 1),
    ];
    flow.send(0, 3);
    expect([dear, cheap, across, early, late].map((arc) => flow.through(arc))).toEqual([1, 1, 0, 1, 1]);
  });

  it("stops where nothing more gets through", () => {
    const flow = new Flow(3);
    const arc = flow.arc(0, 1, unlimited, 1);
    flow.arc(1, 2, 3, 0);
    flow.send(0, 2);
    expect(flow.through(arc)).toBe(3);
  });
});
