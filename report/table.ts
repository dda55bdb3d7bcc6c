import Table from "cli-table3";
import type { Report } from "../conformance/report.ts";
import type { VerdictKind } from "../conformance/verdict.ts";

/** How a subject's verdicts compare with its table of expectations. */
export interface Comparison {
  readonly asExpected: number;
  readonly unexpectedViolations: readonly string[];
  readonly expectedButClean: readonly string[];
}

/** The last step of a run: raw verdicts against what the table says. Without a table every violation is unexpected. */
export function compare(report: Report): Comparison {
  const violated = report.rules.filter((rule) => rule.verdict === "violated");
  return {
    asExpected: violated.filter((rule) => rule.expected === "violated").length,
    unexpectedViolations: violated
      .filter((rule) => rule.expected !== "violated" && rule.level === "MUST")
      .map((rule) => rule.id),
    expectedButClean: report.rules
      .filter((rule) => rule.expected === "violated" && rule.verdict !== "violated")
      .map((rule) => rule.id),
  };
}

function count(report: Report, verdict: VerdictKind): number {
  return report.counts[verdict] ?? 0;
}

/** One row a subject, at most 80 columns wide. */
export function subjectTable(reports: readonly Report[]): string {
  const table = new Table({
    head: ["subject", "profile", "pass", "violated", "blocked", "result"],
    colWidths: [27, 9, 6, 10, 9, 14],
    wordWrap: true,
    style: { head: [], border: [], compact: true },
  });
  for (const report of reports)
    table.push([
      report.implementation.name,
      report.profile,
      count(report, "pass"),
      count(report, "violated"),
      count(report, "blocked"),
      resultOf(report),
    ]);
  return table.toString();
}

/** One or two words for the whole report. */
export function resultOf(report: Report): string {
  if (report.fault !== null) return "harness error";
  const { unexpectedViolations, expectedButClean, asExpected } = compare(report);
  if (unexpectedViolations.length > 0 || expectedButClean.length > 0) return "UNEXPECTED";
  if (!report.conformant) return "not conformant";
  return asExpected > 0 ? "as expected" : "conformant";
}
