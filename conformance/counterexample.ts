import type { Evidence } from "../contracts/monitor.ts";
import type { Program } from "../spec/program.ts";

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
  /** Other rules that the same history breaks. */
  readonly also: readonly string[];
  /** How it was found; null for a program that somebody wrote. */
  readonly found: {
    readonly programs: number;
    readonly operations: number;
    readonly seed: number;
    /** Steps before shrinking, and the runs shrinking took. */
    readonly steps: number;
    readonly executions: number;
  } | null;
}
