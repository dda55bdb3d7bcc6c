import { usualSlice } from "../../conformance/defaults.ts";
import { conclude as concludeCampaign } from "../../conformance/campaign/conclude.ts";
import { prepareCampaign } from "../../conformance/campaign/prepare.ts";
import { measuredIn } from "../../conformance/check.ts";
import { describeFailure } from "../../conformance/failure/describe.ts";
import { wrap } from "../../conformance/failure/text.ts";
import { isRed, type Report } from "../../conformance/report.ts";
import type { Subject } from "../../conformance/subject.ts";
import type { Program } from "../../spec/program.ts";
import { subjectTable } from "../../report/table.ts";
import { builtIn, type BuiltIn } from "../built-in.ts";
import { jointOnPool, runOnPool } from "../campaign-run.ts";
import { readCorpus } from "../files.ts";
import { judge, type Judgement } from "../known.ts";
import { Pool } from "../pool.ts";
import { note, print, worse, type ExitCode, type OutputOptions } from "../output.ts";
import { OutputFolder } from "../output-folder.ts";
import { saveReport } from "../save.ts";
import { unexplainedNotes } from "../summary.ts";
import { replayWords } from "../replay-words.ts";

/** Settings of the main job. */
export interface StartOptions extends OutputOptions {
  readonly seed: number;
  /** Multiplies every budget. */
  readonly scale: number;
  /** Folder of stored programs, or false. */
  readonly corpus?: string | false;
  /** Threads. */
  readonly workers: number;
}

/** Seconds without a sign of life after which a thread is ended: what comes with the suite does not loop. */
const silence = 120;

/** The main job: the reference and every driver model against what is known of them. */
export async function startCommand(options: StartOptions): Promise<ExitCode> {
  const { format, output, scale, corpus, workers } = options;
  const stored = typeof corpus === "string" ? readCorpus(corpus) : [];
  const pool = new Pool(workers, silence);
  const folder = new OutputFolder(output);
  try {
    // All at once: the threads take slices in this order, the answers are told in it.
    const pending = builtIn.map((entry) => checkOnPool(pool, entry, { ...options, scale, corpus: stored }));
    for (const each of pending) each.catch(() => undefined);
    const judgements: Judgement[] = [];
    for (const [index, { subject, known }] of builtIn.entries()) {
      const judgement = judge(await pending[index]!, known);
      judgements.push(judgement);
      const files = saveReport(folder, judgement.report);
      if (format === "text") await tell(subject, judgement, files);
    }
    return folder.codeWith(conclude(judgements, format));
  } finally {
    pool.close();
  }
}

/** Checks a built-in subject on the threads of a pool. */
async function checkOnPool(
  pool: Pool,
  { subject, options }: BuiltIn,
  { seed, scale, corpus, workers }: { seed: number; scale: number; corpus: readonly Program[]; workers: number },
): Promise<Report> {
  const budget = Math.round(options.budget * scale);
  const { profile, slice = usualSlice, untilPaid = false } = options;
  const prepare = { profile, seed, budget, slice, untilPaid, corpus };
  const prepared = prepareCampaign(subject, prepare);
  const ref = { word: subject.name, index: 0 };
  const run = await runOnPool(pool, { subject: ref, prepared, prepare, shard: { index: 1, count: 1 }, workers });
  const { counterexamples: joint, ended } =
    run.ended === null ? await jointOnPool(pool, { subject: ref, prepare }, run.findings) : run;
  if (ended !== null) throw new Error(`${subject.name}: ${ended}`);
  const concluded = concludeCampaign({
    about: prepared.about,
    terms: {},
    waivers: [],
    findings: run.findings,
    counterexamples: [...run.counterexamples, ...joint],
    joint: joint.map(({ rule }) => rule),
  });
  return { ...concluded, measured: measuredIn(run.seconds, concluded.operations) };
}

function conclude(judgements: readonly Judgement[], format: OutputOptions["format"]): ExitCode {
  const code = judgements.reduce<ExitCode>((worst, judgement) => worse(worst, judgement.code), 0);
  if (format === "json") {
    const reports = judgements.map((judgement) => judgement.report);
    print(JSON.stringify(reports, null, 2));
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
    const command = file === undefined ? "add --output DIR to keep it" : replayWords(file, null, subject.name);
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
