import { referenceSystem } from "../conformance/reference-system.ts";
import type { OperationName } from "../spec/operations/operations.ts";
import { fullJudge, pipeline } from "./programs.ts";

/** What became of the steps that were drawn. */
export interface Useful {
  readonly steps: number;
  /** Steps that did what they name. */
  readonly carriedOut: number;
  /** Draws made to get the steps. */
  readonly draws: number;
  /** Steps that did nothing, by operation, most first. */
  readonly idle: readonly (readonly [OperationName, number])[];
}

/** Steps that leave no event of their own: a mark for the fence's owner, and a job that has ended meanwhile. */
const silent: ReadonlySet<OperationName> = new Set(["finishWork"]);

/** Counts, over programs of fixed seeds, the steps that left anything in the history. */
export function measureUseful(programs: number): Useful {
  const system = referenceSystem();
  const judge = fullJudge();
  const idle = new Map<OperationName, number>();
  let steps = 0;
  let carriedOut = 0;
  let draws = 0;
  for (let seed = 1; seed <= programs; seed += 1) {
    const { program, execution, drawn } = pipeline(system, judge, seed);
    const heard = new Set(execution.events.map((event) => event.step));
    draws += drawn;
    for (const { id, op } of program.steps) {
      steps += 1;
      if (heard.has(id) || silent.has(op)) carriedOut += 1;
      else idle.set(op, (idle.get(op) ?? 0) + 1);
    }
  }
  return { steps, carriedOut, draws, idle: [...idle].toSorted(([, first], [, second]) => second - first) };
}
