import type { Graph } from "../explore/graph.ts";

/** Transitions of a shortest way to a state, by their numbers in `graph.edges`. */
export function wayTo({ parents, vias, edges: { starts, instances } }: Graph, state: number): readonly number[] {
  const way: number[] = [];
  for (let at = state; at > 0; at = parents[at]!) {
    const parent = parents[at]!;
    let edge = starts[parent]!;
    while (instances[edge] !== vias[at]) edge += 1;
    way.push(edge);
  }
  return way.toReversed();
}
