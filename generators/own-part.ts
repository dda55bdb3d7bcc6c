import { operationNames, type OperationName } from "../spec/operations/operations.ts";
import { asOperationName, type AddedOperation } from "../spec/operations/added.ts";

/** What a contract beside the core adds to the choice of operations. */
export interface OwnPart {
  /** The core's, then its own. */
  readonly names: readonly OperationName[];
  /** How often its own are tried, in their order. */
  readonly weights: readonly number[];
  /** What programs that dwell on it hold of the core, as factors in the order of `operationNames`. */
  readonly near: Float64Array;
}

/** How rare an operation of the core that is not near is. */
const outside = 1 / operationNames.length;

/** `near`: the operations of the core that it has to do with. */
export function ownPart(operations: readonly AddedOperation[], near: readonly OperationName[]): OwnPart {
  return {
    names: [...operationNames, ...operations.map(asOperationName)],
    weights: operations.map(({ weight }) => weight),
    near: Float64Array.from(operationNames, (name) => (near.includes(name) ? 1 : outside)),
  };
}
