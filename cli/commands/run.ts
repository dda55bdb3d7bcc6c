import type { Mode } from "../../conformance/campaign/campaign.ts";
import { conclude } from "../../conformance/campaign/conclude.ts";
import { nothingFound, type Find } from "../../conformance/campaign/findings.ts";
import { aboutOf, partSchema, type Part, type Shard } from "../../conformance/campaign/part.ts";
import { prepareCampaign, type Prepared, type PrepareOptions } from "../../conformance/campaign/prepare.ts";
import { measuredIn } from "../../conformance/check.ts";
import type { Report } from "../../conformance/report.ts";
import { BadInput } from "../../spec/bad-input.ts";
import { writeProgram } from "../../spec/write.ts";
import { jointOnPool, runOnPool, type CampaignRun, type CampaignRunOptions } from "../campaign-run.ts";
import { readCorpus } from "../files.ts";
import { note, print, worse, writeInto, type ExitCode, type OutputOptions } from "../output.ts";
import { OutputFolder } from "../output-folder.ts";
import { partName, readEarlier } from "../part-files.ts";
import { Pool, WorkFailed } from "../pool.ts";
import { Progress, showEverySecond } from "../progress.ts";
import { saveCorpus, saveReport, stemOf } from "../save.ts";
import { readShard } from "../shard.ts";
import { onStop } from "../stop.ts";
import { findSubjects } from "../subjects.ts";
import { exitCodeOf, printSummary } from "../summary.ts";

/** Settings of `run` and `smoke`. */
export interface RunOptions extends OutputOptions {
  readonly profile: string;
  readonly seed: number;
  readonly operations: number;
  readonly mode: Mode;
  /** In place of operations. */
  readonly seconds?: number;
  /** Operations of one slice. */
  readonly slice: number;
  readonly workers: number;
  readonly shard?: string;
  readonly progress?: boolean;
  /** Go on with what the output folder holds. */
  readonly resume?: boolean;
  readonly strict: boolean;
  /** Folder of stored programs, tried first. */
  readonly corpus?: string;
  /** Seconds without a sign of life after which the adapter is ended. */
  readonly silence: number;
}

/** Everything one call of `run` works with. */
interface Setting {
  /** What is checked: a built-in name or a module. */
  readonly word: string;
  readonly options: RunOptions;
  readonly folder: OutputFolder;
  readonly prepare: PrepareOptions;
  readonly shard: Shard;
  readonly pool: Pool;
  readonly stopped: Promise<void>;
}

/** What became of one subject. */
interface Result {
  readonly prepared: Prepared;
  readonly run: CampaignRun;
  /** Null for a shard and for a run that was ended early. */
  readonly report: Report | null;
  /** Finds that no report tells of: of slices that did not come to their end, and all of a run that did not. */
  readonly loose: readonly Find[];
  /** Where the part was stored; null where it was not. */
  readonly file: string | null;
}

/** `run SUBJECT`: checks a built-in subject, or those a module exports by default, in threads of their own. */
export async function runCommand(word: string, options: RunOptions): Promise<ExitCode> {
  const { profile, seed, operations, mode, seconds, slice, workers, silence, output } = options;
  const shard = options.shard === undefined ? { index: 1, count: 1 } : readShard(options.shard, process.env);
  if (output === undefined && options.shard !== undefined)
    throw new BadInput("flag", "--shard", "needs --output DIR: the shard's report is a file, for `merge`");
  if (output === undefined && options.resume === true)
    throw new BadInput("flag", "--resume", "needs the --output DIR of the run that it goes on with");
  if (mode === "tour" && (seconds !== undefined || options.shard !== undefined))
    throw new BadInput("flag", "--mode tour", "is one finite run; leave --seconds and --shard away");
  const corpus = options.corpus === undefined ? [] : readCorpus(options.corpus);
  const budget = seconds === undefined ? operations : Number.MAX_SAFE_INTEGER;
  const prepare: PrepareOptions = { profile, seed, budget, slice, mode, corpus };
  const pool = new Pool(workers, silence);
  const { stopped, release } = onStop();
  try {
    const folder = new OutputFolder(output);
    const setting: Setting = { word, options, folder, prepare, shard, pool, stopped };
    const { answer: names } = await pool.run({ kind: "subjects", word, options: prepare });
    const results: Result[] = [];
    // Loaded here only after it was loaded in a thread that could be ended.
    for (const [index, subject] of (await findSubjects(word)).entries()) {
      if (index >= names.length || results.some(({ run }) => run.ended !== null)) break;
      results.push(await runSubject(setting, { word, index }, prepareCampaign(subject, prepare)));
    }
    return folder.codeWith(await tell(results, setting));
  } catch (error) {
    if (!(error instanceof WorkFailed)) throw error;
    if (error.refused) note(error.message);
    else print(`harness error: ${error.message}`);
    return 3;
  } finally {
    release();
    pool.close();
  }
}

async function runSubject(
  { options, folder, prepare, shard, pool, stopped }: Setting,
  subject: CampaignRunOptions["subject"],
  prepared: Prepared,
): Promise<Result> {
  const { output, seconds = null, workers, strict } = options;
  const { about, campaign } = prepared;
  const { name } = about.key.implementation;
  const stem = stemOf(name, campaign.profileName);
  const terms = { strict };
  const base = { schema: partSchema, kind: "campaign part", shard, seconds, about, terms, waivers: [] } as const;
  const partFile = partName(stem, shard);
  const before = options.resume === true ? readEarlier(output!, partFile, { ...base, counterexamples: [] }) : undefined;
  const textOf = (part: Pick<Part, "findings" | "counterexamples" | "finished">): string =>
    `${JSON.stringify({ ...base, ...part })}\n`;

  const began = performance.now();
  const loose = new Map<number, Find[]>();
  const goal =
    seconds === null
      ? ({ kind: "operations", amount: prepare.budget } as const)
      : ({ kind: "seconds", amount: seconds } as const);
  const progress = new Progress(`${name} ${campaign.profileName}`, campaign, goal, before ?? nothingFound, began);
  const isShown = options.progress ?? process.stderr.isTTY;
  const hide = isShown ? showEverySecond(() => progress.line(performance.now())) : () => undefined;
  let isStored = false;
  const searched = await runOnPool(pool, {
    subject,
    prepared,
    prepare,
    shard,
    workers,
    stopped,
    ...(before && { before }),
    endless: seconds !== null,
    isOver: () => seconds !== null && performance.now() - began >= seconds * 1000,
    beat: (beat) => progress.beat(beat),
    found: (find) => {
      loose.set(find.slice, [...(loose.get(find.slice) ?? []), find]);
    },
    sliced: (slice, findings) => {
      loose.delete(slice);
      progress.finished(slice, findings);
      // A campaign of one slice has nothing to go on with.
      isStored = output !== undefined && (seconds !== null || prepare.budget > campaign.slice || shard.count > 1);
      // A campaign that cannot keep what it finds ends here, with what it has.
      if (isStored) writeInto(output!, partFile, textOf({ findings, counterexamples: [], finished: false }));
    },
  }).finally(hide);
  const { findings, counterexamples } = searched;
  const { counterexamples: joint, ended } =
    searched.ended === null && shard.count === 1
      ? await jointOnPool(pool, { subject, prepare }, findings)
      : { counterexamples: [], ended: searched.ended };
  const run = { ...searched, ended };
  const finds = [...loose.values()].flat();
  if (ended !== null) {
    // With what it found in whole slices: without a report nobody else tells of it.
    const early = [...findings.finds, ...finds];
    const file = folder.write(partFile, textOf({ findings, counterexamples, finished: false }));
    return { prepared, run, report: null, loose: early, file };
  }
  if (shard.count > 1) {
    const file = folder.write(partFile, textOf({ findings, counterexamples, finished: true }));
    return { prepared, run, report: null, loose: finds, file };
  }
  const outcome = {
    ...base,
    about: aboutOf(base, findings),
    findings,
    counterexamples: [...counterexamples, ...joint],
  };
  const concluded = conclude({ ...outcome, joint: joint.map(({ rule }) => rule) });
  const report = { ...concluded, measured: measuredIn((performance.now() - began) / 1000, concluded.operations) };
  if (isStored) {
    folder.write(partFile, textOf({ findings, counterexamples: outcome.counterexamples, finished: true }));
    saveCorpus(folder, stem, findings.kept);
  }
  return { prepared, run, report, loose: finds, file: null };
}

async function tell(results: readonly Result[], setting: Setting): Promise<ExitCode> {
  const { options, folder, shard } = setting;
  let code: ExitCode = 0;
  for (const { report, run, loose } of results) {
    if (report !== null) code = worse(code, exitCodeOf(report, options.strict));
    else if (run.ended === "stopped") code = worse(code, loose.length > 0 ? 1 : 2);
    else if (run.ended !== null) code = worse(code, 3);
    else code = worse(code, run.findings.fault !== null ? 3 : run.counterexamples.length > 0 ? 1 : 0);
  }
  const reports = results.flatMap(({ report }) => report ?? []);
  const ended = results.find(({ run }) => run.ended !== null)?.run.ended ?? null;
  const found = results.flatMap(({ loose }) => loose);
  if (options.format === "json") {
    const parts = results.flatMap(({ file }) => file ?? []);
    for (const report of reports) saveReport(folder, report);
    print(JSON.stringify({ reports, ended, found, ...(options.shard !== undefined && { shard, parts }) }, null, 2));
    return code;
  }
  for (const result of results) await tellOne(result, setting);
  if (results.length === 0) {
    note("nothing was run: the module exports no subject");
    return 3;
  }
  return code;
}

async function tellOne(
  { prepared, run, report, loose, file }: Result,
  { word, options, folder, shard }: Setting,
): Promise<void> {
  const { strict, output, seconds } = options;
  const { findings, ended } = run;
  if (report !== null) {
    await printSummary(prepared.subject, report, strict, saveReport(folder, report), word);
    if (seconds !== undefined)
      print(
        `${seconds} s were over after ${report.campaign.slices} slices; --operations ${report.budget} repeats them`,
      );
    return;
  }
  for (const { rule, why, program } of loose) {
    const kept = folder.write(`${rule}-unshrunk.json`, writeProgram(program));
    print(`${rule} violated before that: ${why}${kept === null ? "" : ` (${kept})`}`);
  }
  const notStored = output === undefined ? "add --output DIR to keep it" : "not stored";
  const where = file === null ? notStored : `stored in ${file}`;
  const broken = findings.finds.map(({ rule }) => rule);
  const slices = `${findings.slices.length} slices, ${findings.operations} operations${broken.length === 0 ? "" : `, ${broken.join(", ")} broken`}`;
  if (ended === null)
    print(`shard ${shard.index} of ${shard.count}: ${slices}; ${where}, for \`dmabuf-conformance merge\``);
  else if (ended === "stopped") print(`stopped after ${slices}; ${where}${file === null ? "" : "; --resume goes on"}`);
  else {
    if (findings.slices.length > 0) print(`${slices}; ${where}${file === null ? "" : "; --resume goes on"}`);
    print(`harness error: ${ended}`);
  }
}
