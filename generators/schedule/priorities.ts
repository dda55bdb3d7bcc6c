import type { Random } from "../random.ts";
import type { Others } from "./scheduling.ts";

/** Priorities of tasks, drawn when first asked for: who comes later is placed at random among the others. */
export class Priorities {
  private readonly random: Random;
  private readonly known = new Map<string, number>();

  constructor(random: Random) {
    this.random = random;
  }

  /** From 0 to 1 unless it was set. */
  of(task: string): number {
    return this.known.get(task) ?? this.renew(task);
  }

  set(task: string, priority: number): void {
    this.known.set(task, priority);
  }

  /** Draws it anew. */
  renew(task: string): number {
    const priority = this.random.next() / 2 ** 32;
    this.known.set(task, priority);
    return priority;
  }

  /** Of several tasks the one that goes first; null of none. */
  first(tasks: readonly string[]): string | null {
    let first: string | null = null;
    for (const task of tasks) if (first === null || this.of(task) > this.of(first)) first = task;
    return first;
  }

  /** Whether somebody else goes before this task. */
  isBehind(task: string, { parked, idle }: Others): boolean {
    const own = this.of(task);
    return parked.some((other) => this.of(other) > own) || idle.some((other) => this.of(other) > own);
  }

  /** The parked task that goes before all idle ones, if one does. */
  firstParked({ parked, idle }: Others): string | null {
    const first = this.first(parked);
    return first === null || this.isBehind(first, { parked: [], idle }) ? null : first;
  }
}
