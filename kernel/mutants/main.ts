/**
 * `npm run test:linux:mutants`: faults of the module's exporter and importer, then one-line faults in the kernel's own
 * core and in the tree's iommufd pair, each to be caught by the rule it names; the kernels without a fault show nothing
 * in the same programs. With words as arguments: only faults whose rule or name has one of them.
 */
import { InvalidArgumentError } from "commander";
import { script } from "../../cli/words/script.ts";
import { buildKernel, ownFolder, type BuiltKernel } from "../build/build.ts";
import { BuildFailed, Skipped } from "../build/skipped.ts";
import { findSource } from "../build/source.ts";
import { partsOf } from "../build/variant.ts";
import { pairEdits } from "../pair/faults.ts";
import { EditedBuild } from "./edited-build.ts";
import { kernelEdits, type KernelEdit } from "./edits.ts";
import { moduleFaults, type ModuleFault } from "./module-faults.ts";
import { faultLine, shortfalls, tableText, type CleanRow, type FaultRow, type Part } from "./table.ts";
import { coreCourt, pairCourt, type Court, type Suspect } from "./trial.ts";

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

function wanted({ rule, name }: { readonly rule: string; readonly name: string }): boolean {
  return words.length === 0 || words.some((word) => rule === word || name.includes(word));
}

const rows: FaultRow[] = [];
const clean: CleanRow[] = [];

/** Notes what came of a fault, and says so at once: all of them take minutes. */
function note(row: FaultRow): void {
  rows.push(row);
  process.stderr.write(`${faultLine(row)}\n`);
}

/** A kernel without a fault in the programs that the part's faults were caught with, those of each rule once. */
async function acquit(part: Part, { trial }: Court, { kernel, root }: Omit<Suspect, "rule">): Promise<void> {
  const programs = new Map<string, number>();
  for (const { part: of, rule, outcome } of rows)
    if (of === part && typeof outcome !== "string")
      programs.set(rule, Math.max(programs.get(rule) ?? 0, outcome.at ?? outcome.programs));
  const row = { part, programs: 0, broken: new Map<string, number>() };
  for (const [rule, most] of programs) {
    const shown = await trial({ kernel, root, rule }, most, true);
    row.programs += shown.programs;
    for (const [id, times] of shown.broken) row.broken.set(id, (row.broken.get(id) ?? 0) + times);
  }
  clean.push(row);
}

async function tryModule(faults: readonly ModuleFault[], { kernel, root }: BuiltKernel): Promise<void> {
  for (const { number, name, rule } of faults) {
    const outcome = await coreCourt.trial({ kernel, root, rule, fault: number }, coreCourt.patience, false);
    note({ part: "module", name, rule, outcome });
  }
  await acquit("module", coreCourt, { kernel, root });
}

async function tryEdits(part: Part, edits: readonly KernelEdit[], court: Court, build: EditedBuild): Promise<void> {
  try {
    for (const edit of edits) {
      const { name, rule } = edit;
      const suspect = build.with(edit);
      const outcome =
        typeof suspect === "string" ? suspect : await court.trial({ ...suspect, rule }, court.patience, false);
      note({ part, name, rule, outcome });
    }
    // Built where those with faults were: nothing of them may be left.
    const original = build.with(null);
    if (typeof original === "string") throw new BuildFailed(original);
    await acquit(part, court, original);
  } finally {
    build.remove();
  }
}

async function all(): Promise<void> {
  const [faults, edits, ofPair] = [moduleFaults.filter(wanted), kernelEdits.filter(wanted), pairEdits.filter(wanted)];
  if (faults.length + edits.length > 0) {
    const built = buildKernel("6.12");
    if (faults.length > 0) await tryModule(faults, built);
    if (edits.length > 0) await tryEdits("core", edits, coreCourt, new EditedBuild(findSource("6.12"), built, []));
  }
  if (ofPair.length > 0) {
    const built = buildKernel("newest", "iommufd");
    const { edits: own } = partsOf(ownFolder(), "iommufd");
    await tryEdits("pair", ofPair, pairCourt, new EditedBuild(findSource("newest"), built, own));
  }
}

/** 0: all caught; 1: not all; 2: something of the machine is missing; 3: a kernel cannot be built. */
async function ending(): Promise<number> {
  try {
    await all();
    return rows.some(({ outcome }) => typeof outcome === "string") ? 3 : 0;
  } catch (error) {
    if (error instanceof Skipped) process.stderr.write(`skipped: ${error.message}\n`);
    else if (error instanceof BuildFailed) process.stderr.write(`not built: ${error.message}\n`);
    else throw error;
    return error instanceof Skipped ? 2 : 3;
  }
}

const code = await ending();
const results = { faults: rows, clean, whole: words.length === 0 };
if (rows.length > 0) console.log(tableText(results));
process.exitCode = code === 0 && shortfalls(results).length > 0 ? 1 : code;
