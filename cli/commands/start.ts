import { check } from "../../conformance/check.ts";
import { describeFailure } from "../../conformance/failure/describe.ts";
import type { Report } from "../../conformance/report.ts";
import { compare, subjectTable } from "../../report/table.ts";
import { builtIn } from "../built-in.ts";
import { note, print, worse, type ExitCode, type OutputOptions } from "../output.ts";
import { saveReport } from "../save.ts";
import { exitCodeOf, unexplainedNotes } from "../summary.ts";

/** Settings of the main job. */
export interface StartOptions extends OutputOptions {
  readonly seed: number;
  /** Multiplies every budget. */
  readonly scale: number;
}

/** The main job: the reference and every driver model against what is known of them. */
export async function startCommand({ format, output, seed, scale }: StartOptions): Promise<ExitCode> {
  const reports: Report[] = [];
  let code: ExitCode = 0;
  for (const { subject, options } of builtIn) {
    const budget = Math.round((options.budget ?? 40_000) * scale);
    const report = await check(subject, { ...options, budget, seed });
    reports.push(report);
    if (format === "text") note(`${subject.name} under ${report.profile}: ${report.measured.seconds.toFixed(1)} s`);
    const files = output === undefined ? new Map<string, string>() : saveReport(output, report);
    code = worse(code, exitCodeOf(report, false));
    if (format !== "text") continue;
    const { unexpectedViolations, expectedButClean } = compare(report);
    for (const id of unexpectedViolations) {
      const rule = report.rules.find((entry) => entry.id === id)!;
      const file = files.get(id);
      print(
        await describeFailure(
          subject,
          rule,
          file === undefined ? "add --output DIR to keep it" : `npx dmabuf-conformance replay ${file}`,
        ),
      );
    }
    for (const id of expectedButClean) print(`${subject.name}: ${id} was expected to break and did not`);
    for (const rule of report.rules.filter((entry) => entry.verdict === "blocked" && entry.expected === null))
      print(`${subject.name}: ${rule.id} blocked, ${rule.reason ?? ""}`);
    for (const text of unexplainedNotes(report)) note(`${subject.name}: ${text}`);
    if (report.fault !== null) print(`${subject.name}: ${report.fault}`);
  }
  if (format === "json") {
    print(JSON.stringify(reports, null, 2));
    return code;
  }
  print(subjectTable(reports));
  for (const report of reports) printKnown(report);
  const bad = reports.filter((report) => exitCodeOf(report, false) !== 0).length;
  print(`${reports.length - bad} of ${reports.length} subjects as expected`);
  return code;
}

/** Deviations that are known and were found again. */
function printKnown(report: Report): void {
  const found = report.rules.filter((rule) => rule.expected === "violated" && rule.verdict === "violated");
  if (found.length === 0) return;
  const words = found.map((rule) => `${rule.id} in ${rule.counterexample?.program.steps.length ?? 0} steps`);
  print(`${report.implementation.name} under ${report.profile} breaks as known: ${words.join(", ")}`);
}
