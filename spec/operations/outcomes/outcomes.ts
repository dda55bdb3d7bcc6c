import type { CallName } from "../../calls.ts";
import type { CallEvent } from "../../event.ts";
import { addedOperation } from "../added.ts";
import { cpuOperations } from "../cpu.ts";
import { exporterOperations } from "../exporter.ts";
import { faultOperations } from "../fault.ts";
import { fenceOperations } from "../fence.ts";
import { reservationOperations } from "../reservation.ts";
import { spaceOperations } from "../space.ts";
import { importerOperations } from "../importer.ts";
import { syncOperations } from "../sync.ts";
import type { Outcome, OutcomeContext } from "./context.ts";
import { cpuOutcomes } from "./cpu.ts";
import { exporterOutcomes } from "./exporter.ts";
import { faultOutcomes } from "./fault.ts";
import { fenceOutcomes } from "./fence.ts";
import { importerOutcomes } from "./importer.ts";
import { reservationOutcomes } from "./reservation.ts";
import { spaceOutcomes } from "./space.ts";
import { syncOutcomes } from "./sync.ts";

/** When the answer of a call is decided. `between`: anywhere from the call to the return. */
export type Moment = "call" | "return" | "between";

/** The moment for those operations whose answer the rest of their time says nothing about. */
const moments: Partial<Record<CallName, Moment>> = {
  // Afterwards the fence is signaled in any case.
  signal: "call",
  signalTimestamp: "call",
  // What was answered inside them decides.
  addCallback: "return",
  attach: "return",
  map: "return",
  mapUnlocked: "return",
  pin: "return",
  negotiate: "return",
  mapPhysical: "return",
  beginCpu: "return",
  endCpu: "return",
  ioctlSync: "return",
  vmap: "return",
  vmapUnlocked: "return",
  mmap: "return",
  mmapFd: "return",
};

/** When the answer of an operation is decided. */
export function momentOf(op: CallName): Moment {
  return moments[op] ?? "between";
}

/**
 * The legal answers of a call as things are now, the preferred one first: planners take that, judges the whole set.
 * Empty where the history does not say enough. What was refused by injection is legal for whoever asked for it.
 */
export function outcomes(context: OutcomeContext, call: CallEvent): readonly Outcome[] {
  const legal = bySide(context, call);
  const { refused } = context.inside;
  if (refused.length === 0 || legal.length === 0) return legal;
  return [...legal, ...refused.map((errno) => ({ errno, when: "an allocation failed" }))];
}

function bySide(context: OutcomeContext, call: CallEvent): readonly Outcome[] {
  if (call.op in exporterOperations) return exporterOutcomes(context, call as Parameters<typeof exporterOutcomes>[1]);
  if (call.op in importerOperations) return importerOutcomes(context, call as Parameters<typeof importerOutcomes>[1]);
  if (call.op in fenceOperations) return fenceOutcomes(context, call as Parameters<typeof fenceOutcomes>[1]);
  if (call.op in syncOperations) return syncOutcomes(context, call as Parameters<typeof syncOutcomes>[1]);
  if (call.op in cpuOperations) return cpuOutcomes(context, call as Parameters<typeof cpuOutcomes>[1]);
  if (call.op in faultOperations) return faultOutcomes(context, call as Parameters<typeof faultOutcomes>[1]);
  if (call.op in spaceOperations) return spaceOutcomes(context, call as Parameters<typeof spaceOutcomes>[1]);
  if (call.op in reservationOperations)
    return reservationOutcomes(context, call as Parameters<typeof reservationOutcomes>[1]);
  // What a device does on its own: nobody's step asks for it.
  return addedOperation(call.op)?.outcomes(context, call) ?? [];
}
