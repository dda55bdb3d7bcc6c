import type { KernelRun, Linux } from "../../adapters/linux/linux.ts";
import type { Exercise } from "../../contracts/judge.ts";
import { Judge } from "../../contracts/judge.ts";
import { monitored } from "../../contracts/registry.ts";
import { profileNamed } from "../../spec/profile-name.ts";
import { compare, type Difference } from "./compare.ts";
import { drawPlan, type Drawn } from "./draw-plan.ts";
import type { KnownDifference, KnownDifferences } from "./known-differences.ts";

/** What a comparison of many programs is made of. */
export interface CampaignOptions {
  readonly profile: string;
  readonly firstSeed: number;
  /** Programs to compare. */
  readonly programs: number;
  readonly longest: number;
  readonly known: KnownDifferences;
  /** Told after every batch how many programs are done. */
  readonly progress: (done: number) => void;
}

/** A difference that nobody has looked into, or a rule that a kernel's history breaks. */
export interface Trouble {
  readonly seed: number;
  readonly what: string;
  readonly difference: Difference | null;
  /** The kernel's own words. */
  readonly log: string;
}

/** What a comparison came to. */
export interface CampaignResult {
  programs: number;
  /** Steps that the kernel carried out, and the length of each program in them. */
  steps: number;
  readonly lengths: number[];
  /** Programs in which each operation was carried out, and those in which somebody was blocked. */
  readonly operations: Map<string, number>;
  blocking: number;
  /** Programs after which the kernel had to be thrown away, as the reference said. */
  complaining: number;
  readonly known: Map<KnownDifference, number>;
  /** Rules that kernel histories break, all of them. */
  readonly violations: Map<string, Trouble[]>;
  readonly troubles: Trouble[];
  readonly exercises: readonly Exercise[];
}

/** Programs drawn while a kernel runs those before. */
const batchSize = 256;
/** One program in so many whose run ends in a complaint of the kernel is kept: each costs a kernel. */
const complaintShare = 40;

/** Compares programs on the reference with the same programs on a kernel. Rejects with MachineLost if no kernel starts. */
export async function campaign(linux: Linux, options: CampaignOptions): Promise<CampaignResult> {
  const { version, operations } = await linux.introduction();
  const profile = profileNamed(options.profile);
  const judge = new Judge(monitored(profile.series), profile);
  const result: CampaignResult = {
    programs: 0,
    steps: 0,
    lengths: [],
    operations: new Map(),
    blocking: 0,
    complaining: 0,
    known: new Map(),
    violations: new Map(),
    troubles: [],
    exercises: judge.exercises(),
  };
  let seed = options.firstSeed;
  const draw = (): readonly Drawn[] => {
    const batch: Drawn[] = [];
    for (; batch.length < Math.min(batchSize, options.programs - result.programs - pending); seed += 1) {
      const drawn = drawPlan(seed, { profile: options.profile, longest: options.longest, operations });
      const complains = drawn.events.some(({ kind }) => kind === "warn");
      if (!complains || seed % complaintShare === 0) batch.push(drawn);
    }
    return batch;
  };
  let pending = 0;
  let next = draw();
  while (next.length > 0) {
    const batch = next;
    pending = batch.length;
    const running = linux.run(batch.map(({ plan }) => plan));
    // The kernel has a core of its own: the next programs are drawn meanwhile.
    next = draw();
    const runs = await running;
    pending = 0;
    batch.forEach((drawn, index) => account(result, judge, drawn, runs[index]!, options.known, version));
    options.progress(result.programs);
  }
  return result;
}

function account(
  result: CampaignResult,
  judge: Judge,
  drawn: Drawn,
  run: KernelRun,
  known: KnownDifferences,
  version: string,
): void {
  const { seed, plan } = drawn;
  const done = plan.steps.filter(({ id }) => !run.skipped.has(id));
  result.programs += 1;
  result.steps += done.length;
  result.lengths.push(done.length);
  for (const op of new Set(done.map((step) => step.op)))
    result.operations.set(op, (result.operations.get(op) ?? 0) + 1);
  if (run.events.some(({ kind }) => kind === "blocked")) result.blocking += 1;
  if (run.events.some(({ kind }) => kind === "warn")) result.complaining += 1;
  const difference = differenceOf(drawn, run);
  if (run.end !== "whole") result.troubles.push({ seed, what: run.end, difference, log: run.log });
  else if (difference !== null) {
    const found = known.of(difference, version);
    if (found === null) result.troubles.push({ seed, what: "difference", difference, log: run.log });
    else result.known.set(found, (result.known.get(found) ?? 0) + 1);
  }
  judge.begin();
  for (const event of run.events) judge.event(event);
  for (const { rule, why, seq } of judge.violations) {
    const list = result.violations.get(rule.id) ?? [];
    result.violations.set(rule.id, list);
    list.push({ seed, what: `${why} [event ${seq}]`, difference: null, log: "" });
  }
}

/** Operations that cannot be tried safely where their object is gone: the module leaves such a step out. */
const left = new Set(["fenceGetLive", "get", "close"]);

/** Where a kernel's run of a drawn program first parts from the reference's. */
export function differenceOf({ plan, events }: Drawn, run: KernelRun): Difference | null {
  const names = new Map([...plan.steps, ...plan.drain].map(({ id, op }) => [id, op]));
  const wasLeft = (step: string | null) => step !== null && run.skipped.has(step) && left.has(names.get(step) ?? "");
  return compare(
    events.filter(({ step }) => !wasLeft(step)),
    run.events,
    (step) => names.get(step ?? "") ?? "drain",
  );
}
