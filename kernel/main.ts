/**
 * `npm run test:linux`: the same programs on the reference and on real kernels. Options: `--programs N` on each kernel,
 * `--series 6.12|newest`, `--seed N` first, `--longest N` steps, `--show N` differences in full, `--keep FILE` goes on where
 * it was stopped, `--slice` a few programs and no long build, `--build` stops once built, `--explain SEED|FILE` shows one
 * program on both, `--repeat` runs every program twice, `--output DIR` takes the shortest programs of what differs,
 * `--misuse` breaks the contract on purpose and expects the complaints of test/kernel/misuse.json,
 * `--holes` runs what reading the kernel made us suspect, `--rate` measures programs per second,
 * `--pair` runs the tree's own iommufd exporter and importer, on a kernel of its own; a run without options does that last,
 * `--fault N` gives the module's exporter or importer a fault (kernel/mutants/module-faults.ts).
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { InvalidArgumentError, Option } from "commander";
import { script } from "../cli/words/script.ts";
import { positiveWhole, wholeNumber } from "../cli/words/values.ts";
import { BadInput } from "../spec/bad-input.ts";
import { Linux } from "../adapters/linux/linux.ts";
import { buildKernel, ownFolder, type BuiltKernel } from "./build/build.ts";
import { limitCommands } from "./build/command.ts";
import { seriesWanted, type SeriesWanted } from "./build/source.ts";
import { codeKey } from "./code-key.ts";
import { campaign, faulty } from "./compare/campaign.ts";
import { culpritsOf, shortestText } from "./compare/culprits.ts";
import { drawPlan } from "./compare/draw-plan.ts";
import { KeptSlices } from "./compare/kept.ts";
import { KnownDifferences } from "./compare/known-differences.ts";
import { measureRates, ratesText } from "./compare/rate.ts";
import { repeat, repeatText } from "./compare/repeat.ts";
import { tooMuchOf } from "./compare/room.ts";
import { sideBySide } from "./compare/side-by-side.ts";
import { shrinkCulprits } from "./compare/shrink-trouble.ts";
import { storedPlan } from "./compare/stored-plan.ts";
import { addTally, emptyTally, type Tally } from "./compare/tally.ts";
import { isGood, textOf, unmatched } from "./compare/text.ts";
import { staleFindings } from "./findings.ts";
import { holesText, isAsExpected, runHoles } from "./holes/run-holes.ts";
import { misuseText, runMisuses, type Expected } from "./misuse/run-misuse.ts";
import { moduleFaults } from "./mutants/module-faults.ts";
import { runPair } from "./pair/run-pair.ts";
import { exitCode, outcomeOf, type Outcome } from "./outcome.ts";

interface Options {
  readonly programs?: number;
  readonly series: readonly SeriesWanted[];
  readonly seed: number;
  readonly longest: number;
  readonly show: number;
  readonly keep?: string;
  readonly explain?: string;
  readonly output: string;
  readonly fault?: number;
  readonly build: boolean;
  readonly repeat: boolean;
  readonly misuse: boolean;
  readonly holes: boolean;
  readonly rate: boolean;
  readonly pair: boolean;
  readonly slice: boolean;
}

function faultNumber(text: string): number {
  const found = moduleFaults.find(({ number }) => `${number}` === text);
  if (found === undefined) throw new InvalidArgumentError(`the module has faults 1 to ${moduleFaults.length}.`);
  return found.number;
}

const values = script("test:linux", "the same programs on the reference and on real kernels")
  .option("--programs <n>", "programs on each kernel", positiveWhole)
  .addOption(new Option("--series <series...>", "kernel series").choices(seriesWanted).default(seriesWanted, "both"))
  .option("--seed <n>", "seed of the first program", wholeNumber, 1)
  .option("--longest <n>", "steps of a program at most", positiveWhole, 100)
  .option("--show <n>", "differences to show in full", wholeNumber, 3)
  .option("--keep <file>", "go on where a run with this file was stopped")
  .option("--explain <what>", "one program on both sides: a seed, or a program file")
  .option("--output <dir>", "write the shortest programs of what differs there", ".conformance/linux")
  .option("--fault <n>", "a fault of the module's exporter or importer", faultNumber)
  .option("--build", "stop once built", false)
  .option("--repeat", "run every program twice", false)
  .option("--misuse", "break the contract on purpose", false)
  .option("--holes", "run what reading the kernel made us suspect", false)
  .option("--rate", "measure programs per second", false)
  .option("--pair", "run the tree's own iommufd exporter and importer", false)
  .option("--slice", "a few programs and no long build", false)
  .parse()
  .opts<Options>();

/** Programs of a run that says nothing else, and of the slice that a check of everything has time for. */
const usual = 5000;
const few = 1000;
/** Programs of each misuse: nearly every one costs a kernel. */
const perMisuse = 3;
/** Seconds that a slice may take to fetch and build what is not in the cache. */
const sliceBuild = 240;
/** Seeds that are compared, and kept, at a time. */
const sliceSeeds = 1000;

const programs = values.programs ?? (values.slice || values.repeat ? few : usual);
const { longest, fault } = values;
const known = new KnownDifferences(readFileSync(stored("differences.json"), "utf8"));
const deadlines = { startDeadline: 60_000, batchDeadline: 20_000 };

/** What is known of kernels, as a file. */
function stored(name: string): string {
  return join(ownFolder(), "../test/kernel", name);
}

/** The contract that a kernel follows, as far as it is encoded. */
function profileOf(version: string): string {
  return version.startsWith("6.12.") ? "K6.12+moveNotify" : "K7.2";
}

async function explain(linux: Linux, { version }: BuiltKernel, what: string): Promise<Outcome> {
  const introduction = await linux.introduction();
  const { operations } = introduction;
  const drawn = /^\d+$/.test(what)
    ? drawPlan(Number(what), { profile: profileOf(version), longest, operations })
    : storedPlan(what, introduction);
  const tooMuch = tooMuchOf(drawn.plan, introduction);
  if (tooMuch !== null) throw new BadInput("limit", `seed ${what}`, `too large for the kernel's module: ${tooMuch}`);
  const [run] = await linux.run([faulty(drawn.plan, fault)]);
  console.log(sideBySide(drawn, run!));
  return { status: "good", words: `${what} shown` };
}

/** The shortest programs of what a comparison found. A candidate that hangs costs less than a program that might. */
async function shortestOn({ kernel, root, version }: BuiltKernel, tally: Tally): Promise<readonly string[]> {
  const linux = new Linux({ kernel, root, ...deadlines, batchDeadline: 5000 }, 1);
  try {
    const { operations } = await linux.introduction();
    const draw = (seed: number) => drawPlan(seed, { profile: profileOf(version), longest, operations });
    const culprits = culpritsOf(tally, draw, values.show);
    return shortestText(await shrinkCulprits(linux, culprits, { known, fault }), version, values.output);
  } finally {
    linux.close();
  }
}

async function repeatOn(linux: Linux, { version }: BuiltKernel): Promise<Outcome> {
  const { operations } = await linux.introduction();
  const result = await repeat(linux, values.seed, programs, {
    profile: profileOf(version),
    longest,
    operations,
  });
  return { status: result.different.length === 0 ? "good" : "bad", words: `Linux ${version}: ${repeatText(result)}` };
}

async function misuseOn(linux: Linux, { version }: BuiltKernel): Promise<Outcome> {
  const results = await runMisuses(linux, {
    profile: profileOf(version),
    programs: values.programs ?? perMisuse,
    firstSeed: values.seed,
    expected: JSON.parse(readFileSync(stored("misuse.json"), "utf8")) as Expected,
  });
  const good = results.every(({ faults }) => faults.length === 0);
  return { status: good ? "good" : "bad", words: misuseText(results, version) };
}

async function holesOn(linux: Linux, { version }: BuiltKernel): Promise<Outcome> {
  const results = await runHoles(linux, profileOf(version));
  return { status: results.every(isAsExpected) ? "good" : "bad", words: holesText(results, version) };
}

async function rateOn(linux: Linux, { version }: BuiltKernel): Promise<Outcome> {
  const bounds = { profile: profileOf(version), longest };
  const rates = await measureRates(linux, bounds, values.seed, values.programs ?? few);
  return { status: "good", words: `Linux ${version}: ${ratesText(rates)}` };
}

/** Findings that no longer show. What they end in is mostly a hang, and is waited for. */
async function staleOn({ kernel, root, version }: BuiltKernel): Promise<readonly string[]> {
  const linux = new Linux({ kernel, root, ...deadlines, batchDeadline: 5000 }, 0);
  try {
    return await staleFindings(linux, version);
  } finally {
    linux.close();
  }
}

async function compareOn(linux: Linux, built: BuiltKernel): Promise<Outcome> {
  const { version, root } = built;
  const introduction = await linux.introduction();
  const kept = new KeptSlices(values.keep ?? null, `${version} ${root} ${longest} ${codeKey()}`);
  const profile = profileOf(version);
  const total = emptyTally();
  for (let firstSeed = values.seed; total.programs < programs; firstSeed += sliceSeeds) {
    let tally = kept.get(firstSeed);
    if (tally === undefined) {
      // Of the last slice only as much as is still asked for; what is left out of it is made up for by one more.
      const seeds = Math.min(sliceSeeds, programs - total.programs);
      tally = await campaign(linux, { profile, firstSeed, seeds, longest, known, fault });
      if (seeds === sliceSeeds) kept.add(firstSeed, tally);
    }
    addTally(total, tally);
    if (process.stderr.isTTY) process.stderr.write(`\r${version}: ${total.programs} programs`);
  }
  const operations = [...introduction.operations.keys()];
  const text = textOf(total, { version, operations, known: known.entries, show: values.show });
  const stale = [...unmatched(total, version, known.entries), ...(await staleOn(built))];
  const status = isGood(total, operations) && stale.length === 0 ? "good" : "bad";
  const shortest = status === "good" ? [] : await shortestOn(built, total);
  return { status, words: [...shortest, ...stale.map((line) => `  stale: ${line}`), text].join("\n") };
}

async function test(wanted: SeriesWanted): Promise<Outcome> {
  const begun = performance.now();
  const built = buildKernel(wanted);
  const seconds = ((performance.now() - begun) / 1000).toFixed(1);
  const how = built.fresh ? `built in ${seconds} s` : `from the cache in ${seconds} s`;
  console.log(`${wanted}: Linux ${built.version} (${built.origin}), ${how}`);
  if (values.build) return { status: "good", words: how };
  const { kernel, root } = built;
  const linux = new Linux({ kernel, root, ...deadlines }, values.explain === undefined ? 2 : 0);
  try {
    if (values.explain !== undefined) return await explain(linux, built, values.explain);
    if (values.misuse) return await misuseOn(linux, built);
    if (values.holes) return await holesOn(linux, built);
    if (values.rate) return await rateOn(linux, built);
    return await (values.repeat ? repeatOn(linux, built) : compareOn(linux, built));
  } finally {
    linux.close();
  }
}

function seedOf(text: string): number {
  if (/^\d+$/.test(text)) return Number(text);
  throw new BadInput("flag", `--explain ${text}`, "programs of the pair are drawn; give a seed");
}

async function pair(): Promise<Outcome> {
  return runPair({
    firstSeed: values.seed,
    programs: values.programs ?? few,
    show: values.show,
    explain: values.explain === undefined ? undefined : seedOf(values.explain),
    build: values.build,
  });
}

/** Without options everything is run. */
const isWhole = process.argv.length === 2;
const runs: { readonly name: string; readonly run: () => Promise<Outcome> }[] = values.pair
  ? []
  : values.series.map((wanted) => ({ name: wanted, run: () => test(wanted) }));
if (values.pair || isWhole) runs.push({ name: "pair", run: pair });
if (values.slice) limitCommands(sliceBuild);
const outcomes: Outcome[] = [];
for (const { name, run } of runs) {
  const outcome = await run().catch(outcomeOf);
  outcomes.push(outcome);
  console.log(`${name}: ${outcome.words}`);
}
// What was skipped has to be seen, and what was seen first is soon out of sight.
const summary = outcomes.map(({ status }, index) => `${runs[index]!.name} ${status}`).join(", ");
if (outcomes.length > 1) console.log(`test:linux: ${summary}`);
process.exitCode = exitCode(outcomes, values.slice);
