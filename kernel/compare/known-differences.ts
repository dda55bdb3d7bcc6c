import type { Difference } from "./compare.ts";

/** What a difference comes down to. Findings have a page of their own in docs/findings.md. */
export type DifferenceClass =
  /** The contract leaves it open, and both do it their way. */
  | "freedom"
  /** What the comparison cannot do alike on both sides. */
  | "harness"
  /** The reference, or the contract as we wrote it down, is wrong. */
  | "reference"
  /** Kernel series differ, and no profile says so yet. */
  | "profile"
  | "finding";

/** One kind of difference that somebody has looked into. A text is a regular expression. */
export interface KnownDifference {
  readonly id: string;
  readonly class: DifferenceClass;
  readonly statement: string;
  /** Kernel versions it is seen on, as their beginnings. */
  readonly kernels: readonly string[];
  readonly operation: string;
  /** Everything that is missing, or too much, matches one of these. */
  readonly missing: readonly string[];
  readonly extra: readonly string[];
}

/** Looks differences up in what is known. Made from the text of test/kernel/differences.json; throws an Error if that is none. */
export class KnownDifferences {
  readonly entries: readonly KnownDifference[];
  private readonly known: readonly (KnownDifference & { readonly test: (difference: Difference) => boolean })[];

  constructor(text: string) {
    const list = JSON.parse(text) as readonly KnownDifference[];
    this.entries = list;
    this.known = list.map((entry) => {
      const operation = new RegExp(`^(?:${entry.operation})$`);
      const all = (patterns: readonly string[]) => {
        const expressions = patterns.map((pattern) => new RegExp(`^(?:${pattern})`));
        return (words: readonly string[]) =>
          words.every((word) => expressions.some((expression) => expression.test(word)));
      };
      const [missing, extra] = [all(entry.missing), all(entry.extra)];
      const test = (difference: Difference) =>
        operation.test(difference.operation) && missing(difference.missing) && extra(difference.extra);
      return { ...entry, test };
    });
  }

  /** The kind this difference is of on this kernel, or null: nobody has looked into it. */
  of(difference: Difference, version: string): KnownDifference | null {
    const found = this.known.find(
      ({ kernels, test }) => kernels.some((start) => version.startsWith(start)) && test(difference),
    );
    return found ?? null;
  }
}
