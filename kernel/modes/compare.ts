import { Linux } from "../../adapters/linux/linux.ts";
import type { BuiltKernel } from "../build/build.ts";
import { codeKey } from "../code-key.ts";
import { campaign } from "../compare/campaign.ts";
import { culpritsOf, shortestText } from "../compare/culprits.ts";
import { comparedExporters, drawPlan } from "../compare/draw-plan.ts";
import { KeptSlices } from "../compare/kept.ts";
import { KnownDifferences } from "../compare/known-differences.ts";
import { shrinkCulprits } from "../compare/shrink-trouble.ts";
import { addTally, emptyTally, type Tally } from "../compare/tally.ts";
import { isGood, textOf, unmatched } from "../compare/text.ts";
import { impatient } from "../deadlines.ts";
import { staleFindings } from "../findings.ts";
import { few, usual, type Options } from "../options.ts";
import { profileOf, stored, type Mode } from "./mode.ts";

/** Seeds that are compared, and kept, at a time. */
const sliceSeeds = 1000;

/** The same programs on the reference and on a kernel. */
export const run: Mode = async (linux, built, options) => {
  const { version, root } = built;
  const { longest, fault, show } = options;
  const programs = options.programs ?? (options.slice ? few : usual);
  const known = new KnownDifferences(stored("differences.json"));
  const introduction = await linux.introduction();
  const kept = new KeptSlices(options.keep ?? null, `${version} ${root} ${longest} ${codeKey()}`);
  const profile = profileOf(version);
  const total = emptyTally();
  for (let firstSeed = options.seed; total.programs < programs; firstSeed += sliceSeeds) {
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
  const { operations, hooks } = introduction;
  const offered = { operations: [...operations.keys()], hooks, exporters: Object.keys(comparedExporters) };
  const text = textOf(total, { version, offered, known: known.entries, show });
  const stale = [...unmatched(total, version, known.entries), ...(await staleOn(built))];
  const status = isGood(total, offered) && stale.length === 0 ? "good" : "bad";
  const shortest = status === "good" ? [] : await shortestOn(built, total, known, options);
  return { status, words: [...shortest, ...stale.map((line) => `  stale: ${line}`), text].join("\n") };
};

/** The shortest programs of what a comparison found. A candidate that hangs costs less than a program that might. */
async function shortestOn(
  { kernel, root, version }: BuiltKernel,
  tally: Tally,
  known: KnownDifferences,
  { longest, show, fault, output }: Options,
): Promise<readonly string[]> {
  const linux = new Linux({ kernel, root, ...impatient }, 1);
  try {
    const { operations } = await linux.introduction();
    const draw = (seed: number) => drawPlan(seed, { profile: profileOf(version), longest, operations });
    const culprits = culpritsOf(tally, draw, show);
    return shortestText(await shrinkCulprits(linux, culprits, { known, fault }), version, output);
  } finally {
    linux.close();
  }
}

/** Findings that no longer show. What they end in is mostly a hang, and is waited for. */
async function staleOn({ kernel, root, version }: BuiltKernel): Promise<readonly string[]> {
  const linux = new Linux({ kernel, root, ...impatient }, 0);
  try {
    return await staleFindings(linux, version);
  } finally {
    linux.close();
  }
}
