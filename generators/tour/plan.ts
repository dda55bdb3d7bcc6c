import type { Graph } from "../explore/graph.ts";
import type { Random } from "../random.ts";
import { Flow, unlimited } from "./flow.ts";
import { wayTo } from "./way.ts";

/** Ways through a scope that together take each of its transitions. */
export interface TourPlan {
  /** Each begins at the initial state: numbers of transitions in `graph.edges`. */
  readonly walks: readonly Int32Array[];
  /** Transitions in all the walks. */
  readonly steps: number;
  /** The fewest that any set of walks from the initial state can have. */
  readonly bound: number;
}

/** Settings of `planTour`. */
export interface TourOptions {
  /** Longest walk, in transitions: long histories make everything slow. */
  readonly longest: number;
  /** Which of the equally short tours: order of what a state offers. */
  readonly random: Random;
}

/**
 * Plans walks that take every transition of a graph, as short as there can be: how often each has to be taken again is a
 * flow of least cost, and what comes out is one round trip, as a walk may end anywhere and the next begins for nothing.
 * It is cut where it returns to the start, and at `longest`, which costs the way back to where it was cut.
 */
export function planTour(graph: Graph, { longest, random }: TourOptions): TourPlan {
  const times = timesOf(graph);
  const bound = times.reduce((sum, count) => sum + count, 0);
  const walks = roundTrip(graph, times, random).flatMap((walk) => cut(graph, walk, longest));
  return { walks, steps: walks.reduce((sum, walk) => sum + walk.length, 0), bound };
}

/** How often each transition is taken, at least once. */
function timesOf({ counts: { states }, edges: { starts, targets } }: Graph): Int32Array {
  const spare = new Int32Array(states);
  for (let state = 0; state < states; state += 1) spare[state]! -= starts[state + 1]! - starts[state]!;
  for (const target of targets) spare[target]! += 1;
  const [source, sink] = [states, states + 1];
  const flow = new Flow(states + 2);
  for (let state = 0; state < states; state += 1)
    for (let edge = starts[state]!; edge < starts[state + 1]!; edge += 1) flow.arc(state, targets[edge]!, unlimited, 1);
  for (let state = 0; state < states; state += 1) {
    // Walks begin at the initial state as often as need be.
    if (state === 0) flow.arc(source, state, unlimited, 0);
    else if (spare[state]! > 0) flow.arc(source, state, spare[state]!, 0);
    if (state !== 0 && spare[state]! < 0) flow.arc(state, sink, -spare[state]!, 0);
  }
  flow.send(source, sink);
  // Edges were added first, each with its back arc.
  return Int32Array.from(targets, (_, edge) => 1 + flow.through(edge * 2));
}

/** An Eulerian circuit over the transitions taken so often, cut where it jumps back to the start. */
function roundTrip({ counts: { states }, edges }: Graph, times: Int32Array, random: Random): readonly Int32Array[] {
  const { starts, targets } = edges;
  const left = Int32Array.from(times);
  // Entered more often than left: that often a walk ends here.
  const ends = new Int32Array(states);
  for (let state = 0; state < states; state += 1)
    for (let edge = starts[state]!; edge < starts[state + 1]!; edge += 1) {
      ends[state]! -= times[edge]!;
      ends[targets[edge]!]! += times[edge]!;
    }
  ends[0] = 0;
  const turn = Int32Array.from({ length: states }, (_, state) => {
    const degree = starts[state + 1]! - starts[state]!;
    return degree === 0 ? 0 : random.below(degree);
  });
  const jump = -1;
  const pick = (state: number): number | null => {
    const degree = starts[state + 1]! - starts[state]!;
    for (let tried = 0; tried < degree; tried += 1) {
      const edge = starts[state]! + ((turn[state]! + tried) % degree);
      if (left[edge] === 0) continue;
      left[edge]! -= 1;
      turn[state] = (turn[state]! + tried) % degree;
      return edge;
    }
    if (ends[state]! <= 0) return null;
    ends[state]! -= 1;
    return jump;
  };
  const circuit: number[] = [];
  const path: { readonly state: number; readonly by: number | null }[] = [{ state: 0, by: null }];
  for (let top = path.at(-1); top !== undefined; top = path.at(-1)) {
    const by = pick(top.state);
    if (by !== null) path.push({ state: by === jump ? 0 : targets[by]!, by });
    else {
      path.pop();
      if (top.by !== null) circuit.push(top.by);
    }
  }
  const walks: Int32Array[] = [];
  let walk: number[] = [];
  for (const by of [...circuit.reverse(), jump]) {
    if (by !== jump) walk.push(by);
    else if (walk.length > 0) {
      walks.push(Int32Array.from(walk));
      walk = [];
    }
  }
  return walks;
}

/** Pieces of at most `longest` transitions, each with a shortest way to where it begins. */
function cut(graph: Graph, walk: Int32Array, longest: number): readonly Int32Array[] {
  const pieces: Int32Array[] = [];
  let at = 0;
  let state = 0;
  while (at < walk.length) {
    const way = wayTo(graph, state);
    const end = Math.min(walk.length, at + Math.max(1, longest - way.length));
    pieces.push(Int32Array.from([...way, ...walk.subarray(at, end)]));
    at = end;
    state = graph.edges.targets[walk[end - 1]!]!;
  }
  return pieces;
}
