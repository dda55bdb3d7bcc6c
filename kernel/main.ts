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
import { BadInput } from "../spec/bad-input.ts";
import { buildKernel } from "./build/build.ts";
import { limitCommands } from "./build/command.ts";
import type { SeriesWanted } from "./build/source.ts";
import { deadlines } from "./deadlines.ts";
import type { Mode } from "./modes/mode.ts";
import { few, readOptions } from "./options.ts";
import { exitCode, outcomeOf, type Outcome } from "./outcome.ts";

const values = readOptions();

/** Seconds that a slice may take to fetch and build what is not in the cache. */
const sliceBuild = 240;

/** The file of what was asked for: each loads much, and wrong flags or a missing tool need none of it. */
async function modeWanted(): Promise<{ readonly run: Mode }> {
  if (values.explain !== undefined) return import("./modes/explain.ts");
  if (values.misuse) return import("./modes/misuse.ts");
  if (values.holes) return import("./modes/holes.ts");
  if (values.rate) return import("./modes/rate.ts");
  return values.repeat ? import("./modes/repeat.ts") : import("./modes/compare.ts");
}

async function test(wanted: SeriesWanted): Promise<Outcome> {
  const begun = performance.now();
  const built = buildKernel(wanted);
  const seconds = ((performance.now() - begun) / 1000).toFixed(1);
  const how = built.fresh ? `built in ${seconds} s` : `from the cache in ${seconds} s`;
  console.log(`${wanted}: Linux ${built.version} (${built.origin}), ${how}`);
  if (values.build) return { status: "good", words: how };
  const { Linux } = await import("../adapters/linux/linux.ts");
  const linux = new Linux({ ...built, ...deadlines }, values.explain === undefined ? 2 : 0);
  try {
    const { run } = await modeWanted();
    return await run(linux, built, values);
  } finally {
    linux.close();
  }
}

function seedOf(text: string): number {
  if (/^\d+$/.test(text)) return Number(text);
  throw new BadInput("flag", `--explain ${text}`, "programs of the pair are drawn; give a seed");
}

async function pair(): Promise<Outcome> {
  const explain = values.explain === undefined ? undefined : seedOf(values.explain);
  const { runPair } = await import("./pair/run-pair.ts");
  return runPair({
    firstSeed: values.seed,
    programs: values.programs ?? few,
    show: values.show,
    explain,
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
  // What is indented has a line of its own before it.
  console.log(outcome.words.startsWith(" ") ? `${name}:\n${outcome.words}` : `${name}: ${outcome.words}`);
}
// What was skipped has to be seen, and what was seen first is soon out of sight.
const summary = outcomes.map(({ status }, index) => `${runs[index]!.name} ${status}`).join(", ");
if (outcomes.length > 1) console.log(`test:linux: ${summary}`);
process.exitCode = exitCode(outcomes, values.slice);
