import type { Scratch } from "../../spec/scopes/scope.ts";
import type { Graph } from "./graph.ts";
import type { Instance } from "./instances.ts";

/**
 * Goes through a graph step by step. The graph holds states up to naming; a walk keeps the ids that its objects really
 * have, from the initial state on.
 */
export class Walk {
  /** The state it is in. */
  state = 0;
  /** What it has done, with the real ids. */
  readonly path: Instance[] = [];
  private readonly graph: Graph;
  /** For each id type, the real id of each id of the state. */
  private readonly real: Uint8Array[];
  private readonly canonical: Scratch;

  constructor(graph: Graph) {
    this.graph = graph;
    this.canonical = new Int32Array(graph.codec.length);
    const initial = new Int32Array(graph.codec.length);
    graph.scope.initial(initial);
    const place = graph.find(initial)!;
    this.real = graph.symmetry.types.map((type) => {
      const real = new Uint8Array(type.count);
      for (let id = 0; id < type.count; id += 1) real[graph.symmetry.moved(place.naming, type, id)] = id;
      return real;
    });
  }

  /** The instance that a transition of the present state is with the real ids. */
  realOf({ operation, ids }: Instance): Instance {
    const { types } = this.graph.symmetry;
    const real = ids.map((id, place) => {
      const type = types.findIndex(({ name }) => name === operation.takes[place]);
      return this.real[type]![id]!;
    });
    return this.graph.instanceOf(operation, real);
  }

  /** Takes a transition of the graph, by an instance of the present state. Answers it with the real ids. */
  take(instance: Instance): Instance {
    const { graph, canonical } = this;
    const done = this.realOf(instance);
    graph.read(this.state, canonical);
    if (!instance.operation.enabled(canonical, instance.a, instance.b, instance.c))
      throw new RangeError(`${instance.operation.name} is not enabled in state ${this.state}`);
    instance.operation.apply(canonical, instance.a, instance.b, instance.c);
    const place = graph.find(canonical)!;
    this.arrive(place.state, place.naming);
    this.path.push(done);
    return done;
  }

  /** Takes a transition by its number in `graph.edges`: cheaper, as nothing is computed anew. */
  takeEdge(edge: number): Instance {
    const { edges, instances } = this.graph;
    const done = this.realOf(instances[edges.instances[edge]!]!);
    this.arrive(edges.targets[edge]!, edges.namings[edge]!);
    this.path.push(done);
    return done;
  }

  /** Writes the present state with the real ids. */
  read(into: Scratch): void {
    const { symmetry } = this.graph;
    this.graph.read(this.state, this.canonical);
    let naming = 0;
    for (const [index, type] of symmetry.types.entries())
      naming +=
        type.orders.findIndex((order) => order.every((to, from) => to === this.real[index]![from])) * type.stride;
    symmetry.apply(naming, this.canonical, into);
  }

  private arrive(state: number, naming: number): void {
    const { symmetry } = this.graph;
    this.state = state;
    if (naming === 0) return;
    for (const [index, type] of symmetry.types.entries()) {
      const order = symmetry.orderOf(naming, type);
      const before = this.real[index]!.slice();
      for (let id = 0; id < type.count; id += 1) this.real[index]![order[id]!] = before[id]!;
    }
  }
}
