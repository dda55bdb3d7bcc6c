import { check } from "../../conformance/check.ts";
import { describeFailure } from "../../conformance/failure/describe.ts";
import { wrap } from "../../conformance/failure/text.ts";
import { isRed, type Report } from "../../conformance/report.ts";
import type { Subject } from "../../conformance/subject.ts";
import { subjectTable } from "../../report/table.ts";
import { builtIn } from "../built-in.ts";
import { readCorpus } from "../files.ts";
import { judge, type Judgement } from "../known.ts";
import { note, print, worse, type ExitCode, type OutputOptions } from "../output.ts";
import { saveReport } from "../save.ts";
import { unexplainedNotes } from "../summary.ts";

/** Settings of the main job. */
export interface StartOptions extends OutputOptions {
  readonly seed: number;
  /** Multiplies every budget. */
  readonly scale: number;
  /** Folder of stored counterexamples, or false. */
  readonly corpus?: string | false;
}

/** The main job: the reference and every driver model against what is known of them. */
export async function startCommand({ format, output, seed, scale, corpus }: StartOptions): Promise<ExitCode> {
  const judgements: Judgement[] = [];
  const stored = typeof corpus === "string" ? readCorpus(corpus) : [];
  for (const { subject, options, known } of builtIn) {
    const budget = Math.round(options.budget * scale);
    const judgement = judge(await check(subject, { ...options, budget, seed, corpus: stored }), known);
    judgements.push(judgement);
    const files = output === undefined ? new Map<string, string>() : saveReport(output, judgement.report);
    if (format === "text") await tell(subject, judgement, files);
  }
  const code = judgements.reduce<ExitCode>((worst, judgement) => worse(worst, judgement.code), 0);
  if (format === "json") {
    print(
      JSON.stringify(
        judgements.map((judgement) => judgement.report),
        null,
        2,
      ),
    );
    return code;
  }
  print(subjectTable(judgements));
  for (const { report } of judgements) printKnown(report);
  const good = judgements.filter((judgement) => judgement.code === 0).length;
  print(`${good} of ${judgements.length} subjects as expected`);
  return code;
}

/** What a reader has to know beside the table: everything that is not as expected, with its story. */
async function tell(subject: Subject, judgement: Judgement, files: ReadonlyMap<string, string>): Promise<void> {
  const { report, differences, code } = judgement;
  note(`${subject.name} under ${report.profile}: ${report.measured.seconds.toFixed(1)} s`);
  for (const text of unexplainedNotes(report)) note(`${subject.name}: ${text}`);
  const unexpected =
    report.implementation.roles.length > 1
      ? report.rules.filter((rule) => isRed(rule, false)).map((rule) => rule.id)
      : differences.filter((entry) => entry.outcome === "unexpected-violation").map((entry) => entry.rule);
  for (const id of unexpected) {
    const rule = report.rules.find((entry) => entry.id === id)!;
    const file = files.get(id);
    const command = file === undefined ? "add --output DIR to keep it" : `npx dmabuf-conformance replay ${file}`;
    print(`${subject.name} under ${report.profile}:\n${await describeFailure(subject, rule, command)}\n`);
  }
  for (const { rule, outcome, source } of differences)
    if (outcome === "expected-but-clean")
      print(`${subject.name}: ${rule} was expected to break and did not (${source ?? ""})`);
  if (code === 3) print(`${subject.name}: ${report.fault ?? ""}`);
}

/** Deviations that are known and were found again. */
function printKnown(report: Report): void {
  const found = report.rules.filter((rule) => rule.expected === "violated" && rule.verdict === "violated");
  if (found.length === 0) return;
  const words = found.map((rule) => `${rule.id} in ${rule.counterexample?.program.steps.length ?? 0} steps`);
  for (const line of wrap(
    `${report.implementation.name} under ${report.profile} breaks as known: ${words.join(", ")}`,
    79,
  ))
    print(line);
}
