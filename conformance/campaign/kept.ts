import type { Program } from "../../spec/program.ts";

/** A program worth keeping: no shorter or earlier one shows all that it shows. */
export interface Kept {
  readonly program: Program;
  /** Where it came up: slice, and place in the slice. */
  readonly slice: number;
  readonly place: number;
  /** What it shows, as numbers of `Footprint`. */
  readonly features: readonly number[];
}

function length({ program }: Kept): number {
  return program.steps.length + program.schedule.length + program.failures.length;
}

/** Below 0: the first comes first. Shorter programs before longer ones, then earlier ones. */
export function compareKept(first: Kept, second: Kept): number {
  return length(first) - length(second) || first.slice - second.slice || first.place - second.place;
}

/**
 * The best program for each feature. Which programs are left depends on the programs alone and not on the order in which
 * they came: that makes the union of any parts the same.
 */
export class Keeper {
  private readonly best = new Map<number, Kept>();
  private readonly wins = new Map<Kept, number>();

  /** Keeps a program if it is the best for anything. */
  offer(kept: Kept): void {
    let won = 0;
    for (const feature of kept.features) {
      const holder = this.best.get(feature);
      if (holder !== undefined && compareKept(holder, kept) <= 0) continue;
      this.best.set(feature, kept);
      won += 1;
      if (holder !== undefined) this.lose(holder);
    }
    if (won > 0) this.wins.set(kept, won);
  }

  /** Programs that are the best for something, the best first. */
  all(): readonly Kept[] {
    return [...this.wins.keys()].toSorted(compareKept);
  }

  private lose(kept: Kept): void {
    const left = this.wins.get(kept)! - 1;
    if (left === 0) this.wins.delete(kept);
    else this.wins.set(kept, left);
  }
}

/** As few of the programs as together show all that they show, as far as leaving out the longest first gets. */
export function fewest(kept: readonly Kept[]): readonly Kept[] {
  const shownBy = new Map<number, number>();
  for (const { features } of kept)
    for (const feature of features) shownBy.set(feature, (shownBy.get(feature) ?? 0) + 1);
  const isSpare = ({ features }: Kept) => features.every((feature) => shownBy.get(feature)! > 1);
  const left = new Set(kept);
  for (const entry of kept.toSorted((first, second) => compareKept(second, first))) {
    if (!isSpare(entry)) continue;
    left.delete(entry);
    for (const feature of entry.features) shownBy.set(feature, shownBy.get(feature)! - 1);
  }
  return [...left].toSorted(compareKept);
}
