import type { Difference } from "./compare.ts";

/** A difference that nobody has looked into, or a rule that a kernel's history breaks. */
export interface Trouble {
  readonly seed: number;
  readonly what: string;
  readonly difference: Difference | null;
  /** The kernel's own words. */
  readonly log: string;
}

/** What a comparison of many programs came to. Plain data: tallies are stored, and added up. */
export interface Tally {
  programs: number;
  /** Steps that the kernel carried out; how many programs have so many of them. */
  steps: number;
  readonly lengths: Record<number, number>;
  /** Programs in which each operation was carried out, and those in which somebody was blocked. */
  readonly operations: Record<string, number>;
  blocking: number;
  /** Programs in which each hook was called, and in which an exporter of each kind exported something. */
  readonly hooks: Record<string, number>;
  readonly exporters: Record<string, number>;
  /** Programs after which the kernel had to be thrown away, as the reference said. */
  complaining: number;
  /** Complaints of kernels by kind, expected or not: in how many programs. */
  readonly complaints: Record<string, number>;
  /** Programs that were left out, by what the module has no room for. */
  readonly tooLarge: Record<string, number>;
  /** Kernels that were lost, and whose programs ran well on the next: nobody's fault that could be shown. */
  unrepeated: number;
  /** Kernels that were started. */
  kernels: number;
  /** Time it took, in milliseconds. */
  milliseconds: number;
  /** Known differences by id. */
  readonly known: Record<string, number>;
  /** Broken rules by id: how many programs, and the first of them. */
  readonly violations: Record<string, { count: number; readonly first: Trouble }>;
  readonly troubles: Trouble[];
  /** How often each rule decided something. */
  readonly exercises: Record<string, number>;
}

/** Nothing compared yet. */
export function emptyTally(): Tally {
  return {
    programs: 0,
    steps: 0,
    lengths: {},
    operations: {},
    blocking: 0,
    hooks: {},
    exporters: {},
    complaining: 0,
    complaints: {},
    tooLarge: {},
    unrepeated: 0,
    kernels: 0,
    milliseconds: 0,
    known: {},
    violations: {},
    troubles: [],
    exercises: {},
  };
}

/** Counts one more, or several, of a name. */
export function count(counts: Record<string, number>, name: string | number, times = 1): void {
  counts[name] = (counts[name] ?? 0) + times;
}

/** Adds a tally to another. */
export function addTally(to: Tally, from: Tally): void {
  for (const name of ["programs", "steps", "blocking", "complaining", "unrepeated", "kernels", "milliseconds"] as const)
    to[name] += from[name];
  for (const name of [
    "lengths",
    "operations",
    "hooks",
    "exporters",
    "complaints",
    "tooLarge",
    "known",
    "exercises",
  ] as const)
    for (const [key, times] of Object.entries(from[name])) count(to[name], key, times);
  for (const [rule, { count: times, first }] of Object.entries(from.violations))
    (to.violations[rule] ??= { count: 0, first }).count += times;
  to.troubles.push(...from.troubles);
}

/** Operations of the program in the middle, by length. */
export function medianLength({ lengths, programs }: Tally): number {
  let seen = 0;
  for (const [length, times] of Object.entries(lengths)) {
    seen += times;
    if (seen * 2 >= programs) return Number(length);
  }
  return 0;
}
