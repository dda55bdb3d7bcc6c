import type { Evidence } from "../contracts/monitor.ts";
import type { Program } from "../spec/program.ts";
import type { Bound } from "./bound.ts";

/** One more program without which the rule would not be broken: what it shows, and where. */
export interface OtherProgram {
  readonly program: Program;
  readonly why: string;
  readonly seq: number;
  readonly evidence: readonly Evidence[];
}

/** A program that breaks a rule, as it is stored: it replays without a seed. */
export interface Counterexample {
  readonly schema: 1;
  readonly rule: string;
  readonly program: Program;
  /** One sentence about what happened. */
  readonly why: string;
  /** The event at which the rule broke, and the events that force the conclusion. */
  readonly seq: number;
  readonly evidence: readonly Evidence[];
  /** Where runs break the rule only together: the programs beside `program`. */
  readonly others?: readonly OtherProgram[];
  /** Other rules that the same history breaks. */
  readonly also: readonly string[];
  /** What is known about shorter ones, where somebody looked. */
  readonly bound?: Bound;
  /** How it was found; null for a program that somebody wrote. */
  readonly found: {
    /** The slice of the campaign, from 0; programs and operations are counted in it. */
    readonly slice: number;
    readonly programs: number;
    readonly operations: number;
    readonly seed: number;
    /** Steps before shrinking, and the runs shrinking took. */
    readonly steps: number;
    readonly executions: number;
  } | null;
}

/** Every program of a counterexample. */
export function programsOf({ program, others = [] }: Counterexample): readonly Program[] {
  return [program, ...others.map((other) => other.program)];
}
