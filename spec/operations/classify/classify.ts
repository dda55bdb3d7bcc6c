import type { Step } from "../../program.ts";
import { exporterOperations } from "../exporter.ts";
import { importerOperations } from "../importer.ts";
import { reservationOperations } from "../reservation.ts";
import { classifyExporterStep } from "./buffers.ts";
import { collides, type ClassifyContext, type StepClass } from "./context.ts";
import { classifyFenceStep } from "./fences.ts";
import { classifyImporterStep } from "./importers.ts";
import { classifyReservationStep } from "./reservations.ts";

/** What a step would be if it ran now, for a program that keeps the contract itself. */
export function classify(context: ClassifyContext, step: Step): StepClass {
  if (collides(context, step)) return "undefined";
  if (step.op in exporterOperations)
    return classifyExporterStep(context, step as Parameters<typeof classifyExporterStep>[1]);
  if (step.op in importerOperations)
    return classifyImporterStep(context, step as Parameters<typeof classifyImporterStep>[1]);
  if (step.op in reservationOperations)
    return classifyReservationStep(context, step as Parameters<typeof classifyReservationStep>[1]);
  return classifyFenceStep(context, step as Parameters<typeof classifyFenceStep>[1]);
}

/** Whether a step may be carried out: legal, or misuse that says so and that a kernel survives. */
export function admits(context: ClassifyContext, step: Step): boolean {
  const kind = classify(context, step);
  if (kind === "enabled" || kind === "refused") return step.misuse !== true;
  return kind === "reported" && step.misuse === true;
}
