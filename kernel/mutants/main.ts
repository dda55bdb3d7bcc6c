/**
 * `npm run test:linux:mutants`: faults of the module's exporter and importer, then one-line faults in the kernel's own
 * core, each to be caught by the rule it names. With words as arguments: only those whose rule or name has one of them.
 */
import { cpSync, existsSync, readFileSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { Linux } from "../../adapters/linux/linux.ts";
import { MachineLost } from "../../adapters/linux/machine.ts";
import { buildKernel, makeKernel, ownFolder, type BuiltKernel } from "../build/build.ts";
import { alone } from "../build/lock.ts";
import { BuildFailed, Skipped } from "../build/skipped.ts";
import { findSource, type Source } from "../build/source.ts";
import { buildEnvironment } from "../build/tools.ts";
import { registry } from "../../contracts/registry.ts";
import { campaign } from "../compare/campaign.ts";
import { KnownDifferences } from "../compare/known-differences.ts";
import { apply, restore } from "./apply.ts";
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

/** Whether the rule is among the broken ones, and says so. */
function isCaught(broken: ReadonlyMap<string, number>, rule: string, name: string): boolean {
  const others = [...broken].filter(([id]) => id !== rule).map(([id, times]) => `${id} ${times}`);
  console.log(
    `${broken.has(rule) ? "caught" : "MISSED"}  ${rule.padEnd(9)} ${name}  (also ${others.join(", ") || "nothing"})`,
  );
  return broken.has(rule);
}

async function tryEdit(edit: KernelEdit, source: Source, built: BuiltKernel, folder: string): Promise<boolean> {
  const log = join(folder, "build.log");
  const env = buildEnvironment();
  // Nobody else may build a kernel of a source with a fault in it.
  alone(() => {
    try {
      apply(source, edit);
      makeKernel(source, folder, env, log, ["linux"]);
    } finally {
      restore(source);
    }
  });
  const broken = await brokenRules({ kernel: join(folder, "linux"), root: built.root, rule: edit.rule });
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

async function tryEdits(edits: readonly KernelEdit[], built: BuiltKernel): Promise<number> {
  const source = findSource("6.12");
  if (source.origin === "KERNEL_SRC") throw new Skipped("KERNEL_SRC is somebody's own: no fault is put into it");
  alone(() => restore(source));
  const original = dirname(built.kernel);
  const folder = `${original}-mutants`;
  if (!existsSync(folder))
    cpSync(original, folder, { recursive: true, preserveTimestamps: true, verbatimSymlinks: true });
  let caught = 0;
  for (const edit of edits) if (await tryEdit(edit, source, built, folder)) caught += 1;
  rmSync(folder, { recursive: true, force: true });
  console.log(`${caught} of ${edits.length} faults of the kernel's core caught by the rule they break`);
  return edits.length - caught;
}

async function all(): Promise<number> {
  const words = process.argv.slice(2);
  const wanted = ({ rule, name }: { readonly rule: string; readonly name: string }) =>
    words.length === 0 || words.some((word) => rule === word || name.includes(word));
  const built = buildKernel("6.12");
  const missed = await tryModuleFaults(moduleFaults.filter(wanted), built);
  const edits = kernelEdits.filter(wanted);
  return missed + (edits.length === 0 ? 0 : await tryEdits(edits, built)) === 0 ? 0 : 1;
}

try {
  process.exitCode = await all();
} catch (error) {
  if (!(error instanceof Skipped) && !(error instanceof BuildFailed)) throw error;
  console.log(error instanceof Skipped ? `skipped: ${error.message}` : `not built: ${error.message}`);
  process.exitCode = error instanceof Skipped ? 2 : 3;
}
