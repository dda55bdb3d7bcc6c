/**
 * `npm run test:linux`: the same programs on the reference and on real kernels. Options: `--programs N` on each kernel,
 * `--series 6.12|newest`, `--seed N` first, `--longest N` steps, `--show N` differences in full, `--build` stops once built, `--explain SEED` shows one program on both.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { Linux } from "../adapters/linux/linux.ts";
import { MachineLost } from "../adapters/linux/machine.ts";
import { buildKernel, ownFolder, type BuiltKernel } from "./build/build.ts";
import { BuildFailed, Skipped } from "./build/skipped.ts";
import type { SeriesWanted } from "./build/source.ts";
import { campaign } from "./compare/campaign.ts";
import { drawPlan } from "./compare/draw-plan.ts";
import { KnownDifferences } from "./compare/known-differences.ts";
import { sideBySide } from "./compare/side-by-side.ts";
import { isGood, textOf } from "./compare/text.ts";

const { values } = parseArgs({
  options: {
    programs: { type: "string", default: "3000" },
    series: { type: "string", multiple: true, default: ["6.12", "newest"] },
    seed: { type: "string", default: "1" },
    longest: { type: "string", default: "80" },
    show: { type: "string", default: "3" },
    explain: { type: "string" },
    build: { type: "boolean", default: false },
  },
});

const known = new KnownDifferences(readFileSync(join(ownFolder(), "../test/kernel/differences.json"), "utf8"));

/** The contract that a kernel follows, as far as it is encoded. */
function profileOf(version: string): string {
  return version.startsWith("6.12.") ? "K6.12+moveNotify" : "K7.1";
}

const deadlines = { startDeadline: 60_000, batchDeadline: 60_000 };

async function explain({ kernel, root, version }: BuiltKernel, seed: number): Promise<void> {
  const linux = new Linux({ kernel, root, ...deadlines }, 0);
  try {
    const { operations } = await linux.introduction();
    const drawn = drawPlan(seed, { profile: profileOf(version), longest: Number(values.longest), operations });
    const [run] = await linux.run([drawn.plan]);
    console.log(sideBySide(drawn, run!));
  } finally {
    linux.close();
  }
}

async function compareOn(built: BuiltKernel): Promise<boolean> {
  const { kernel, root, version } = built;
  const linux = new Linux({ kernel, root, ...deadlines }, 2);
  const begun = process.hrtime.bigint();
  try {
    const result = await campaign(linux, {
      profile: profileOf(version),
      firstSeed: Number(values.seed),
      programs: Number(values.programs),
      longest: Number(values.longest),
      known,
      progress: (done) => {
        if (process.stderr.isTTY) process.stderr.write(`\r${version}: ${done} programs`);
      },
    });
    const seconds = Number(process.hrtime.bigint() - begun) / 1e9;
    console.log(textOf(result, { version, seconds, kernels: linux.started, show: Number(values.show) }));
    return isGood(result);
  } finally {
    linux.close();
  }
}

let good = true;
let failed = false;
for (const wanted of values.series as SeriesWanted[]) {
  try {
    const begun = process.hrtime.bigint();
    const built = buildKernel(wanted);
    const seconds = (Number(process.hrtime.bigint() - begun) / 1e9).toFixed(1);
    console.log(
      `${wanted}: Linux ${built.version} (${built.origin}), ${built.fresh ? `built in ${seconds} s` : `from the cache in ${seconds} s`}`,
    );
    if (values.explain !== undefined) await explain(built, Number(values.explain));
    else if (!values.build && !(await compareOn(built))) good = false;
  } catch (error) {
    if (error instanceof Skipped) console.log(`${wanted}: skipped: ${error.message}`);
    else if (error instanceof BuildFailed) {
      console.log(`${wanted}: not built: ${error.message}`);
      failed = true;
    } else if (error instanceof MachineLost) {
      console.log(`${wanted}: the kernel does not run here: ${error.message}\n${error.log.slice(-2000)}`);
      failed = true;
    } else throw error;
  }
}
process.exitCode = failed ? 3 : good ? 0 : 1;
