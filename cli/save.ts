import type { Report } from "../conformance/report.ts";
import { writeInto } from "./output.ts";

/** Writes a report and its counterexamples into a folder; answers the counterexample files by rule id. */
export function saveReport(folder: string, report: Report): ReadonlyMap<string, string> {
  const stem = `${report.implementation.name}-${report.profile}`.replace(/[^A-Za-z0-9.+-]+/g, "-");
  const files = new Map<string, string>();
  for (const rule of report.rules)
    if (rule.counterexample !== null)
      files.set(
        rule.id,
        writeInto(folder, `${rule.id}-${stem}.json`, `${JSON.stringify(rule.counterexample, null, 2)}\n`),
      );
  writeInto(folder, `${stem}.json`, `${JSON.stringify(report, null, 2)}\n`);
  return files;
}
