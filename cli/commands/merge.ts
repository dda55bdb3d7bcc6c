import { conclude } from "../../conformance/campaign/conclude.ts";
import { jointCounterexamples, together } from "../../conformance/campaign/counterexamples.ts";
import { jointViolations, type Findings } from "../../conformance/campaign/findings.ts";
import { mergeParts, readPart } from "../../conformance/campaign/part.ts";
import { prepareCampaign } from "../../conformance/campaign/prepare.ts";
import { measuredIn } from "../../conformance/check.ts";
import type { Counterexample } from "../../conformance/counterexample.ts";
import { isRed, type Report } from "../../conformance/report.ts";
import type { About } from "../../conformance/campaign/about.ts";
import { registry } from "../../contracts/registry.ts";
import { builtIn } from "../built-in.ts";
import { readText } from "../files.ts";
import { note, print, type ExitCode, type OutputOptions } from "../output.ts";
import { OutputFolder } from "../output-folder.ts";
import { saveCorpus, saveReport, stemOf } from "../save.ts";
import { findSubjects } from "../subjects.ts";
import { exitCodeOf } from "../summary.ts";
import { replayWords } from "../replay-words.ts";

/** Settings of `merge`. */
export interface MergeOptions extends OutputOptions {
  /** The subject of the campaign, built-in or a module: to shrink what all runs break only together. */
  readonly subject?: string;
}

/** `merge FILE...`: the report of a campaign from the reports of its shards, the same as if it had been run in one. */
export async function mergeCommand(files: readonly string[], options: MergeOptions): Promise<ExitCode> {
  const began = performance.now();
  const merged = mergeParts(files.map((file) => ({ file, part: readPart(readText(file), file) })));
  const { about, findings, terms } = merged;
  const joint = await jointOf(about, findings, options.subject);
  const concluded = conclude({
    ...merged,
    counterexamples: [...merged.counterexamples, ...joint],
    joint: joint.map(({ rule }) => rule),
  });
  const measured = measuredIn((performance.now() - began) / 1000, concluded.operations);
  const report: Report = { ...concluded, measured };
  const folder = new OutputFolder(options.output);
  const stored = saveReport(folder, report);
  saveCorpus(folder, stemOf(about.key.implementation.name, about.key.profile), findings.kept);
  if (options.format === "json") print(JSON.stringify({ reports: [report], ended: null, found: [] }, null, 2));
  else tell(report, terms.strict === true, stored, options.subject ?? null);
  return folder.codeWith(exitCodeOf(report, terms.strict === true));
}

/** Counterexamples of what all shards break only together: shrunk where the subject is at hand, as they are otherwise. */
async function jointOf(about: About, findings: Findings, word: string | undefined): Promise<readonly Counterexample[]> {
  const alone = new Set(findings.finds.map(({ rule }) => rule));
  const violations = jointViolations(registry, findings).filter(({ rule }) => !alone.has(rule.id));
  if (violations.length === 0) return [];
  const { implementation, profile, seed, budget, slice } = about.key;
  const name =
    word ?? (builtIn.some(({ subject }) => subject.name === implementation.name) ? implementation.name : undefined);
  if (name === undefined) {
    note("rules are broken by several programs together; give --subject MODULE to have those programs shrunk");
    return violations.map((violation) => together(violation, violation, findings, seed, 0));
  }
  const subject = (await findSubjects(name)).find((entry) => entry.name === implementation.name);
  if (subject === undefined) throw new Error(`${name} holds no subject ${implementation.name}`);
  const { campaign } = prepareCampaign(subject, { profile, seed, budget, slice });
  return jointCounterexamples(campaign, findings, []);
}

function tell(report: Report, strict: boolean, files: ReadonlyMap<string, string>, word: string | null): void {
  for (const rule of report.rules.filter((entry) => isRed(entry, strict))) {
    const file = files.get(rule.id);
    const how = file === undefined ? "" : `\n  ${replayWords(file, word, report.implementation.name)}`;
    print(`${rule.id} ${rule.verdict}: ${rule.counterexample?.why ?? rule.reason ?? ""}${how}`);
  }
  const counts = Object.entries(report.counts).map(([verdict, count]) => `${count} ${verdict}`);
  print(`${report.implementation.name} under ${report.profile}: ${counts.join(", ")}`);
  print(
    `${report.campaign.slices} slices, ${report.programs} programs, ${report.operations} operations, seed ${report.seed}: ${report.conformant ? "conformant" : "NOT CONFORMANT"}`,
  );
}
