import Table from "cli-table3";
import type { Report } from "../conformance/report.ts";
import type { VerdictKind } from "../conformance/verdict.ts";

/** A report with its result in one or two words. */
export interface SubjectRow {
  readonly report: Report;
  readonly result: string;
}

function count(report: Report, verdict: VerdictKind): number {
  return report.counts[verdict] ?? 0;
}

/** One row a subject, 80 columns wide. */
export function subjectTable(rows: readonly SubjectRow[]): string {
  const table = new Table({
    head: ["subject", "profile", "pass", "violated", "blocked", "result"],
    colWidths: [26, 10, 6, 10, 9, 13],
    wordWrap: true,
    style: { head: [], border: [], compact: true },
  });
  for (const { report, result } of rows)
    table.push([
      report.implementation.name,
      report.profile,
      count(report, "pass"),
      count(report, "violated"),
      count(report, "blocked"),
      result,
    ]);
  return table.toString();
}
