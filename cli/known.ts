import { compare, type Comparison, type DriverEntry } from "../drivers/index.ts";
import type { Report } from "../conformance/report.ts";
import { exitCodeOf } from "./summary.ts";
import type { ExitCode } from "./output.ts";

/** A report beside what was known before: the last step of the main job. */
export interface Judgement {
  /** The report with `expected` filled in. */
  readonly report: Report;
  readonly differences: readonly Comparison[];
  readonly code: ExitCode;
  /** One or two words. */
  readonly result: string;
}

/** Compares a driver's violated rules with its table, in both directions. Without a table the subject has to be conformant. */
export function judge(report: Report, known: DriverEntry | null): Judgement {
  if (report.fault !== null) return { report, differences: [], code: 3, result: "harness error" };
  if (known === null) {
    const code = exitCodeOf(report, false);
    return { report, differences: [], code, result: code === 0 ? "conformant" : "NOT CONFORMANT" };
  }
  const named = new Set(known.expectations.map((expectation) => expectation.rule));
  const violated = report.rules.filter(
    (rule) => rule.verdict === "violated" && (rule.level === "MUST" || named.has(rule.id)),
  );
  const compared = compare(
    known,
    violated.map((rule) => rule.id),
  );
  const differences = compared.filter((entry) => entry.outcome !== "as-expected");
  const hiding = new Set(known.expectations.flatMap(({ rule, mayHide }) => (mayHide === true ? [rule] : [])));
  const rules = report.rules.map((rule) => {
    const expected = named.has(rule.id) && (rule.verdict === "violated" || !hiding.has(rule.id));
    return expected ? { ...rule, expected: "violated" as const } : rule;
  });
  return {
    report: { ...report, rules },
    differences,
    code: differences.length > 0 ? 1 : 0,
    result: differences.length > 0 ? "UNEXPECTED" : violated.length > 0 ? "as expected" : "clean",
  };
}
