import type { Find, Findings } from "../conformance/campaign/findings.ts";
import { mergeFindings, nothingFound } from "../conformance/campaign/findings.ts";
import { isOwned, slicesOf, type Shard } from "../conformance/campaign/part.ts";
import type { Prepared, PrepareOptions } from "../conformance/campaign/prepare.ts";
import type { Counterexample } from "../conformance/counterexample.ts";
import { BadInput } from "../spec/bad-input.ts";
import { WorkFailed, type Pool } from "./pool.ts";
import type { Beat, SubjectRef } from "./requests.ts";

/** What a run of a campaign is given. */
export interface CampaignRunOptions {
  readonly subject: SubjectRef;
  readonly prepared: Prepared;
  readonly prepare: PrepareOptions;
  readonly shard: Shard;
  /** Slices at a time. */
  readonly workers: number;
  /** What was done before; nothing for a new campaign. */
  readonly before?: Findings;
  /** Asked before every slice: true ends the run where the slices under way end. */
  readonly isOver?: () => boolean;
  /** Settles when the run has to end at once. */
  readonly stopped?: Promise<void>;
  /** Number of slices without end: `isOver` says when. */
  readonly endless?: boolean;
  readonly beat?: (beat: Beat) => void;
  readonly found?: (find: Find) => void;
  /** After every slice. A BadInput that it throws ends the run: what was found is still answered. */
  readonly sliced?: (slice: number, findings: Findings) => void;
}

/** What a run came to. */
export interface CampaignRun {
  readonly findings: Findings;
  /** Counterexamples of the finds; empty where the run was ended early. */
  readonly counterexamples: readonly Counterexample[];
  /** Why it did not come to its end, in words; null if it did. */
  readonly ended: string | null;
  /** Seconds that threads worked. */
  readonly seconds: number;
}

function* numbersOf({ shard, prepared, before, endless }: CampaignRunOptions): Generator<number> {
  const done = new Set(before?.slices);
  if (endless === true) {
    for (let slice = 0; ; slice += 1) if (isOwned(shard, slice) && !done.has(slice)) yield slice;
  } else yield* slicesOf(shard, prepared.campaign).filter((slice) => !done.has(slice));
}

/** Runs the slices of a shard on the threads of a pool, then shrinks what they found. */
export async function runOnPool(pool: Pool, options: CampaignRunOptions): Promise<CampaignRun> {
  const { subject, prepared, prepare, workers, isOver = () => false } = options;
  let findings = options.before ?? nothingFound;
  let seconds = 0;
  let ended: string | null = null;
  const numbers = numbersOf(options);

  async function lane(): Promise<void> {
    while (ended === null && !isOver()) {
      const next = numbers.next();
      if (next.done === true) return;
      const work = { kind: "slice", subject, options: prepare, slice: next.value } as const;
      try {
        const answered = await pool.run(work, options);
        seconds += answered.seconds;
        findings = mergeFindings(findings, answered.answer, prepared.campaign.rules);
        options.sliced?.(next.value, findings);
      } catch (error) {
        ended ??= whyFailed(error);
      }
    }
  }

  if (prepared.about.fault !== null) return { findings, counterexamples: [], ended: null, seconds };
  const lanes = Promise.all(Array.from({ length: workers }, lane));
  if ((await orStopped(lanes, options.stopped)) === null) ended = "stopped";
  if (ended !== null) return { findings, counterexamples: [], ended, seconds };
  const shrinking = Promise.allSettled(
    findings.finds.map((find) => pool.run({ kind: "shrink", subject, options: prepare, finds: [find] })),
  );
  const shrunk = await orStopped(shrinking, options.stopped);
  if (shrunk === null) return { findings, counterexamples: [], ended: "stopped", seconds };
  const counterexamples: Counterexample[] = [];
  for (const one of shrunk)
    if (one.status === "fulfilled") {
      counterexamples.push(...one.value.answer);
      seconds += one.value.seconds;
    } else ended ??= whyFailed(one.reason);
  return { findings, counterexamples, ended, seconds };
}

/** What the work comes to; null where the run has to end before. */
function orStopped<T>(work: Promise<T>, stopped: Promise<void> | undefined): Promise<T | null> {
  return stopped === undefined ? work : Promise.race([work, stopped.then(() => null)]);
}

/** Why work on a thread came to nothing; whatever is no such failure is thrown on. */
function whyFailed(error: unknown): string {
  if (error instanceof WorkFailed || error instanceof BadInput) return error.message;
  throw error;
}

/** What all runs of a whole campaign break together. */
export interface JointRun {
  readonly counterexamples: readonly Counterexample[];
  /** Why it did not come to its end, in words; null if it did. */
  readonly ended: string | null;
}

/** The counterexamples of what all runs of a whole campaign break together. */
export async function jointOnPool(
  pool: Pool,
  { subject, prepare }: Pick<CampaignRunOptions, "subject" | "prepare">,
  findings: Findings,
): Promise<JointRun> {
  if (findings.slices.length === 0) return { counterexamples: [], ended: null };
  try {
    const { answer } = await pool.run({ kind: "joint", subject, options: prepare, findings });
    return { counterexamples: answer, ended: null };
  } catch (error) {
    return { counterexamples: [], ended: whyFailed(error) };
  }
}
