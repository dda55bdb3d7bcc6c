import type { Graph } from "../explore/graph.ts";
import { Random } from "../random.ts";
import type { PlannedWalk, Proposal, Strategy } from "../strategy.ts";
import { planTour } from "./plan.ts";
import { renamed } from "./renamed.ts";
import type { Departure } from "./tour-chooser.ts";
import { wayTo } from "./way.ts";

/** How much of a scope has been carried out on an implementation. */
export interface Coverage {
  readonly scope: string;
  /** Transitions of the scope, and those that were carried out and ended as the scope says. */
  readonly transitions: number;
  readonly taken: number;
  /** Transitions carried out, the repeated ones too, and the fewest with which a tour can do. */
  readonly steps: number;
  readonly bound: number;
  /** Where the implementation's state was not the scope's, in words: the first ten. No verdict by itself. */
  readonly departures: readonly string[];
}

/** Departures that are kept. */
const mostDepartures = 10;

/** A scope on tour: its walks, then what they left, each once more by a shortest way. */
export class ScopeTour implements Coverage {
  readonly graph: Graph;
  readonly bound: number;
  taken = 0;
  steps = 0;
  readonly departures: string[] = [];
  /** One bit a transition: taken. */
  readonly done: Uint8Array;
  private readonly walks: ArrayLike<number>[];
  private isPlanned = true;

  constructor(graph: Graph, random: Random, longest: number) {
    const plan = planTour(graph, { longest, random });
    this.graph = graph;
    this.bound = plan.bound;
    this.done = new Uint8Array((graph.counts.transitions + 7) >> 3);
    this.walks = [...plan.walks];
  }

  get scope(): string {
    return this.graph.scope.name;
  }

  get transitions(): number {
    return this.graph.counts.transitions;
  }

  /** The next walk; null where nothing is left to try. */
  next(random: Random): PlannedWalk | null {
    if (this.walks.length === 0 && this.isPlanned) {
      this.isPlanned = false;
      this.walks.push(...this.missing());
    }
    const edges = this.walks.shift();
    if (edges === undefined) return null;
    const scope = renamed(this.graph.scope, random);
    return { graph: this.graph, scope, edges, ended: (taken, departure) => this.ended(edges, taken, departure) };
  }

  private ended(edges: ArrayLike<number>, taken: number, departure: Departure | null): void {
    this.steps += taken;
    for (let place = 0; place < taken; place += 1) {
      const edge = edges[place]!;
      if (this.isDone(edge)) continue;
      this.taken += 1;
      this.done[edge >> 3]! |= 1 << (edge & 7);
    }
    if (departure !== null && this.departures.length < mostDepartures)
      this.departures.push(this.describe(departure, edges));
  }

  private isDone(edge: number): boolean {
    return ((this.done[edge >> 3]! >> (edge & 7)) & 1) === 1;
  }

  private *missing(): Generator<ArrayLike<number>> {
    const { counts, edges } = this.graph;
    for (let state = 0; state < counts.states; state += 1)
      for (let edge = edges.starts[state]!; edge < edges.starts[state + 1]!; edge += 1)
        if (!this.isDone(edge)) yield [...wayTo(this.graph, state), edge];
  }

  private describe({ place, text }: Departure, edges: ArrayLike<number>): string {
    if (place < 0) return `after the prelude: ${text}`;
    const { operation } = this.graph.instances[this.graph.edges.instances[edges[place]!]!]!;
    return `after ${operation.name}: ${text}`;
  }
}

/** Tours of several scopes as a strategy: a walk of each in turn, as long as there are any. */
export class Tours implements Strategy {
  readonly name = "tour";
  private readonly graphs: () => readonly Graph[];
  private readonly seed: number;
  private readonly longest: number;
  private planned: readonly ScopeTour[] | null = null;
  private turn = 0;

  /** `graphs` is asked at the first walk. `seed`: which of the tours of least cost. `longest`: of a walk, in transitions. */
  constructor(graphs: () => readonly Graph[], seed: number, longest = 200) {
    this.graphs = graphs;
    this.seed = seed;
    this.longest = longest;
  }

  draw(random: Random): Proposal | null {
    this.planned ??= this.graphs().map((graph) => new ScopeTour(graph, new Random(this.seed), this.longest));
    for (let tried = 0; tried < this.planned.length; tried += 1) {
      const walk = this.planned[(this.turn += 1) % this.planned.length]!.next(random);
      if (walk !== null) return { kind: "walk", walk };
    }
    return null;
  }

  /** What has been taken so far; empty before the first walk. */
  get tours(): readonly ScopeTour[] {
    return this.planned ?? [];
  }
}
