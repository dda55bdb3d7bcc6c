/**
 * `npm run test:linux:mutants`: faults of the module's exporter and importer, then one-line faults in the kernel's own
 * core and in the tree's iommufd pair, each to be caught by the rule it names. With words as arguments: only those whose rule or name has one of them.
 */
import { readFileSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { InvalidArgumentError } from "commander";
import { script } from "../../cli/words/script.ts";
import { Linux } from "../../adapters/linux/linux.ts";
import { MachineLost } from "../../adapters/linux/machine.ts";
import { buildKernel, copyBuild, makeKernel, ownFolder, type BuiltKernel } from "../build/build.ts";
import { edited, type SourceEdit } from "../build/edit.ts";
import { alone } from "../build/lock.ts";
import { BuildFailed, Skipped } from "../build/skipped.ts";
import { findSource, type Source } from "../build/source.ts";
import { buildEnvironment } from "../build/tools.ts";
import { partsOf } from "../build/variant.ts";
import { registry } from "../../contracts/registry.ts";
import { campaign } from "../compare/campaign.ts";
import { KnownDifferences } from "../compare/known-differences.ts";
import { pairCampaign, type PairTally } from "../pair/campaign.ts";
import { pairEdits } from "../pair/faults.ts";
import { PairKernel } from "../pair/kernel.ts";
import { kernelEdits, type KernelEdit } from "./edits.ts";
import { moduleFaults, type ModuleFault } from "./module-faults.ts";

/** Programs until a fault counts as missed, and how many at a time. */
const patience = 4000;
const portion = 200;

const known = new KnownDifferences(readFileSync(join(ownFolder(), "../test/kernel/differences.json"), "utf8"));

/** What of a kernel is faulty: a fault of the module, or the kernel itself. */
interface Suspect {
  readonly kernel: string;
  readonly root: string;
  readonly rule: string;
  readonly fault?: number;
}

/** Rules that a kernel's histories break, until the wanted one is among them. Half of the programs dwell on what it is about. */
async function brokenRules({ kernel, root, rule, fault }: Suspect): Promise<ReadonlyMap<string, number>> {
  const linux = new Linux({ kernel, root, startDeadline: 60_000, batchDeadline: 20_000 }, 1);
  const situation = registry.find(({ id }) => id === rule)?.situation;
  const broken = new Map<string, number>();
  try {
    for (let first = 1; first < patience && !broken.has(rule); first += portion) {
      const dwells = situation !== undefined && ((first - 1) / portion) % 2 === 0 ? { situation } : {};
      const options = { profile: "K6.12+moveNotify", longest: 80, known, confirm: false, fault, ...dwells };
      const result = await campaign(linux, { ...options, firstSeed: first, seeds: portion });
      for (const [id, { count }] of Object.entries(result.violations)) broken.set(id, (broken.get(id) ?? 0) + count);
      for (const { what } of result.troubles) broken.set(what, (broken.get(what) ?? 0) + 1);
    }
  } catch (error) {
    // A kernel that does not even start is no rule's doing.
    if (!(error instanceof MachineLost)) throw error;
    broken.set("no start", 1);
  } finally {
    linux.close();
  }
  return broken;
}

/** Programs of the pair until a fault counts as missed. */
const pairPatience = 512;

/** Rules that a kernel of the pair breaks, by its histories or by what it shows otherwise than the model. */
async function brokenByPair({ kernel, root, rule }: Suspect): Promise<ReadonlyMap<string, number>> {
  const pair = new PairKernel({ kernel, root, startDeadline: 60_000, batchDeadline: 20_000 });
  const rulesIn = ({ broken, differences, lost }: PairTally) => {
    const found = new Map<string, number>();
    const add = (id: string, times: number) => found.set(id, (found.get(id) ?? 0) + times);
    for (const [id, { programs }] of Object.entries(broken)) add(id, programs);
    for (const { rules } of differences) for (const id of rules.length > 0 ? rules : ["another difference"]) add(id, 1);
    if (lost.length > 0) add("lost", lost.length);
    return found;
  };
  try {
    return rulesIn(await pairCampaign(pair, 1, pairPatience, (tally) => rulesIn(tally).has(rule)));
  } catch (error) {
    if (!(error instanceof MachineLost)) throw error;
    return new Map([["no start", 1]]);
  } finally {
    pair.renew();
  }
}

/** Whether the rule is among the broken ones, and says so. */
function isCaught(broken: ReadonlyMap<string, number>, rule: string, name: string): boolean {
  const others = [...broken].filter(([id]) => id !== rule).map(([id, times]) => `${id} ${times}`);
  console.log(
    `${broken.has(rule) ? "caught" : "MISSED"}  ${rule.padEnd(9)} ${name}  (also ${others.join(", ") || "nothing"})`,
  );
  return broken.has(rule);
}

/** A kernel that faults are put into, and how it is found out what it breaks. */
interface Target {
  readonly source: Source;
  readonly built: BuiltKernel;
  /** What it is built with in any case. */
  readonly edits: readonly SourceEdit[];
  readonly trial: (suspect: Suspect) => Promise<ReadonlyMap<string, number>>;
}

async function tryEdit(edit: KernelEdit, { source, built, edits, trial }: Target, folder: string): Promise<boolean> {
  const log = join(folder, "build.log");
  const env = buildEnvironment();
  // Nobody else may build a kernel of a source with a fault in it.
  alone(() => {
    edited(source, [...edits, edit], () => {
      makeKernel(source, folder, env, log, ["linux"]);
    });
  });
  const broken = await trial({ kernel: join(folder, "linux"), root: built.root, rule: edit.rule });
  return isCaught(broken, edit.rule, edit.name);
}

async function tryModuleFaults(faults: readonly ModuleFault[], { kernel, root }: BuiltKernel): Promise<number> {
  let caught = 0;
  for (const { number, name, rule } of faults)
    if (isCaught(await brokenRules({ kernel, root, rule, fault: number }), rule, name)) caught += 1;
  console.log(
    `${caught} of ${faults.length} faults of the module's exporter and importer caught by the rule they break`,
  );
  return faults.length - caught;
}

async function tryEdits(faults: readonly KernelEdit[], target: Target, what: string): Promise<number> {
  const original = dirname(target.built.kernel);
  // Others may do the same at the same time.
  const folder = `${original}-mutants-${process.pid}`;
  copyBuild(original, folder);
  let caught = 0;
  try {
    for (const fault of faults) if (await tryEdit(fault, target, folder)) caught += 1;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  console.log(`${caught} of ${faults.length} faults of ${what} caught by the rule they break`);
  return faults.length - caught;
}

const everyFault = [...moduleFaults, ...kernelEdits, ...pairEdits];

function ofFault(word: string, before: readonly string[] | undefined): readonly string[] {
  if (everyFault.some(({ rule, name }) => rule === word || name.includes(word))) return [...(before ?? []), word];
  throw new InvalidArgumentError("no fault breaks that rule or has that in its name.");
}

const { processedArgs } = script(
  "test:linux:mutants",
  "every fault of the module and of the kernels must be caught by its rule",
)
  .argument("[words...]", "only faults that break this rule, or have this in their name", ofFault)
  .parse();
const [words = []] = processedArgs as [readonly string[] | undefined];

async function all(): Promise<number> {
  const wanted = ({ rule, name }: { readonly rule: string; readonly name: string }) =>
    words.length === 0 || words.some((word) => rule === word || name.includes(word));
  let missed = 0;
  const faults = moduleFaults.filter(wanted);
  const edits = kernelEdits.filter(wanted);
  const ofPair = pairEdits.filter(wanted);
  if (faults.length + edits.length > 0) {
    const built = buildKernel("6.12");
    if (faults.length > 0) missed += await tryModuleFaults(faults, built);
    const core: Target = { source: findSource("6.12"), built, edits: [], trial: brokenRules };
    if (edits.length > 0) missed += await tryEdits(edits, core, "the kernel's core");
  }
  if (ofPair.length > 0) {
    const built = buildKernel("newest", "iommufd");
    const { edits: own } = partsOf(ownFolder(), "iommufd");
    const pair: Target = { source: findSource("newest"), built, edits: own, trial: brokenByPair };
    missed += await tryEdits(ofPair, pair, "the iommufd pair");
  }
  return missed === 0 ? 0 : 1;
}

try {
  process.exitCode = await all();
} catch (error) {
  if (!(error instanceof Skipped) && !(error instanceof BuildFailed)) throw error;
  console.log(error instanceof Skipped ? `skipped: ${error.message}` : `not built: ${error.message}`);
  process.exitCode = error instanceof Skipped ? 2 : 3;
}
