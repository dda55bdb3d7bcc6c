import type { Program, Setup } from "../spec/program.ts";
import type { Random } from "./random.ts";
import type { Temper } from "./temper.ts";

/** What a strategy wants to be run next. */
export type Proposal =
  /** A program that is drawn while it runs, after the steps of `prefix` where there is one. */
  | { readonly kind: "draw"; readonly setup: Setup; readonly temper: Temper; readonly prefix: Program | null }
  /** A whole program. `passed` is told each passage of a place that can fail. */
  | { readonly kind: "replay"; readonly program: Program; readonly passed?: Passed };

/** Told that a step came by a place that can fail, for the `nth` time (from 1). */
export type Passed = (step: string, site: string, nth: number) => void;

/** One way to make programs. A portfolio shares a campaign's operations out among several. */
export interface Strategy {
  /** One word, as reports list it. */
  readonly name: string;
  /** The next program; null where it has none to offer for now. All that is random comes from `random`. */
  draw(random: Random): Proposal | null;
}
