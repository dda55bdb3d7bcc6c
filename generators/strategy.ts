import type { Program, Setup } from "../spec/program.ts";
import type { Scope } from "../spec/scopes/scope.ts";
import type { Graph } from "./explore/graph.ts";
import type { Random } from "./random.ts";
import type { Temper } from "./temper.ts";
import type { Departure } from "./tour/tour-chooser.ts";

/** What a strategy wants to be run next. */
export type Proposal =
  /** A program that is drawn while it runs, after the steps of `prefix` where there is one. */
  | { readonly kind: "draw"; readonly setup: Setup; readonly temper: Temper; readonly prefix: Program | null }
  /** A whole program. `passed` is told each passage of a place that can fail. */
  | { readonly kind: "replay"; readonly program: Program; readonly passed?: Passed }
  /** A walk through a scope; see `PlannedWalk`. */
  | { readonly kind: "walk"; readonly walk: PlannedWalk };

/** A piece of a tour. */
export interface PlannedWalk {
  readonly graph: Graph;
  /** That of the graph, with other objects behind its ids. */
  readonly scope: Scope;
  /** Transitions, by their numbers in `graph.edges`. */
  readonly edges: ArrayLike<number>;
  /** Told how many of them ended as the scope says, and why it was not all. */
  readonly ended: (taken: number, departure: Departure | null) => void;
}

/** Told that a step came by a place that can fail, for the `nth` time (from 1). */
export type Passed = (step: string, site: string, nth: number) => void;

/** One way to make programs. A portfolio shares a campaign's operations out among several. */
export interface Strategy {
  /** One word, as reports list it. */
  readonly name: string;
  /** The next program; null where it has none to offer for now. All that is random comes from `random`. */
  draw(random: Random): Proposal | null;
}
