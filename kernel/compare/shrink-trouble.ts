import type { Plan } from "../../adapters/linux/compile.ts";
import type { KernelRun } from "../../adapters/linux/linux.ts";
import { admitting } from "../../conformance/replay.ts";
import type { Shrunk } from "../../generators/shrink/session.ts";
import { shrink } from "../../generators/shrink/shrink.ts";
import { profileNamed } from "../../spec/profile-name.ts";
import type { Program } from "../../spec/program.ts";
import { faulty, isComparable } from "./campaign.ts";
import { common, commonSetup, kinds, replayPlan, type Drawn } from "./draw-plan.ts";
import type { KnownDifferences } from "./known-differences.ts";
import type { RunsPlans } from "./runs-plans.ts";
import { shows, type Shape } from "./shape.ts";

/** A program whose runs on reference and kernel show something. */
export interface Culprit {
  readonly drawn: Drawn;
  readonly shape: Shape;
}

/** The shortest program found that shows the same. */
export interface ShortestCulprit {
  readonly shape: Shape;
  readonly drawn: Drawn;
  /** Its run on a fresh kernel. */
  readonly run: KernelRun;
  /** Candidates that were run, and steps of the program that was handed in. */
  readonly executions: number;
  readonly initial: number;
  /** False: a fresh kernel does not show it, neither by a shorter program nor by this one. */
  readonly reproduced: boolean;
}

/** Settings of `shrinkCulprits`. */
export interface ShrinkCulpritsOptions {
  readonly known: KnownDifferences;
  /** A fault of the module's exporter or importer. */
  readonly fault?: number | undefined;
  /** Most candidates of one culprit. */
  readonly executions?: number;
}

/** Candidates of a program: many are turned down without a kernel. */
const usual = 600;
/** Kernels that may be lost to candidates of one culprit: each costs its start, or the time until a hang is one. */
const mostLost = 60;

/**
 * Shrinks programs, each to the shortest that shows the same on this kernel. Candidates of all of them run in one batch;
 * a kernel that one of them spoils is replaced. What is found is run once more, on a fresh kernel.
 * Rejects with MachineLost if no kernel starts.
 */
export async function shrinkCulprits(
  kernel: RunsPlans,
  culprits: readonly Culprit[],
  options: ShrinkCulpritsOptions,
): Promise<readonly ShortestCulprit[]> {
  const { version } = await kernel.introduction();
  const batch = new Batch(kernel, options.fault);
  const trials = culprits.map(({ shape, drawn }) => new Trial(batch, shape, drawn, options.known, version));
  const shortest = await Promise.all(
    trials.map(async (trial) => ({ trial, result: await trial.shrink(options.executions ?? usual) })),
  );
  const confirmed: ShortestCulprit[] = [];
  for (const { trial, result } of shortest) {
    kernel.renew();
    const drawn = trial.prepared(result.program) ?? trial.first;
    const run = await batch.run(drawn.plan);
    const reproduced = result.reproduced && trial.shows(drawn, run);
    const { executions, initial } = result;
    confirmed.push({ shape: trial.shape, drawn, run, executions, initial, reproduced });
  }
  return confirmed;
}

/** Plans that are waiting to be run, together. */
class Batch {
  private readonly kernel: RunsPlans;
  private readonly fault: number | undefined;
  private waiting: { readonly plan: Plan; readonly settle: (runs: Promise<KernelRun>) => void }[] = [];
  private running = false;

  constructor(kernel: RunsPlans, fault: number | undefined) {
    this.kernel = kernel;
    this.fault = fault;
  }

  run(plan: Plan): Promise<KernelRun> {
    return new Promise((settle) => {
      this.waiting.push({ plan: faulty(plan, this.fault), settle });
      // Whoever else was told an answer has a candidate soon.
      if (!this.running) setImmediate(() => void this.flush());
      this.running = true;
    });
  }

  private async flush(): Promise<void> {
    const batch = this.waiting;
    this.waiting = [];
    // One that throws at once must not leave the others waiting.
    const runs = (async () => this.kernel.run(batch.map(({ plan }) => plan)))();
    for (const [index, { settle }] of batch.entries()) settle(runs.then((all) => all[index]!));
    await runs.catch(() => undefined);
    if (this.waiting.length > 0) setImmediate(() => void this.flush());
    else this.running = false;
  }
}

/** The search for the shortest of one culprit. */
class Trial {
  readonly shape: Shape;
  readonly first: Drawn;
  private readonly batch: Batch;
  private readonly known: KnownDifferences;
  private readonly version: string;
  private lost = 0;

  constructor(batch: Batch, shape: Shape, first: Drawn, known: KnownDifferences, version: string) {
    this.batch = batch;
    this.shape = shape;
    this.first = first;
    this.known = known;
    this.version = version;
  }

  shrink(executions: number) {
    return shrink(this.first.program, (candidate) => this.try(candidate), { executions, kinds });
  }

  /** A candidate as both sides can play it; null where they cannot. */
  prepared(candidate: Program): Drawn | null {
    // Inside a step nobody can be held up in a kernel.
    if (candidate.schedule.length + candidate.failures.length > 0) return null;
    const setup = commonSetup(candidate.setup);
    const program = { ...candidate, setup, steps: candidate.steps.map((step) => common({ ...step })) };
    const drawn = replayPlan(program, { admit: admitting(setup, profileNamed(program.profile)) });
    if (!isComparable(drawn)) return null;
    return { ...drawn, seed: this.first.seed, program: { ...program, steps: drawn.plan.steps } };
  }

  shows(drawn: Drawn, run: KernelRun): boolean {
    return shows(this.shape, drawn, run, this.known, this.version) !== null;
  }

  private async try(candidate: Program): Promise<Shrunk | null> {
    const drawn = this.lost < mostLost ? this.prepared(candidate) : null;
    if (drawn === null) return null;
    const run = await this.batch.run(drawn.plan);
    if (run.end !== "whole") this.lost += 1;
    const shown = shows(this.shape, drawn, run, this.known, this.version);
    return shown === null ? null : { program: drawn.program, last: shown.last };
  }
}
