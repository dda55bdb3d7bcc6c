import type { HistoryEvent } from "../../spec/event.ts";
import { watcher } from "./compile.ts";
import { FactReader } from "./facts.ts";
import { eventsOf } from "./history.ts";
import { readLine, type Line } from "./line.ts";
import type { PairStep } from "./steps.ts";

/** What a kernel showed of one program. */
export interface PairRun {
  /** By step, as the model has them. */
  readonly facts: readonly (readonly string[])[];
  readonly sights: readonly (readonly string[])[];
  /** Complaints of the kernel, by their first lines. */
  readonly complaints: readonly string[];
  readonly events: readonly HistoryEvent[];
  /** Null: the lines end before the program does. */
  readonly ending: { readonly lockdep: boolean; readonly stuck: number; readonly late: number } | null;
}

/** Reads the lines of one program. Throws an Error for a line that means nothing. */
export function decodePair(steps: readonly PairStep[], lines: readonly string[], hooks: readonly string[]): PairRun {
  const facts: string[][] = steps.map(() => []);
  const sights: string[][] = steps.map(() => []);
  const complaints: string[] = [];
  const read: Line[] = [];
  let ending: PairRun["ending"] = null;
  for (const text of lines) {
    const line = readLine(text);
    if (line.kind === "V") {
      const [, lockdep, , stuck, late] = text.split(" ").slice(1).map(Number);
      ending = { lockdep: lockdep === 1, stuck: stuck!, late: late! };
    } else read.push(line);
  }
  const reader = new FactReader(steps, hooks);
  for (const line of read) {
    if (line.kind === "W") complaints.push(line.text);
    const step = steps[line.index];
    if (step === undefined) {
      // What comes before the first step has to work, and is not told.
      if (line.kind === "k") facts[0]?.push(`not prepared: ${line.text}`);
      continue;
    }
    if (line.actor === watcher) sights[line.index]!.push(...reader.sight(line, step));
    else facts[line.index]!.push(...reader.facts(line));
  }
  steps.forEach(({ op }, index) => {
    if (op === "quit") facts[index]!.sort();
  });
  return { facts, sights, complaints, ending, events: eventsOf(steps, read, hooks) };
}
