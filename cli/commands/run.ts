import type { Report } from "../../conformance/report.ts";
import { writeProgram } from "../../spec/write.ts";
import { note, print, worse, writeInto, type ExitCode, type OutputOptions } from "../output.ts";
import { readCorpus } from "../files.ts";
import { runInWorker, type WorkerResult } from "../run-in-worker.ts";
import { saveReport } from "../save.ts";
import { loadSubject } from "../subjects.ts";
import { exitCodeOf, printSummary } from "../summary.ts";

/** Settings of `run` and `smoke`. */
export interface RunOptions extends OutputOptions {
  readonly profile: string;
  readonly seed: number;
  readonly budget: number;
  readonly strict: boolean;
  /** Folder of stored counterexamples, tried first. */
  readonly corpus?: string;
  /** Seconds without a sign of life after which the adapter is ended. */
  readonly silence: number;
}

/** `run MODULE`: checks the subjects a module exports by default, in a thread of its own. */
export async function runCommand(path: string, options: RunOptions): Promise<ExitCode> {
  const { profile, seed, budget, strict, silence, corpus } = options;
  const stored = corpus === undefined ? [] : readCorpus(corpus);
  const result = await runInWorker(path, { profile, seed, budget, strict, corpus: stored }, silence);
  const refused = result.messages.find((message) => message.kind === "refused");
  if (refused !== undefined) {
    note(refused.text);
    return 3;
  }
  const reports = result.messages.flatMap((message) => (message.kind === "report" ? [message.report] : []));
  let code: ExitCode = result.ended === null ? 0 : 3;
  for (const report of reports) code = worse(code, exitCodeOf(report, strict));
  if (options.format === "json") {
    print(JSON.stringify({ reports, ended: result.ended, found: foundOf(result) }, null, 2));
    return code;
  }
  await printReports(path, reports, options);
  if (result.ended !== null) printBroken(result, options);
  if (reports.length === 0 && result.ended === null) {
    note("nothing was run: the module exports no subject");
    return 3;
  }
  return code;
}

async function printReports(path: string, reports: readonly Report[], { strict, output }: RunOptions): Promise<void> {
  if (reports.length === 0) return;
  const subjects = await loadSubject(path);
  for (const [index, report] of reports.entries()) {
    const files = output === undefined ? new Map<string, string>() : saveReport(output, report);
    await printSummary(subjects[index]!, report, strict, files);
  }
}

/** What a worker that had to be ended had found by then. */
function foundOf({ messages }: WorkerResult) {
  return messages.flatMap((message) => (message.kind === "found" ? [message] : []));
}

function printBroken(result: WorkerResult, { output }: RunOptions): void {
  for (const { rule, why, program } of foundOf(result)) {
    const file = output === undefined ? "" : ` (${writeInto(output, `${rule}-unshrunk.json`, writeProgram(program))})`;
    print(`${rule} violated before that: ${why}${file}`);
  }
  print(`harness error: ${result.ended ?? ""}`);
}
