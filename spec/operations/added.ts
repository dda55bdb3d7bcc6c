import type { FieldKinds } from "../call-record.ts";
import type { CallEvent } from "../event.ts";
import type { Step } from "../program.ts";
import type { ClassifyContext, StepClass } from "./classify/context.ts";
import type { Operation } from "./define.ts";
import type { OperationName } from "./operations.ts";
import type { Outcome, OutcomeContext } from "./outcomes/context.ts";

/** An operation that a contract beside the core adds. Steps and calls name it with its contract: `get-pfn.getPfn`. */
export interface AddedOperation extends Operation {
  readonly name: string;
  /** How often it is tried beside the other operations of its contract. */
  readonly weight: number;
  /** What it answers beside its errno. */
  readonly answers: FieldKinds;
  readonly phrase: (of: Readonly<Record<string, unknown>>) => string;
  readonly classify: (context: ClassifyContext, step: Step) => StepClass;
  /** Objects of a step that no other step may touch at the same time. */
  readonly exclusive: (step: Step) => readonly string[];
  /** Empty: whatever it answers is legal. */
  readonly outcomes: (context: OutcomeContext, call: CallEvent) => readonly Outcome[];
}

const added = new Map<string, AddedOperation>();

/** The operation that a contract beside the core has under this name. */
export function addedOperation(name: string): AddedOperation | undefined {
  return added.get(name);
}

/** Makes the operations of a contract known to all who look operations up by name: readers, printers, shrinking. */
export function addOperations(operations: readonly AddedOperation[]): void {
  for (const operation of operations) added.set(operation.name, operation);
}

/** Its name where names of operations are wanted: the types list those of the core. */
export function asOperationName({ name }: AddedOperation): OperationName {
  return name as OperationName;
}
