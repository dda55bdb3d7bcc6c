import type { Env } from "../spec/roles/env.ts";
import type { Exporter } from "../spec/roles/exporter.ts";
import type { Importer } from "../spec/roles/importer.ts";

/** A deviation of a driver that is known, and where from. */
export interface Expectation {
  readonly rule: string;
  readonly verdict: "violated";
  /** One sentence. */
  readonly source: string;
  /** It does not come up in every run of a few ten thousand operations: a run without it is as expected too. */
  readonly mayHide?: true;
}

/** Drivers for the other side of a run, by the kind under which set-ups name them. */
export interface Partners {
  readonly exporters?: Readonly<Record<string, (env: Env) => Exporter>>;
  readonly importers?: Readonly<Record<string, (env: Env) => Importer>>;
}

/**
 * A driver under one profile, and what a run is expected to say of it: every rule that is not named is expected not to be
 * violated. Nothing in a run reads this; the comparison is the last step.
 */
export type DriverEntry = {
  /** Says the profile too where a driver is listed more than once. */
  readonly name: string;
  readonly profile: string;
  /** Without: the partners any subject gets. */
  readonly partners?: Partners;
  readonly expectations: readonly Expectation[];
  /** Operations in which all that does not hide comes up, where the usual number is too small. */
  readonly budget?: number;
} & (
  | { readonly role: "exporter"; readonly make: (env: Env) => Exporter }
  | { readonly role: "importer"; readonly make: (env: Env) => Importer }
);

/** What became of one rule that the table or the run names. */
export interface Comparison {
  readonly rule: string;
  readonly outcome: "as-expected" | "unexpected-violation" | "expected-but-clean";
  /** Of the expectation; null where there is none. */
  readonly source: string | null;
}

/** Compares the rules that a run found violated with the table: each that either of the two names, once, by id. */
export function compare(entry: Pick<DriverEntry, "expectations">, violated: Iterable<string>): readonly Comparison[] {
  const found = new Set(violated);
  const expected = new Map(entry.expectations.map((expectation) => [expectation.rule, expectation]));
  return [...new Set([...expected.keys(), ...found])].toSorted().map((rule) => {
    const expectation = expected.get(rule);
    if (expectation === undefined) return { rule, outcome: "unexpected-violation", source: null };
    const shown = found.has(rule) || expectation.mayHide === true;
    return { rule, outcome: shown ? "as-expected" : "expected-but-clean", source: expectation.source };
  });
}
