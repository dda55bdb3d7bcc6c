import { fewest, type Kept } from "../conformance/campaign/kept.ts";
import type { Report } from "../conformance/report.ts";
import type { OutputFolder } from "./output-folder.ts";

/** How the files of a subject under a profile begin. */
export function stemOf(name: string, profile: string): string {
  return `${name}-${profile}`.replace(/[^A-Za-z0-9.+-]+/g, "-");
}

/** Writes a report and its counterexamples into a folder; answers the counterexample files by rule id. */
export function saveReport(folder: OutputFolder, report: Report): ReadonlyMap<string, string> {
  const stem = stemOf(report.implementation.name, report.profile);
  const files = new Map<string, string>();
  if (folder.path === undefined) return files;
  for (const { id, counterexample } of report.rules) {
    if (counterexample === null) continue;
    const file = folder.write(`${id}-${stem}.json`, `${JSON.stringify(counterexample, null, 2)}\n`);
    if (file !== null) files.set(id, file);
  }
  folder.write(`${stem}.json`, `${JSON.stringify(report, null, 2)}\n`);
  return files;
}

/** Writes the programs that a next campaign had better try first, one a line. */
export function saveCorpus(folder: OutputFolder, stem: string, kept: readonly Kept[]): void {
  if (folder.path === undefined) return;
  const lines = fewest(kept).map(({ program }) => JSON.stringify(program));
  folder.write(`${stem}.corpus.ndjson`, `${lines.join("\n")}\n`);
}
