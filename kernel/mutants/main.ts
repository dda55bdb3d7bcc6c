/**
 * `npm run test:linux:mutants`: one-line faults in the kernel's own core, each to be caught by the rule it names.
 * With words as arguments: only those edits whose rule or name has one of them.
 */
import { cpSync, existsSync, readFileSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { Linux } from "../../adapters/linux/linux.ts";
import { MachineLost } from "../../adapters/linux/machine.ts";
import { buildKernel, makeKernel, ownFolder, type BuiltKernel } from "../build/build.ts";
import { BuildFailed, Skipped } from "../build/skipped.ts";
import { findSource, type Source } from "../build/source.ts";
import { buildEnvironment } from "../build/tools.ts";
import { campaign } from "../compare/campaign.ts";
import { KnownDifferences } from "../compare/known-differences.ts";
import { apply, restore } from "./apply.ts";
import { kernelEdits, type KernelEdit } from "./edits.ts";

/** Programs until a fault counts as missed, and how many at a time. */
const patience = 4000;
const portion = 250;

const known = new KnownDifferences(readFileSync(join(ownFolder(), "../test/kernel/differences.json"), "utf8"));

/** Rules that a kernel's histories break, until the wanted one is among them. */
async function brokenRules(kernel: string, root: string, rule: string): Promise<ReadonlyMap<string, number>> {
  const linux = new Linux({ kernel, root, startDeadline: 60_000, batchDeadline: 20_000 }, 1);
  const broken = new Map<string, number>();
  try {
    for (let first = 1; first < patience && !broken.has(rule); first += portion) {
      const options = { profile: "K6.12+moveNotify", longest: 80, known };
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

async function tryEdit(edit: KernelEdit, source: Source, built: BuiltKernel, folder: string): Promise<boolean> {
  const log = join(folder, "build.log");
  const env = buildEnvironment();
  try {
    apply(source, edit);
    makeKernel(source, folder, env, log, ["linux"]);
    const broken = await brokenRules(join(folder, "linux"), built.root, edit.rule);
    const caught = broken.has(edit.rule);
    const others = [...broken].filter(([id]) => id !== edit.rule).map(([id, times]) => `${id} ${times}`);
    console.log(
      `${caught ? "caught" : "MISSED"}  ${edit.rule.padEnd(9)} ${edit.name}  (also ${others.join(", ") || "nothing"})`,
    );
    return caught;
  } finally {
    restore(source);
  }
}

async function all(): Promise<number> {
  const words = process.argv.slice(2);
  const edits = kernelEdits.filter(
    ({ rule, name }) => words.length === 0 || words.some((word) => rule === word || name.includes(word)),
  );
  const built = buildKernel("6.12");
  const source = findSource("6.12");
  if (source.origin === "KERNEL_SRC") throw new Skipped("KERNEL_SRC is somebody's own: no fault is put into it");
  restore(source);
  const original = dirname(built.kernel);
  const folder = `${original}-mutants`;
  if (!existsSync(folder))
    cpSync(original, folder, { recursive: true, preserveTimestamps: true, verbatimSymlinks: true });
  let caught = 0;
  for (const edit of edits) if (await tryEdit(edit, source, built, folder)) caught += 1;
  rmSync(folder, { recursive: true, force: true });
  console.log(`${caught} of ${edits.length} faults of the kernel caught by the rule they break`);
  return caught === edits.length ? 0 : 1;
}

try {
  process.exitCode = await all();
} catch (error) {
  if (!(error instanceof Skipped) && !(error instanceof BuildFailed)) throw error;
  console.log(error instanceof Skipped ? `skipped: ${error.message}` : `not built: ${error.message}`);
  process.exitCode = error instanceof Skipped ? 2 : 3;
}
