import type { HistoryEvent } from "../../spec/event.ts";
import { windowsOf } from "./windows.ts";

/** Where two histories of one program part for the first time. */
export interface Difference {
  readonly step: string | null;
  readonly operation: string;
  /** What only the first, and only the second, has in this step. */
  readonly missing: readonly string[];
  readonly extra: readonly string[];
}

/** The first step in which two histories are not the same set of events, or null if there is none. */
export function compare(
  expected: readonly HistoryEvent[],
  actual: readonly HistoryEvent[],
  operationOf: (step: string | null) => string,
): Difference | null {
  const [first, second] = [windowsOf(expected), windowsOf(actual)];
  for (let index = 0; index < Math.max(first.length, second.length); index += 1) {
    const [wanted, got] = [first[index], second[index]];
    const step = (wanted ?? got)!.step;
    const missing = without(wanted?.words ?? [], got?.words ?? []);
    const extra = without(got?.words ?? [], wanted?.words ?? []);
    if (wanted?.step !== got?.step)
      return {
        step,
        operation: operationOf(step),
        missing: [`step ${wanted?.step ?? "-"}`, ...missing],
        extra: [`step ${got?.step ?? "-"}`, ...extra],
      };
    if (missing.length + extra.length > 0) return { step, operation: operationOf(step), missing, extra };
  }
  return null;
}

/** The words of the first list that the second has not, counting repetitions. */
function without(words: readonly string[], others: readonly string[]): readonly string[] {
  const left = [...others];
  return words.filter((word) => {
    const at = left.indexOf(word);
    if (at < 0) return true;
    left.splice(at, 1);
    return false;
  });
}
