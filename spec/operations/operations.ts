import { addedOperation } from "./added.ts";
import { cpuOperations } from "./cpu.ts";
import type { FieldsOf, Operation } from "./define.ts";
import { exporterOperations } from "./exporter.ts";
import { faultOperations } from "./fault.ts";
import { fenceOperations } from "./fence.ts";
import { importerOperations } from "./importer.ts";
import { platformOperations } from "./platform.ts";
import { reservationOperations } from "./reservation.ts";
import { spaceOperations } from "./space.ts";
import { syncOperations } from "./sync.ts";

/** Every operation of the core contract, by name. */
export const operations = {
  ...exporterOperations,
  ...importerOperations,
  ...reservationOperations,
  ...fenceOperations,
  ...platformOperations,
  ...cpuOperations,
  ...spaceOperations,
  ...syncOperations,
  ...faultOperations,
} as const;

export type OperationName = keyof typeof operations;

/** All names, in the order docs list them. */
export const operationNames = Object.keys(operations) as readonly OperationName[];

const byName: Readonly<Record<string, Operation>> = operations;

/** The record of an operation, without its precise argument types. One of a contract beside the core has to be known. */
export function operationOf(name: OperationName): Operation {
  return byName[name] ?? addedOperation(name)!;
}

/** Arguments of a step of this operation. */
export type StepArgs<K extends OperationName> = FieldsOf<(typeof operations)[K]>;
