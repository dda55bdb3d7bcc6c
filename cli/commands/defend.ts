import { defend, demands, type Defence } from "../../conformance/proposal/defend.ts";
import { wrap } from "../../conformance/failure/text.ts";
import { proposals } from "../../proposals/index.ts";
import { writeProgram } from "../../spec/write.ts";
import { note, print, worse, type ExitCode, type OutputOptions } from "../output.ts";
import { OutputFolder } from "../output-folder.ts";
import { describeOwnScope } from "../own-scopes.ts";
import { row } from "../rows.ts";
import { findProposals } from "../find-proposals.ts";
import { SliceThreads } from "../slice-threads.ts";

/** Settings of `proposal --defend`. */
export interface DefendCommandOptions extends OutputOptions {
  readonly seed: number;
  readonly operations?: number;
  /** Threads, each with one slice at a time; what comes of it is the same for any number. */
  readonly workers: number;
}

/** `proposal [FILE|name] --defend`: the long run of a proposal; of all that the threads defend without one. */
export async function defendCommand(word: string | undefined, options: DefendCommandOptions): Promise<ExitCode> {
  const { seed, operations = demands.operations, format, workers } = options;
  const folder = new OutputFolder(options.output);
  const chosen = word === undefined ? proposals.filter(({ defended }) => defended === true) : await findProposals(word);
  const reports: Defence[] = [];
  let code: ExitCode = 0;
  for (const proposal of chosen) {
    const threads = new SliceThreads(word ?? proposal.name, proposal.name);
    const report = await defend(proposal, {
      seed,
      operations,
      ...(workers > 1 && { run: (work) => threads.run(work), jobs: workers }),
      progress: (done, programs) => note(`${proposal.name}: ${done} of ${operations} operations, ${programs} programs`),
    });
    await threads.close();
    reports.push(report);
    code = worse(code, exitCodeOf(report));
    const files = save(report, folder);
    if (format === "text") print([...describe(report), ...files.map((file) => `  kept in ${file}`), ""].join("\n"));
  }
  if (format === "json") print(JSON.stringify(reports, null, 2));
  return folder.codeWith(code);
}

/** 1: a rule broke or a scope was left; 2: it held, and too little was seen to say so. */
function exitCodeOf({ fault, isBroken, shortfalls }: Defence): ExitCode {
  if (fault !== null) return 3;
  return isBroken ? 1 : shortfalls.length > 0 ? 2 : 0;
}

/** Writes the report and the program of each rule that broke into the folder; paths of the programs. */
function save(report: Defence, folder: OutputFolder): readonly string[] {
  folder.write(`${report.proposal}.defence.json`, `${JSON.stringify(report, null, 2)}\n`);
  return report.breaches.flatMap(
    ({ rule, counterexample: { program } }) =>
      folder.write(`${report.proposal}-${rule}.json`, writeProgram(program)) ?? [],
  );
}

function describe(report: Defence): readonly string[] {
  const { proposal, profile, seed, core, own, fault } = report;
  const counts = Object.entries(own).map(([name, count]) => `${name.split(".")[1] ?? name} ${count}`);
  return [
    `${proposal} under ${profile}, seed ${seed}: ${report.shortfalls.length === 0 && fault === null ? "holds" : "DOES NOT HOLD"}`,
    ...row("searched", `${report.operations} operations in ${report.programs} programs, ${report.slices} slices`),
    ...row("own steps", counts.join(", ")),
    ...report.rules.flatMap(({ id, exercised, programs }) =>
      row(id, `exercised ${exercised} times in ${programs} programs`),
    ),
    ...row("core", `${core.exercised} of ${core.judged} rules decided something`),
    ...report.kills.flatMap(({ fault: name, rule, operations }) =>
      row("fault", `${name}: ${operations === null ? `NOT CAUGHT by ${rule}` : `${rule} in ${operations} operations`}`),
    ),
    ...report.scopes.flatMap(describeOwnScope),
    ...report.breaches
      .filter(({ level }) => level !== "MUST")
      .flatMap(({ rule, level }) => row("note", `${rule} (${level}) broke`)),
    ...report.shortfalls.flatMap((text) => row("SHORT", text)),
    ...(fault === null ? [] : wrap(`harness error: ${fault}`, 77).map((line) => `  ${line}`)),
  ];
}
