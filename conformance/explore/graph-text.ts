import type { Graph } from "../../generators/explore/graph.ts";

/** The fields of a state that are not zero, as `life[0]=1 refs[0]=2`. */
function stateWords(graph: Graph, state: number): string {
  const s = new Int32Array(graph.codec.length);
  graph.read(state, s);
  return [...s].flatMap((value, slot) => (value === 0 ? [] : [`${graph.codec.nameOf(slot)}=${value}`])).join(" ");
}

function* transitions(graph: Graph) {
  const { starts, instances, targets } = graph.edges;
  for (let from = 0; from < graph.counts.states; from += 1)
    for (let edge = starts[from]!; edge < starts[from + 1]!; edge += 1) {
      const { operation, ids } = graph.instances[instances[edge]!]!;
      yield { from, to: targets[edge]!, operation: operation.name, ids };
    }
}

/** A graph for Graphviz. What leads back to its own state is left out. */
export function graphAsDot(graph: Graph): string {
  const lines = [`digraph ${JSON.stringify(graph.scope.name)} {`, "  node [shape=box fontsize=9]; edge [fontsize=8];"];
  for (let state = 0; state < graph.counts.states; state += 1)
    lines.push(`  ${state} [label=${JSON.stringify(stateWords(graph, state).replaceAll(" ", "\n") || "initial")}];`);
  for (const { from, to, operation, ids } of transitions(graph))
    if (from !== to) lines.push(`  ${from} -> ${to} [label=${JSON.stringify(`${operation}(${ids.join(",")})`)}];`);
  return `${lines.join("\n")}\n}\n`;
}

/** A graph as JSON: states with the fields that are not zero, and all transitions, one a line. */
export function graphAsJson(graph: Graph): string {
  const { scope, counts } = graph;
  const states = Array.from({ length: counts.states }, (_, state) => JSON.stringify(stateWords(graph, state)));
  const all = [...transitions(graph)].map((transition) => JSON.stringify(transition));
  return `{"scope":${JSON.stringify(scope.name)},"states":[\n${states.join(",\n")}\n],"transitions":[\n${all.join(",\n")}\n]}\n`;
}
