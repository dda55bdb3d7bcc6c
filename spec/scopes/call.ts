import type { Errno } from "../errno.ts";
import { unchanged, type Condition, type ScopeOperation } from "./scope.ts";

/** One way in which a call may end, or begin to wait. */
export interface Outcome {
  /** What the contract answers; left out: success. */
  readonly errno?: Errno;
  readonly when: Condition;
  /** What changes; left out: nothing. */
  readonly does?: ScopeOperation["apply"];
}

/** A call of a scope. */
export interface ScopeCall {
  readonly name: string;
  /** Id types of its arguments, at most three. */
  readonly takes: readonly string[];
  readonly steps: ScopeOperation["steps"];
  readonly holds?: ScopeOperation["holds"];
  readonly releases?: ScopeOperation["releases"];
  /** What all outcomes ask for first; left out: nothing. The explorer asks once for all calls that share the function. */
  readonly may?: Condition;
  /** By what tells them apart: `waits` of `lock` makes the operation `lockWaits`. Empty: the plain one. */
  readonly outcomes: Readonly<Record<string, Outcome>>;
  /** Where it is legal but left out; default nowhere. */
  readonly bounded?: Condition;
}

const nowhere = (): boolean => false;

/** The operations of a call, one an outcome. */
export function call(definition: ScopeCall): readonly ScopeOperation[] {
  const { name, takes, steps, may, outcomes, bounded = nowhere, holds, releases } = definition;
  return Object.entries(outcomes).map(([outcome, { errno = 0, when, does = unchanged }]) => ({
    name: outcome === "" ? name : `${name}${outcome.charAt(0).toUpperCase()}${outcome.slice(1)}`,
    call: name,
    takes,
    errno,
    enabled: may === undefined ? when : (s, a, b, c) => may(s, a, b, c) && when(s, a, b, c),
    guard: may === undefined ? null : { may, when },
    bounded,
    apply: does,
    steps,
    ...(holds !== undefined && { holds }),
    ...(releases !== undefined && { releases }),
  }));
}
