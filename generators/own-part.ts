import { operationNames, type OperationName, type StepArgs } from "../spec/operations/operations.ts";
import type { Step } from "../spec/program.ts";
import { asOperationName, type AddedOperation } from "../spec/operations/added.ts";

/** What a contract beside the core adds to the choice of operations. */
export interface OwnPart {
  /** The core's, then its own. */
  readonly names: readonly OperationName[];
  /** How often its own are tried, in their order. */
  readonly weights: readonly number[];
  /** What programs that dwell on it hold of the core, as factors in the order of `operationNames`. */
  readonly near: Float64Array;
  /** Steps of the core that such programs are made of; every step of an operation that is not named. */
  readonly only: Only;
}

/** What steps have to be like, by operation. */
export type Only = { readonly [K in OperationName]?: (of: StepArgs<K>) => boolean };

/** Whether a step is as `only` wants it. */
export function isWanted(only: Only, step: Step): boolean {
  const test = only[step.op] as ((of: Step) => boolean) | undefined;
  return test === undefined || test(step);
}

/** How rare an operation of the core that is not near is. */
const outside = 1 / operationNames.length;

/** `near`: the operations of the core that it has to do with, with factors on how often they come up. */
export function ownPart(
  operations: readonly AddedOperation[],
  near: Partial<Readonly<Record<OperationName, number>>>,
  only: Only,
): OwnPart {
  return {
    names: [...operationNames, ...operations.map(asOperationName)],
    weights: operations.map(({ weight }) => weight),
    near: Float64Array.from(operationNames, (name) => near[name] ?? outside),
    only,
  };
}
