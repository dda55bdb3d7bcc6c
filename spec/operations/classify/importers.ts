import type { Step } from "../../program.ts";
import type { MappingState } from "../../state/state.ts";
import type { importerOperations } from "../importer.ts";
import {
  holdsLock,
  isFree,
  isSignalling,
  usableAttachment,
  usableBuffer,
  usableMapping,
  type ClassifyContext,
  type StepClass,
} from "./context.ts";

type ImporterStep = Step<keyof typeof importerOperations>;

function classifyAttach(context: ClassifyContext, step: Step<"attach">): StepClass {
  const importer = context.setup.importers.find((entry) => entry.name === step.importer);
  if (importer?.kind !== "scripted" || !isFree(context, step.task)) return "undefined";
  if (context.state.attachments.has(step.attachment)) return "undefined";
  if (step.buffer === null) return "refused";
  if (usableBuffer(context, step.buffer) === undefined) return "undefined";
  if (step.noDevice) return "refused";
  return importer.ops === "noCallback" && !context.profile.callbackOptional ? "refused" : "enabled";
}

function classifyDetach(context: ClassifyContext, step: Step<"detach">): StepClass {
  if (!isFree(context, step.task)) return "undefined";
  if (step.attachment === null) return "reported";
  const attachment = usableAttachment(context, step.attachment);
  if (attachment === undefined) return "undefined";
  if (step.buffer === null) return "reported";
  if (step.buffer !== attachment.buffer)
    return usableBuffer(context, step.buffer) === undefined ? "undefined" : "reported";
  if (context.state.physicalLists.has(step.attachment)) return "undefined";
  return attachment.maps.length === 0 && attachment.pins === 0 ? "enabled" : "undefined";
}

/** Pin and unpin: the lock held is the contract, without it the kernel warns and goes on. */
function classifyPin(context: ClassifyContext, step: Step<"pin" | "unpin">): StepClass {
  const attachment = usableAttachment(context, step.attachment);
  if (attachment === undefined || isSignalling(context, step.task)) return "undefined";
  const resv = context.state.buffers.get(attachment.buffer)?.resv ?? "";
  if (step.op === "unpin") {
    if (attachment.pins === 0) return "undefined";
    if (attachment.pins === 1 && attachment.maps.length > 0) return "undefined";
  } else if (attachment.pins === 0 && attachment.maps.length > 0) {
    // A pin encloses the mappings it is for.
    return "undefined";
  }
  if (attachment.ops === "static") return holdsLock(context, step.task, resv) ? "reported" : "undefined";
  return holdsLock(context, step.task, resv) ? "enabled" : "undefined";
}

function classifyMap(context: ClassifyContext, step: Step<"map" | "mapUnlocked">): StepClass {
  if (isSignalling(context, step.task)) return "undefined";
  if (step.attachment === null)
    return step.op === "mapUnlocked" && !isFree(context, step.task) ? "undefined" : "refused";
  const attachment = usableAttachment(context, step.attachment);
  if (attachment === undefined || context.state.mappings.has(step.mapping)) return "undefined";
  // Without the callback only a pin keeps the location while a mapping lives.
  if (attachment.ops === "noCallback" && attachment.pins === 0) return "undefined";
  const resv = context.state.buffers.get(attachment.buffer)?.resv ?? "";
  const ready = step.op === "map" ? holdsLock(context, step.task, resv) : isFree(context, step.task);
  if (!ready) return "undefined";
  if (context.state.agreements.get(step.attachment)?.model === "physical") return "refused";
  return step.direction === "none" ? "refused" : "enabled";
}

function classifyUnmap(context: ClassifyContext, step: Step<"unmap" | "unmapUnlocked">): StepClass {
  const mapping = usableMapping(context, step.mapping);
  if (mapping === undefined || isSignalling(context, step.task)) return "undefined";
  if (mapping.direction !== step.direction) return "undefined";
  const resv = context.state.buffers.get(mapping.buffer)?.resv ?? "";
  const ready = step.op === "unmap" ? holdsLock(context, step.task, resv) : isFree(context, step.task);
  return ready ? "enabled" : "undefined";
}

/** What a scripted importer may do with a mapping now: everything, only reads that are thrown away, or nothing. */
export function accessAllowed(context: ClassifyContext, mapping: MappingState): "full" | "speculative" | "none" {
  const { state, profile } = context;
  if (state.attachments.get(mapping.attachment)?.stopped === true) return "none";
  const resv = state.buffers.get(mapping.buffer)?.resv ?? "";
  const entries = state.reservations.get(resv)?.entries ?? [];
  const pending = entries.some(
    (entry) =>
      (entry.usage === "kernel" || entry.usage === "write") && state.fences.get(entry.fence)?.signaled === false,
  );
  if (!mapping.stale) return pending ? "none" : "full";
  const covered = mapping.grace?.some((name) => {
    const fence = state.fences.get(name);
    return fence !== undefined && !fence.signaled && fence.by === state.attachments.get(mapping.attachment)?.importer;
  });
  // What covers a mapping that is stale covers no new access.
  if (covered === true && !pending) return "full";
  return profile.boundedUnmap ? "speculative" : "none";
}

function classifyAccess(context: ClassifyContext, step: Step<"access">): StepClass {
  const mapping = usableMapping(context, step.mapping);
  if (mapping === undefined) return "undefined";
  // A stale mapping of a buffer in the middle of a callback or revoke is left alone: its phase is changing.
  const allowed = accessAllowed(context, mapping);
  if (allowed === "none" || (allowed === "speculative" && step.kind !== "speculativeRead")) return "undefined";
  if (context.state.buffers.get(mapping.buffer)?.access !== "accessible" && step.kind !== "speculativeRead")
    return "undefined";
  if (mapping.direction === "none") return "undefined";
  if (step.kind === "write" && mapping.direction === "toDevice") return "undefined";
  if (step.kind !== "write" && mapping.direction === "fromDevice") return "undefined";
  return "enabled";
}

/** Attach, pin, map, access, and what importers' users ask for. */
export function classifyImporterStep(context: ClassifyContext, step: ImporterStep): StepClass {
  switch (step.op) {
    case "attach":
      return classifyAttach(context, step);
    case "detach":
      return classifyDetach(context, step);
    case "pin":
    case "unpin":
      return classifyPin(context, step);
    case "map":
    case "mapUnlocked":
      return classifyMap(context, step);
    case "unmap":
    case "unmapUnlocked":
      return classifyUnmap(context, step);
    case "isRevocable":
      if (!context.profile.callbackOptional) return "undefined";
      return usableAttachment(context, step.attachment) === undefined ? "undefined" : "enabled";
    case "access":
      return classifyAccess(context, step);
    case "import": {
      const importer = context.setup.importers.find((entry) => entry.name === step.importer);
      if (importer === undefined || importer.kind === "scripted" || !isFree(context, step.task)) return "undefined";
      if (usableBuffer(context, step.buffer) === undefined || context.state.imports.has(step.import))
        return "undefined";
      return step.direction === "none" ? "refused" : "enabled";
    }
    case "submit": {
      if (!isFree(context, step.task) || step.imports.length === 0) return "undefined";
      if (context.state.jobs.has(step.job) || new Set(step.imports).size !== step.imports.length) return "undefined";
      const ready = step.imports.every((name) => {
        const row = context.state.imports.get(name);
        return row?.phase === "live" && row.importer === step.importer;
      });
      return ready ? "enabled" : "undefined";
    }
    case "complete":
    case "hang":
      return context.state.jobs.get(step.job)?.phase === "running" ? "enabled" : "undefined";
    case "stop":
    case "release":
      if (!isFree(context, step.task)) return "undefined";
      return context.state.imports.get(step.import)?.phase === "live" ? "enabled" : "undefined";
    case "interrupt":
      return step.target === step.task ? "undefined" : "enabled";
  }
}
