import type { Program } from "../../spec/program.ts";
import type { Proposal } from "./proposal.ts";
import { searchContract } from "./search.ts";

/** Operations of a slice; the last one is shorter. */
export const defenceSlice = 100_000;
/** Longer ones as well as the usual: what needs many objects comes up in these alone. */
const lengths = [20, 60, 160, 600];

/** One slice of a long run: what it does is a function of the proposal and of this. */
export interface SliceWork {
  readonly seed: number;
  readonly slice: number;
  readonly budget: number;
}

/** What a slice saw, as plain data. */
export interface SliceResult {
  readonly slice: number;
  readonly programs: number;
  readonly operations: number;
  readonly own: Readonly<Record<string, number>>;
  readonly exercised: Readonly<Record<string, { readonly times: number; readonly programs: number }>>;
  readonly broken: readonly {
    readonly rule: string;
    readonly must: boolean;
    readonly program: Program;
    readonly programs: number;
    readonly operations: number;
  }[];
  readonly unexplained: Readonly<Record<string, number>>;
  readonly fault: string | null;
}

/** The slices of a run of so many operations. */
export function slicesOf(seed: number, operations: number): readonly SliceWork[] {
  return Array.from({ length: Math.ceil(operations / defenceSlice) }, (_, slice) => ({
    seed,
    slice,
    budget: Math.min(defenceSlice, operations - slice * defenceSlice),
  }));
}

/** Searches one slice. */
export async function searchSlice(
  { contract, faults = [], profile = "K7.1" }: Proposal,
  { seed, slice, budget }: SliceWork,
): Promise<SliceResult> {
  const found = await searchContract(contract, contract.roles(faults), {
    profile,
    // No more slices than this have seeds of their own.
    seed: seed * 1000 + slice,
    budget,
    lengths,
  });
  return {
    slice,
    programs: found.programs,
    operations: found.operations,
    own: found.own,
    exercised: Object.fromEntries(found.exercises.map(({ rule, times, programs }) => [rule.id, { times, programs }])),
    broken: found.broken.map(({ rule, program, programs, operations }) => ({
      rule: rule.id,
      must: rule.level === "MUST",
      program,
      programs,
      operations,
    })),
    unexplained: Object.fromEntries(found.unexplained),
    fault: found.fault?.text ?? null,
  };
}

/** The sum of slices, in their order; ends with one in which a MUST breaks. */
export class SliceSum {
  slices = 0;
  programs = 0;
  operations = 0;
  readonly own = new Map<string, number>();
  readonly exercised = new Map<string, { exercised: number; programs: number }>();
  /** The first break of each rule. */
  readonly broken: { readonly slice: number; readonly found: SliceResult["broken"][number] }[] = [];
  readonly unexplained = new Map<string, number>();
  fault: string | null = null;

  get isOver(): boolean {
    return this.fault !== null || this.broken.some(({ found }) => found.must);
  }

  add(result: SliceResult): void {
    this.slices += 1;
    this.programs += result.programs;
    this.operations += result.operations;
    this.fault = result.fault;
    addAll(this.own, result.own);
    addAll(this.unexplained, result.unexplained);
    for (const [id, { times, programs }] of Object.entries(result.exercised)) {
      const before = this.exercised.get(id) ?? { exercised: 0, programs: 0 };
      this.exercised.set(id, { exercised: before.exercised + times, programs: before.programs + programs });
    }
    for (const found of result.broken)
      if (!this.broken.some((one) => one.found.rule === found.rule)) this.broken.push({ slice: result.slice, found });
  }
}

/**
 * Runs slices, `jobs` at a time, and adds them up in their order: the sum is the same for any number of jobs. Slices behind
 * one that ends the run are thrown away.
 */
export async function sumSlices(
  work: readonly SliceWork[],
  run: (work: SliceWork) => Promise<SliceResult>,
  jobs: number,
  progress: (sum: SliceSum) => void,
): Promise<SliceSum> {
  const sum = new SliceSum();
  const pending: Promise<SliceResult>[] = [];
  let next = 0;
  while (!sum.isOver && (next < work.length || pending.length > 0)) {
    while (pending.length < jobs && next < work.length) pending.push(run(work[next++]!));
    sum.add(await pending.shift()!);
    progress(sum);
  }
  // Nobody waits for the rest: what becomes of it is of no interest.
  await Promise.allSettled(pending);
  return sum;
}

function addAll(counts: Map<string, number>, more: Readonly<Record<string, number>>): void {
  for (const [key, times] of Object.entries(more)) counts.set(key, (counts.get(key) ?? 0) + times);
}
