import { appendFileSync, existsSync, readFileSync } from "node:fs";
import { InvalidArgumentError } from "commander";
import { hunt, huntJoint } from "../conformance/hunt.ts";
import type { Mutant } from "../test/mutants/mutant.ts";

/** One hunt: CPU seconds and operations to the kill, or to where it gave up. A line of what `--output` writes. */
export interface KillTime {
  readonly mutant: string;
  readonly seed: number;
  readonly seconds: number;
  readonly operations: number;
  readonly killed: boolean;
}

/** One hunt that has to be made. */
export interface Hunted {
  readonly mutant: Mutant;
  readonly seed: number;
}

function cpu(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

/** Hunts a mutant on this core for at most `limit` CPU seconds. Nothing is shrunk. */
function killTime({ mutant, seed }: Hunted, limit: number): KillTime {
  const { name, rule, profile } = mutant;
  const system = mutant.system(() => undefined);
  const started = cpu();
  const goOn = () => cpu() - started < limit;
  const { operations, ...ended } =
    mutant.joint === true ? huntJoint(system, profile, rule, seed, goOn) : hunt(system, profile, rule, seed, goOn);
  const killed = ("kill" in ended ? ended.kill : ended.violation) !== null;
  return { mutant: name, seed, seconds: cpu() - started, operations, killed };
}

/** `1-10` or `3`: seeds, ascending. Throws InvalidArgumentError for anything else. */
export function readSeeds(text: string): readonly number[] {
  const match = /^(\d+)(?:-(\d+))?$/.exec(text);
  const [first, last] = [Number(match?.[1]), Number(match?.[2] ?? match?.[1])];
  if (match === null || last < first) throw new InvalidArgumentError("give seeds as 1-10 or 3.");
  return Array.from({ length: last - first + 1 }, (_, index) => first + index);
}

/** One of several parts, counted from 1. */
export interface Shard {
  readonly index: number;
  readonly count: number;
}

/** `2/4`: the second of four shards. Throws InvalidArgumentError for anything else. */
export function readShard(text: string): Shard {
  const match = /^(\d+)\/(\d+)$/.exec(text);
  const [index, count] = [Number(match?.[1]), Number(match?.[2])];
  if (match === null || index < 1 || index > count) throw new InvalidArgumentError("give a shard as 2/4.");
  return { index, count };
}

/** All hunts, seed by seed: a part of the list is a part of the mutants under every seed. */
export function huntsOf(mutants: readonly Mutant[], seeds: readonly number[]): readonly Hunted[] {
  return seeds.flatMap((seed) => mutants.map((mutant) => ({ mutant, seed })));
}

const keyOf = (mutant: string, seed: number) => `${mutant} ${seed}`;

/** A file of times that is gone on with, and what it has. */
export interface Output {
  readonly file: string;
  readonly times: readonly KillTime[];
}

/** The file to keep times in: a new one, or one that was written before. */
export function readOutput(file: string): Output {
  return { file, times: existsSync(file) ? readTimes(file) : [] };
}

/**
 * Makes the hunts that `output` has no line for yet, and adds one for each: a run that was stopped is gone on with.
 * Prints those that missed or took more than a fifth of the limit.
 */
export function makeHunts(hunts: readonly Hunted[], limit: number, output: Output | null): readonly KillTime[] {
  const times = [...(output?.times ?? [])];
  const made = new Set(times.map(({ mutant, seed }) => keyOf(mutant, seed)));
  for (const hunted of hunts) {
    if (made.has(keyOf(hunted.mutant.name, hunted.seed))) continue;
    const time = killTime(hunted, limit);
    times.push(time);
    if (output !== null) appendFileSync(output.file, `${JSON.stringify(time)}\n`);
    if (!time.killed || time.seconds > limit / 5) console.log(lineOf(time));
  }
  return times;
}

/** The lines of a file that `--output` wrote. Throws InvalidArgumentError for any other file. */
export function readTimes(file: string): readonly KillTime[] {
  if (!existsSync(file)) throw new InvalidArgumentError("there is no such file.");
  const lines = readFileSync(file, "utf8").split("\n");
  return lines.flatMap((line, index) => (line === "" ? [] : [readTime(line, index + 1)]));
}

function readTime(line: string, number: number): KillTime {
  try {
    return JSON.parse(line) as KillTime;
  } catch {
    throw new InvalidArgumentError(`line ${number} is no JSON, or ends early; delete it.`);
  }
}

/** The lines of one file more. */
export function moreTimes(file: string, before: readonly KillTime[] | undefined): readonly KillTime[] {
  return [...(before ?? []), ...readTimes(file)];
}

/** What is wrong with parts that are to be one whole; null if every hunt is there once. */
export function problemOfParts(times: readonly KillTime[], hunts: readonly Hunted[]): string | null {
  const wanted = new Set(hunts.map(({ mutant, seed }) => keyOf(mutant.name, seed)));
  for (const { mutant, seed } of times)
    if (!wanted.delete(keyOf(mutant, seed)))
      return `${mutant} with seed ${seed} is there twice, or there is no such mutant or seed`;
  const [missing] = wanted;
  return missing === undefined ? null : `${wanted.size} hunts are missing: ${missing} is one`;
}

/** The figures of a list of hunts. */
export interface KillFigures {
  readonly text: string;
  readonly allKilled: boolean;
}

/** Kills, median and worst over all hunts, and of every mutant the worst of its seeds. */
export function figuresOf(times: readonly KillTime[]): KillFigures {
  const killed = times.filter((time) => time.killed).toSorted((first, second) => first.seconds - second.seconds);
  const missed = times.filter((time) => !time.killed);
  const worst = killed.at(-1);
  const seeds = new Set(times.map(({ seed }) => seed));
  const mutants = new Set(times.map(({ mutant }) => mutant));
  const late = killed.filter(({ seconds }) => seconds > 2).length;
  const lines = [
    ...missed.map(lineOf),
    ...(worst === undefined ? [] : [`worst: ${lineOf(worst)}`]),
    `${late} kills took more than 2 s; ${mutants.size - new Set(missed.map(({ mutant }) => mutant)).size} of ${mutants.size} mutants killed with every seed`,
    `${killed.length} / ${times.length} kills of ${mutants.size} mutants with ${seeds.size} seeds, median ${((killed[killed.length >> 1]?.seconds ?? 0) * 1000).toFixed(0)} ms, worst ${(worst?.seconds ?? 0).toFixed(1)} s`,
  ];
  return { text: lines.join("\n"), allKilled: missed.length === 0 && times.length > 0 };
}

function lineOf({ mutant, seed, seconds, operations, killed }: KillTime): string {
  return `${killed ? "killed" : "ALIVE "} ${mutant} seed ${seed}: ${operations} operations, ${seconds.toFixed(2)} s`;
}
