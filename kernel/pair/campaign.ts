import { Judge } from "../../contracts/judge.ts";
import { monitored } from "../../contracts/registry.ts";
import { profileNamed } from "../../spec/profile-name.ts";
import { differenceOf, differenceText, type PairDifference } from "./difference.ts";
import { deviations } from "./deviations.ts";
import { drawPair, type PairProgram } from "./draw.ts";
import type { RunsPairs, PairResult } from "./kernel.ts";

/** What running the pair came to. */
export interface PairTally {
  programs: number;
  steps: number;
  /** Programs in which each operation was carried out, and in which each kind of fact showed. */
  readonly operations: Record<string, number>;
  readonly facts: Record<string, number>;
  readonly differences: PairDifference[];
  /** Programs whose kernel did not survive. */
  readonly lost: { readonly seed: number; readonly log: string }[];
  /** Programs that went otherwise than on a fresh kernel: of these nothing is said. */
  unrepeated: number;
  /** Broken rules, with how many programs and the first. */
  readonly broken: Record<string, { programs: number; readonly seed: number; readonly why: string }>;
  /** Rules that decided something. */
  exercised: number;
  kernels: number;
  milliseconds: number;
}

/** The contract of the kernels that have the pair. */
const profile = "K7.2";
/** Programs at a time. */
const portion = 64;

/** Runs programs of the pair, each held to the model and to every rule. Stops at what `enough` says. */
export async function pairCampaign(
  kernel: RunsPairs,
  first: number,
  programs: number,
  enough: (tally: PairTally) => boolean = () => false,
): Promise<PairTally> {
  const begun = performance.now();
  const tally: PairTally = {
    programs: 0,
    steps: 0,
    operations: {},
    facts: {},
    differences: [],
    lost: [],
    unrepeated: 0,
    broken: {},
    exercised: 0,
    kernels: 0,
    milliseconds: 0,
  };
  const known = profileNamed(profile);
  const judge = new Judge(monitored(known.series), known);
  for (let seed = first; seed < first + programs && !enough(tally);) {
    const drawn: PairProgram[] = [];
    for (; drawn.length < portion && seed < first + programs; seed += 1) drawn.push(drawPair(seed));
    for (const result of await kernel.run(drawn)) await account(tally, judge, kernel, result);
  }
  tally.exercised = judge.exercises().filter(({ times }) => times > 0).length;
  tally.kernels = kernel.started;
  tally.milliseconds = performance.now() - begun;
  return tally;
}

async function account(tally: PairTally, judge: Judge, kernel: RunsPairs, result: PairResult): Promise<void> {
  const { program, run, log } = result;
  const { seed, steps } = program;
  tally.programs += 1;
  tally.steps += steps.length;
  for (const op of new Set(steps.map((step) => step.op))) count(tally.operations, op);
  if (run === null) {
    tally.lost.push({ seed, log });
    return;
  }
  for (const fact of new Set(run.facts.flat().map((text) => text.split(" ")[0]!))) count(tally.facts, fact);
  const difference = differenceOf(program, run);
  if (difference !== null) await confirm(tally, kernel, program, difference);
  judge.begin();
  for (const event of run.events) judge.event(event);
  for (const { rule, why } of judge.violations) {
    const entry = (tally.broken[rule.id] ??= { programs: 0, seed, why });
    entry.programs += 1;
  }
}

/** Nothing is held against a kernel that a fresh one does not show as well. */
async function confirm(
  tally: PairTally,
  kernel: RunsPairs,
  program: PairProgram,
  difference: PairDifference,
): Promise<void> {
  kernel.renew();
  const [again] = await kernel.run([program]);
  const same = again!.run === null ? null : differenceOf(program, again!.run);
  if (again!.run !== null && JSON.stringify(same) !== JSON.stringify(difference)) tally.unrepeated += 1;
  else tally.differences.push(difference);
  kernel.renew();
}

function count(counts: Record<string, number>, name: string): void {
  counts[name] = (counts[name] ?? 0) + 1;
}

/** Broken rules that are not known of the pair. */
export function unexpected({ broken }: PairTally): readonly string[] {
  return Object.keys(broken).filter((id) => !deviations.some(({ rule }) => rule === id));
}

/** Programs in which each known deviation shows, and each operation and answer was met. */
const telling = 300;
const answers = ["ENODEV", "EINVAL", "EBADF", "EEXIST", "ENOENT", "EOPNOTSUPP", "told", "on", "off", "blocked"];

/** What a run of some length should have met and has not. */
export function shortfalls(tally: PairTally): readonly string[] {
  if (tally.programs < telling) return [];
  const stale = deviations
    .filter(({ rule }) => tally.broken[rule] === undefined)
    .map(({ rule }) => `${rule} is kept by now: the deviation is stale`);
  const unmet = answers.filter((fact) => tally.facts[fact] === undefined).map((fact) => `no program came to "${fact}"`);
  return [...stale, ...unmet];
}

/** Whether nothing of it is left unexplained. */
export function isGood(tally: PairTally): boolean {
  const { differences, lost, unrepeated } = tally;
  return (
    differences.length + lost.length + unrepeated === 0 &&
    unexpected(tally).length === 0 &&
    shortfalls(tally).length === 0
  );
}

/** In words, the figures on the last line. */
export function pairText(tally: PairTally, version: string, show: number): string {
  const { differences, lost, broken, programs, steps, kernels, milliseconds } = tally;
  const lines: string[] = [];
  for (const difference of differences.slice(0, show)) lines.push(...differenceText(difference));
  for (const { seed, log } of lost.slice(0, show))
    lines.push(`seed ${seed}: the kernel did not survive`, log.slice(-1500));
  for (const id of unexpected(tally)) {
    const { programs: times, seed, why } = broken[id]!;
    lines.push(`${id} is broken in ${times} programs, first in seed ${seed}: ${why}`);
  }
  lines.push(...shortfalls(tally));
  for (const { rule, who, statement } of deviations)
    if (broken[rule] !== undefined)
      lines.push(`  known of the ${who}: ${rule} in ${broken[rule].programs}: ${statement}`);
  lines.push(
    `Linux ${version}, the iommufd pair: ${programs} programs, ${steps} steps in ${(milliseconds / 1000).toFixed(1)} s, ` +
      `${kernels} kernels: ${differences.length} differ from the model, ${lost.length} lost, ${tally.unrepeated} not repeated; ` +
      `${tally.exercised} rules decided, ${unexpected(tally).length} broken beyond the ${deviations.length} known`,
  );
  return lines.map((line) => `  ${line}`.replace(/^ {2}(?=Linux)/, "")).join("\n");
}
