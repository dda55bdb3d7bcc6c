import { since } from "../../profile.ts";
import type { Step } from "../../program.ts";
import { regionSize, type RegionRange } from "../../roles/exporter.ts";
import { pageSize } from "../../roles/handles.ts";
import type { exporterOperations } from "../exporter.ts";
import { isFree, usableBuffer, holdsLock, isSignalling, type ClassifyContext, type StepClass } from "./context.ts";
import { promisesRest } from "../../state/promises.ts";

type ExporterStep = Step<keyof typeof exporterOperations>;

/** Whether a buffer has not been asked for yet: neither exported nor being exported. */
function unexported(context: ClassifyContext, name: string): boolean {
  if (context.state.buffers.has(name)) return false;
  return !context.inFlight.some((step) => (step.op === "export" || step.op === "exportRegion") && step.buffer === name);
}

/** Whether the program's last reference to a buffer would go while somebody of its own still needs it. */
function needed(context: ClassifyContext, name: string): boolean {
  for (const attachment of context.state.attachments.values())
    if (attachment.buffer === name && attachment.import === null && isAlive(attachment.phase)) return true;
  for (const view of context.state.views.values())
    if (view.buffer === name && view.live && view.by === "program" && view.kind === "vmap") return true;
  if (context.state.buffers.get(name)?.brackets.some(({ by }) => by === "program") === true) return true;
  // The program's VMAs hold no reference of their own.
  for (const vma of context.state.vmas.values()) if (vma.live && vma.buffer === name) return true;
  // A private reservation object dies with its buffer.
  const resv = context.state.buffers.get(name)?.resv ?? "";
  if ((context.state.reservations.get(resv)?.owner ?? null) !== null) return true;
  return context.inFlight.length > 0;
}

/** References of the program that steps under way still need: those that work on the buffer, and walks that hold it. */
function borrowed(context: ClassifyContext, name: string): number {
  return context.inFlight.filter((step) => step.op === "listBuffers" || ("buffer" in step && step.buffer === name))
    .length;
}

function isAlive(phase: string): boolean {
  return phase === "attaching" || phase === "attached" || phase === "detaching";
}

function exporterOf(context: ClassifyContext, buffer: string) {
  const setup = context.setup.buffers.find((entry) => entry.name === buffer);
  return context.setup.exporters.find((entry) => entry.name === setup?.exporter);
}

function classifyExport(context: ClassifyContext, step: Step<"export">): StepClass {
  if (!isFree(context, step.task) || !unexported(context, step.buffer)) return "undefined";
  const exporter = exporterOf(context, step.buffer);
  if (exporter === undefined || context.state.exporters.get(exporter.name)?.closed === true) return "undefined";
  // Core-side caching is asked for by exporters that the program plays.
  if (step.caching && (!context.profile.cacheSgtMapping || !exporter.kind.startsWith("scripted"))) return "undefined";
  const cachingDynamic = step.caching && exporter.kind === "scriptedDynamic";
  return step.missing.length === 0 && !cachingDynamic ? "enabled" : "refused";
}

/** Ranges that a user asks for: right ones are page-aligned, not empty, inside the region and not too many bytes. */
export function regionRanges(step: Omit<Step<"exportRegion">, "id" | "task" | "op">): readonly RegionRange[] {
  return Array.from({ length: step.count }, (_, index) => ({
    offset: step.offset + index * step.stride,
    length: step.length,
  }));
}

function isRightRegion(step: Step<"exportRegion">): boolean {
  const ranges = regionRanges(step);
  return (
    step.flags === 0 &&
    ranges.length > 0 &&
    ranges.every(
      ({ offset, length }) =>
        length > 0 && offset % pageSize === 0 && length % pageSize === 0 && offset + length <= regionSize,
    )
  );
}

function classifyExportRegion(context: ClassifyContext, step: Step<"exportRegion">): StepClass {
  if (!context.profile.hasRevoke || !isFree(context, step.task) || !unexported(context, step.buffer))
    return "undefined";
  const exporter = exporterOf(context, step.buffer);
  if (exporter === undefined || context.state.exporters.get(exporter.name)?.closed === true) return "undefined";
  return isRightRegion(step) ? "enabled" : "refused";
}

function classifyPut(context: ClassifyContext, step: Step<"put">): StepClass {
  const buffer = usableBuffer(context, step.buffer);
  if (buffer === undefined || !isFree(context, step.task)) return "undefined";
  const others = borrowed(context, step.buffer);
  if (buffer.programRefs > 1 + others) return "enabled";
  return needed(context, step.buffer) ? "undefined" : "enabled";
}

/** Driver operations on one buffer: the exporter's own locks must be free to take. */
function onBuffer(context: ClassifyContext, step: { readonly task: string; readonly buffer: string }): StepClass {
  return usableBuffer(context, step.buffer) !== undefined && isFree(context, step.task) ? "enabled" : "undefined";
}

/** Revoke and what goes with it exist where the series has a revoking exporter. */
function onRevocable(context: ClassifyContext, step: { readonly task: string; readonly buffer: string }): StepClass {
  return context.profile.hasRevoke ? onBuffer(context, step) : "undefined";
}

function onDevice(context: ClassifyContext, step: { readonly task: string; readonly exporter: string }): StepClass {
  if (!context.profile.hasRevoke || !isFree(context, step.task)) return "undefined";
  if (context.state.exporters.get(step.exporter)?.closed === true) return "undefined";
  const busy = context.inFlight.some(
    (other) => other.op === "closeDevice" || other.op === "export" || other.op === "exportRegion",
  );
  return busy ? "undefined" : "enabled";
}

/** Export, descriptors, references, and what exporting devices go through. */
export function classifyExporterStep(context: ClassifyContext, step: ExporterStep): StepClass {
  switch (step.op) {
    case "export":
      return classifyExport(context, step);
    case "exportRegion":
      return classifyExportRegion(context, step);
    case "exportFd":
    case "requestFd": {
      const buffer = usableBuffer(context, step.buffer);
      if (buffer === undefined || !isFree(context, step.task)) return "undefined";
      const others = borrowed(context, step.buffer);
      // The descriptor takes the reference over: the program keeps one for what it still does with the buffer.
      return buffer.programRefs > 1 + others || !needed(context, step.buffer) ? "enabled" : "undefined";
    }
    case "close": {
      const fd = context.state.fds.get(step.fd);
      if (fd === undefined || !isFree(context, step.task)) return "undefined";
      return fd.open ? "enabled" : "refused";
    }
    case "get": {
      const fd = context.state.fds.get(step.fd);
      if (fd === undefined || !isFree(context, step.task)) return "undefined";
      return fd.open ? "enabled" : "refused";
    }
    case "getRef":
      return usableBuffer(context, step.buffer) === undefined ? "undefined" : "enabled";
    case "put":
      return classifyPut(context, step);
    case "invalidate": {
      if (promisesRest(context.state, step.buffer)) return "undefined";
      const buffer = usableBuffer(context, step.buffer);
      if (buffer === undefined || isSignalling(context, step.task)) return "undefined";
      return holdsLock(context, step.task, buffer.resv) ? "enabled" : "undefined";
    }
    case "seek": {
      if (usableBuffer(context, step.buffer) === undefined) return "undefined";
      return step.offset === 0 && (step.whence === 0 || step.whence === 2) ? "enabled" : "refused";
    }
    case "setName":
      if (usableBuffer(context, step.buffer) === undefined || isSignalling(context, step.task)) return "undefined";
      return step.name === null || step.name.length > 31 ? "refused" : "enabled";
    case "getName":
      return usableBuffer(context, step.buffer) === undefined ? "undefined" : "enabled";
    case "listBuffers":
      return since(context.profile.series, "K6.16") && isFree(context, step.task) ? "enabled" : "undefined";
    case "move":
    case "evict":
      return onBuffer(context, step);
    case "revoke":
    case "unrevoke":
    case "revokeForever":
      return onRevocable(context, step);
    case "reset":
    case "setMemory":
      return onDevice(context, step);
    case "closeDevice":
      return context.inFlight.length > 0 ? "undefined" : onDevice(context, step);
    case "unloadOwner":
      return context.inFlight.length > 0 ? "undefined" : "enabled";
  }
}
