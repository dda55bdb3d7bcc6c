import { buildKernel } from "../build/build.ts";
import { deadlines } from "../deadlines.ts";
import type { Outcome } from "../outcome.ts";
import { isGood, pairCampaign, pairText } from "./campaign.ts";
import { drawPair } from "./draw.ts";
import { PairKernel } from "./kernel.ts";
import { wordsOf } from "./steps.ts";

/** How the pair is run. */
export interface PairOptions {
  readonly firstSeed: number;
  readonly programs: number;
  /** Differences in full. */
  readonly show: number;
  /** One program, shown step by step, in their place. */
  readonly explain?: number | undefined;
  /** Only builds the kernel. */
  readonly build?: boolean;
}

/** The tree's own exporter and importer, iommufd's, on a kernel of the newest series that has them. */
export async function runPair(options: PairOptions): Promise<Outcome> {
  const { version, kernel: binary, root, fresh } = buildKernel("newest", "iommufd");
  const how = fresh ? "built" : "from the cache";
  if (options.build === true) return { status: "good", words: `Linux ${version} with the iommufd pair ${how}` };
  const kernel = new PairKernel({ kernel: binary, root, ...deadlines });
  try {
    if (options.explain !== undefined) return { status: "good", words: await explained(kernel, options.explain) };
    const tally = await pairCampaign(kernel, options.firstSeed, options.programs);
    return { status: isGood(tally) ? "good" : "bad", words: pairText(tally, version, options.show) };
  } finally {
    kernel.renew();
  }
}

/** One program, with what the model says and what the kernel shows. */
async function explained(kernel: PairKernel, seed: number): Promise<string> {
  const program = drawPair(seed);
  const [result] = await kernel.run([program]);
  const { run, log } = result!;
  const lines = program.steps.flatMap((step, index) => {
    const expected = [...program.facts[index]!, ...program.sights[index]!];
    const got = run === null ? [] : [...run.facts[index]!, ...run.sights[index]!];
    const same = JSON.stringify(expected) === JSON.stringify(got);
    return [wordsOf(step), `    ${expected.join("; ")}`, ...(same ? [] : [`  ! ${got.join("; ")}`])];
  });
  return [`seed ${seed}`, ...lines, ...(run?.complaints ?? [log.slice(-2000)])].join("\n");
}
