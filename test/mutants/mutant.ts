import type { System } from "../../harness/system.ts";
import type { Series } from "../../spec/profile.ts";
import { marksOf, type Mark } from "./marks.ts";

/** One deliberate fault in the reference, a driver or a partner, and the rule that has to catch it. */
export interface Mutant {
  /** The rule's id and a few words: "LIFE-06 fd keeps the reference". */
  readonly name: string;
  /** Id of the rule that must fire. */
  readonly rule: string;
  /** Rules that may fire as well on the shrunk program. */
  readonly also: readonly string[];
  /** Rows of the bug collection it restates (M-LT1, B-46). */
  readonly from: readonly string[];
  /** Series in which it is hunted; K7.1 unless the rule needs another. */
  readonly profile: Series;
  /** What is hard about it. */
  readonly marks: readonly Mark[];
  /** No single run has to show it: several together do. */
  readonly joint?: true;
  /** The faulty system. `reached` is called where the fault takes effect. */
  readonly system: (reached: () => void) => System;
}

/** A mutant with the usual defaults. */
export function mutant(
  rule: string,
  words: string,
  system: Mutant["system"],
  rest: Partial<Pick<Mutant, "also" | "from" | "profile" | "joint">> = {},
): Mutant {
  const name = `${rule} ${words}`;
  return { name, rule, also: [], from: [], profile: "K7.1", marks: marksOf(name), ...rest, system };
}
