import { runOnPool } from "../cli/campaign-run.ts";
import { Pool } from "../cli/pool.ts";
import { prepareCampaign } from "../conformance/campaign/prepare.ts";
import { referenceSubject } from "../conformance/reference-subject.ts";

/** Seconds without a sign of life after which a thread is ended. */
const silence = 120;

/**
 * Times sooner that two threads come through the slices of one campaign than one does, by the clock: needs two cores that
 * nobody else uses. `operations`: of each of four slices.
 */
export async function measureWorkers(operations: number): Promise<number> {
  const prepare = { profile: "K7.1", seed: 1, budget: 4 * operations, slice: operations };
  const prepared = prepareCampaign(referenceSubject, prepare);
  const subject = { word: referenceSubject.name, index: 0 };
  const shard = { index: 1, count: 1 };
  const seconds: number[] = [];
  for (const workers of [1, 2]) {
    const pool = new Pool(workers, silence);
    // Threads load the suite first: that is paid once, however long the campaign.
    await Promise.all(
      Array.from({ length: workers }, () => pool.run({ kind: "subjects", word: subject.word, options: prepare })),
    );
    const began = performance.now();
    const { ended } = await runOnPool(pool, { subject, prepared, prepare, shard, workers });
    seconds.push(performance.now() - began);
    pool.close();
    if (ended !== null) throw new Error(ended);
  }
  return seconds[0]! / seconds[1]!;
}
