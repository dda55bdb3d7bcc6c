import { describeViolation } from "../../conformance/failure/describe.ts";
import { wrap } from "../../conformance/failure/text.ts";
import type { Proposal } from "../../conformance/proposal/proposal.ts";
import { isScopeClean } from "../../conformance/proposal/own-scopes.ts";
import { judgedRules } from "../../conformance/proposal/search.ts";
import {
  describeBreak,
  tryProposal,
  type ProposalReport,
  type ProposalRule,
} from "../../conformance/proposal/try-proposal.ts";
import { replay } from "../../conformance/replay.ts";
import { proposals } from "../../proposals/index.ts";
import { BadInput } from "../../spec/bad-input.ts";
import { profileNamed } from "../../spec/profile-name.ts";
import { writeProgram } from "../../spec/write.ts";
import { readReplayFile } from "../files.ts";
import { findProposals } from "../find-proposals.ts";
import { note, print, worse, type ExitCode, type OutputOptions } from "../output.ts";
import { OutputFolder } from "../output-folder.ts";
import { describeOwnScope } from "../own-scopes.ts";

/** Settings of `proposal`. */
export interface ProposalCommandOptions extends OutputOptions {
  readonly seed: number;
  readonly operations?: number;
  /** A stored program to run again instead of a search. */
  readonly replay?: string;
}

/** `proposal [FILE|name]`: which rules a proposal breaks and how, or what was explored; all that come with the suite without one. */
export async function proposalCommand(word: string | undefined, options: ProposalCommandOptions): Promise<ExitCode> {
  const chosen = word === undefined ? proposals : await findProposals(word);
  if (options.replay !== undefined) return replayIn(chosen, options.replay, options);
  const reports: ProposalReport[] = [];
  const folder = new OutputFolder(options.output);
  let code: ExitCode = 0;
  for (const proposal of chosen) {
    const { seed, operations } = options;
    const report = await tryProposal(proposal, { seed, ...(operations !== undefined && { budget: operations }) });
    reports.push(report);
    code = worse(code, exitCodeOf(report));
    const files = save(report, folder);
    if (options.format === "text") await tell(proposal, report, files, word);
  }
  if (options.format === "json") print(JSON.stringify(word === undefined ? reports : reports[0], null, 2));
  return folder.codeWith(code);
}

/** 1: not what the table or a scope says; 2: a rule of the proposal that nothing could break. */
function exitCodeOf({ fault, compared, rules, scopes }: ProposalReport): ExitCode {
  if (fault !== null) return 3;
  if (compared.some(({ outcome }) => outcome !== "as-expected") || !scopes.every(isScopeClean)) return 1;
  return rules.some(({ verdict }) => verdict === "blocked") ? 2 : 0;
}

/** Runs a stored program under the contract that it names. */
async function replayIn(chosen: readonly Proposal[], path: string, { format }: OutputOptions): Promise<ExitCode> {
  const { program } = readReplayFile(path);
  const proposal = chosen.find(({ contract }) => contract.key === program.contract);
  if (proposal === undefined) {
    const names = chosen.map(({ contract }) => contract.key).join(", ");
    throw new BadInput("contract", path, `a program for the contract "${program.contract}", expected one for ${names}`);
  }
  const { contract, faults = [] } = proposal;
  const profile = profileNamed(program.profile);
  const run = await replay(program, contract.roles(faults), judgedRules(contract, profile), profile);
  if (format === "json")
    print(
      JSON.stringify({
        proposal: proposal.name,
        violations: run.violations.map(({ rule: { id }, seq, why }) => ({ rule: id, seq, why })),
        fault: run.fault,
        events: run.events,
      }),
    );
  else {
    const command = `npx dmabuf-conformance proposal ${proposal.name} --replay ${path}`;
    for (const violation of run.violations) print(`${describeViolation(violation, program, run.events, command)}\n`);
    if (run.fault !== null) note(`harness error: ${run.fault}`);
    const broken = run.violations.map(({ rule }) => rule.id).join(", ");
    print(`${proposal.name}: ${run.steps.length} steps, ${broken === "" ? "no rule broken" : `${broken} broken`}`);
  }
  return run.fault !== null ? 3 : run.violations.length > 0 ? 1 : 0;
}

/** Writes each counterexample into the folder; their paths by rule. */
function save(report: ProposalReport, folder: OutputFolder): ReadonlyMap<string, string> {
  const files = new Map<string, string>();
  for (const { id, counterexample } of report.rules) {
    if (counterexample === null) continue;
    const file = folder.write(`${report.proposal}-${id}.json`, writeProgram(counterexample.program));
    if (file !== null) files.set(id, file);
  }
  folder.write(`${report.proposal}.report.json`, `${JSON.stringify(report, null, 2)}\n`);
  return files;
}

async function tell(
  proposal: Proposal,
  report: ProposalReport,
  files: ReadonlyMap<string, string>,
  word: string | undefined,
): Promise<void> {
  const { explored, measured, core } = report;
  for (const line of wrap(`${report.proposal} under ${report.profile}: ${report.about}`, 79)) print(line);
  for (const { counterexample, id } of report.rules) {
    if (counterexample === null || word === undefined) continue;
    const file = files.get(id);
    const command =
      file === undefined ? "add --output DIR to keep it" : `npx dmabuf-conformance proposal ${word} --replay ${file}`;
    print(`${await describeBreak(proposal, counterexample, command)}\n`);
  }
  for (const rule of report.rules) for (const line of wrap(lineOf(rule), 77)) print(`  ${line}`);
  const own = Object.entries(explored.own).map(([name, count]) => `${name} ${count}`);
  const looked = `explored: ${explored.programs} programs, ${explored.operations} operations (${own.join(", ") || "none of its own"}) in ${measured.search.toFixed(1)} s, shortest programs in ${measured.shortest.toFixed(1)} s; of the core's rules ${core.exercised} of ${core.judged} decided something`;
  for (const line of wrap(looked, 77)) print(`  ${line}`);
  for (const scope of report.scopes) for (const line of describeOwnScope(scope)) print(line);
  for (const { text, times } of report.unexplained)
    for (const line of wrap(`note: unexplained, ${times} times: ${text}`, 77)) print(`  ${line}`);
  for (const { rule, outcome, source } of report.compared)
    if (outcome !== "as-expected")
      print(`  NOT AS EXPECTED: ${rule} ${outcome}${source === null ? "" : ` (${source})`}`);
  if (report.fault !== null) for (const line of wrap(`harness error: ${report.fault}`, 77)) print(`  ${line}`);
  print("");
}

function lineOf({ id, level, verdict, length, counterexample, exercised, programs, origin }: ProposalRule): string {
  const weight = level === "MUST" ? "" : `, ${level}`;
  const whose = origin === "own" ? "" : ` (${origin}${weight})`;
  if (counterexample !== null && length !== null)
    return `${id}${whose} broken in ${length} ${length === 1 ? "step" : "steps"}, first after ${counterexample.found?.operations ?? 0} operations: ${counterexample.why}`;
  if (verdict === "blocked") return `${id}${whose} BLOCKED: nothing that was tried could have broken it`;
  return `${id}${whose} kept, exercised ${exercised} times in ${programs} programs`;
}
