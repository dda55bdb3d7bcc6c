import { runOnPool } from "../cli/campaign-run.ts";
import { Pool } from "../cli/pool.ts";
import { prepareCampaign, type PrepareOptions } from "../conformance/campaign/prepare.ts";
import { referenceSubject } from "../conformance/reference-subject.ts";

/** Seconds without a sign of life after which a thread is ended. */
const silence = 120;
const shard = { index: 1, count: 1 };
const subject = { word: referenceSubject.name, index: 0 };

async function runSlices(pool: Pool, workers: number, slices: number, slice: number, seed: number): Promise<void> {
  const prepare: PrepareOptions = { profile: "K7.1", seed, budget: slices * slice, slice };
  const prepared = prepareCampaign(referenceSubject, prepare);
  const { ended } = await runOnPool(pool, { subject, prepared, prepare, shard, workers });
  if (ended !== null) throw new Error(ended);
}

/**
 * Times sooner that two threads come through the slices of one campaign than one does, by the clock: needs two cores that
 * nobody else uses. `operations`: of each of four slices.
 *
 * Both threads first run ten times as many operations, about a usual slice: each has to load the suite and have it
 * compiled, which is paid once, however long the campaign. Until then the compiler's own threads take the other core: a
 * lone cold thread keeps nearly two cores busy, and a second one gains little.
 */
export async function measureWorkers(operations: number): Promise<number> {
  const pool = new Pool(2, silence);
  try {
    await runSlices(pool, 2, 2, 10 * operations, 2);
    const seconds = { one: 0, two: 0 };
    // In this order, so that whatever still gets faster does so for both alike.
    for (const which of ["one", "two", "two", "one"] as const) {
      const began = performance.now();
      await runSlices(pool, which === "one" ? 1 : 2, 4, operations, 1);
      seconds[which] += performance.now() - began;
    }
    return seconds.one / seconds.two;
  } finally {
    pool.close();
  }
}
