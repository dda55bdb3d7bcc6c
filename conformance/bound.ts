import type { ExcludedShorter } from "./exclude-shorter.ts";

/**
 * What is proved about shorter programs: over the operations and values of the counterexample, in its world, without
 * preemptions. Programs of other operations may still be shorter.
 */
export interface Bound {
  /** Every such program shorter than this was run, and none breaks the rule. */
  readonly atLeast: number;
  /** Length of the shortest of them in which the rule decides anything; null: it decides nothing in any of them. */
  readonly decides: number | null;
  /** Programs that were run to know. */
  readonly executions: number;
}

export function boundOf({ atLeast, decides, executions }: ExcludedShorter): Bound {
  return { atLeast, decides, executions };
}

/** The bound of a counterexample of this length, in words. */
export function boundText(length: number, { atLeast, decides, executions }: Bound): string {
  const runs = `${executions} ${executions === 1 ? "program" : "programs"} run`;
  const exact = atLeast >= length;
  const shorter = exact ? "no shorter program" : `no program of fewer than ${atLeast}`;
  const least = `${length}; ${shorter} over these operations in this world breaks the rule (${runs})`;
  const first = decides ?? atLeast;
  return first === 0 ? least : `${least}, and in none of fewer than ${first} it decides anything`;
}
