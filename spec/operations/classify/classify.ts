import type { Step } from "../../program.ts";
import { addedOperation } from "../added.ts";
import type { OperationName } from "../operations.ts";
import { cpuOperations } from "../cpu.ts";
import { exporterOperations } from "../exporter.ts";
import { faultOperations } from "../fault.ts";
import { fenceOperations } from "../fence.ts";
import { importerOperations } from "../importer.ts";
import { platformOperations } from "../platform.ts";
import { reservationOperations } from "../reservation.ts";
import { spaceOperations } from "../space.ts";
import { syncOperations } from "../sync.ts";
import { classifyExporterStep } from "./buffers.ts";
import { collides, type ClassifyContext, type StepClass } from "./context.ts";
import { classifyCpuStep } from "./cpu.ts";
import { classifyFaultStep } from "./faults.ts";
import { classifyFenceStep } from "./fences.ts";
import { classifyImporterStep } from "./importers.ts";
import { classifyPlatformStep } from "./platform.ts";
import { classifyReservationStep } from "./reservations.ts";
import { classifySpaceStep } from "./spaces.ts";
import { classifySyncStep } from "./sync.ts";

type Classifier = (context: ClassifyContext, step: Step) => StepClass;

/** Who knows an operation. A look-up, as every draw comes here. */
const classifiers = new Map<OperationName, Classifier>();
for (const [operations, classifier] of [
  [exporterOperations, classifyExporterStep],
  [importerOperations, classifyImporterStep],
  [reservationOperations, classifyReservationStep],
  [fenceOperations, classifyFenceStep],
  [platformOperations, classifyPlatformStep],
  [cpuOperations, classifyCpuStep],
  [spaceOperations, classifySpaceStep],
  [syncOperations, classifySyncStep],
  [faultOperations, classifyFaultStep],
] as const)
  for (const name of Object.keys(operations)) classifiers.set(name as OperationName, classifier as Classifier);

const unknown: Classifier = () => "undefined";

/** What a step would be if it ran now, for a program that keeps the contract itself. */
export function classify(context: ClassifyContext, step: Step): StepClass {
  if (collides(context, step)) return "undefined";
  return (classifiers.get(step.op) ?? addedOperation(step.op)?.classify ?? unknown)(context, step);
}

/** Whether a step may be carried out: legal, or misuse that says so and that a kernel survives. */
export function admits(context: ClassifyContext, step: Step): boolean {
  const kind = classify(context, step);
  if (kind === "enabled" || kind === "refused") return step.misuse !== true;
  return kind === "reported" && step.misuse === true;
}
