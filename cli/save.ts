import type { Report } from "../conformance/report.ts";
import { writeInto } from "./output.ts";

/** How the files of a subject under a profile begin. */
export function stemOf(name: string, profile: string): string {
  return `${name}-${profile}`.replace(/[^A-Za-z0-9.+-]+/g, "-");
}

/** Writes a report and its counterexamples into a folder; answers the counterexample files by rule id. */
export function saveReport(folder: string, report: Report): ReadonlyMap<string, string> {
  const stem = stemOf(report.implementation.name, report.profile);
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
