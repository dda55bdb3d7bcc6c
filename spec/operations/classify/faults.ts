import type { Step } from "../../program.ts";
import type { faultOperations } from "../fault.ts";
import {
  holdsLock,
  isFree,
  isSignalling,
  usableAttachment,
  usableBuffer,
  type ClassifyContext,
  type StepClass,
} from "./context.ts";

type FaultStep = Step<keyof typeof faultOperations>;

/** An import of a driver that maps on demand, and what it is for. */
function classifyImportStep(context: ClassifyContext, step: Step<"fault" | "prefetch">): StepClass {
  if (!isFree(context, step.task)) return "undefined";
  const row = context.state.imports.get(step.import);
  const kind = context.setup.importers.find(({ name }) => name === row?.importer)?.kind;
  return row?.phase === "live" && kind !== "scripted" ? "enabled" : "undefined";
}

function classifyBind(context: ClassifyContext, step: Step<"bindSlot">): StepClass {
  const importer = context.setup.importers.find(({ name }) => name === step.importer);
  if (importer === undefined || importer.kind === "scripted" || context.state.slots.has(step.slot)) return "undefined";
  const buffer = usableBuffer(context, step.buffer);
  if (buffer === undefined || !isFree(context, step.task)) return "undefined";
  return step.offset + step.length > buffer.size ? "refused" : "enabled";
}

function classifyNegotiate(context: ClassifyContext, step: Step<"negotiate">): StepClass {
  const { state, setup } = context;
  const importer = setup.importers.find(({ name }) => name === step.importer);
  if (importer?.kind !== "scripted" || importer.ops !== "callback" || state.attachments.has(step.attachment))
    return "undefined";
  // Who is told of a loss and does not let go agrees to nothing that can be lost.
  if (importer.onInvalidate !== "unmap") return "undefined";
  if (usableBuffer(context, step.buffer) === undefined || !isFree(context, step.task)) return "undefined";
  return step.accept.length === 0 ? "refused" : "enabled";
}

/** Faults, slots, physical lists and negotiations. */
export function classifyFaultStep(context: ClassifyContext, step: FaultStep): StepClass {
  const { state } = context;
  switch (step.op) {
    case "fault":
    case "prefetch":
      return classifyImportStep(context, step);
    case "bindSlot":
      return classifyBind(context, step);
    case "unbindSlot":
    case "guestAccess": {
      const slot = state.slots.get(step.slot);
      if (slot?.phase !== "live" || !isFree(context, step.task)) return "undefined";
      return step.op === "unbindSlot" || step.page * 4096 < slot.length ? "enabled" : "undefined";
    }
    case "makePrivate":
    case "restrict":
      if (!isFree(context, step.task)) return "undefined";
      return usableBuffer(context, step.buffer) === undefined ? "undefined" : "enabled";
    case "negotiate":
      return classifyNegotiate(context, step);
    case "mapPhysical":
    case "unmapPhysical": {
      const attachment = usableAttachment(context, step.attachment);
      if (attachment === undefined || isSignalling(context, step.task)) return "undefined";
      const resv = state.buffers.get(attachment.buffer)?.resv ?? "";
      if (!holdsLock(context, step.task, resv)) return "undefined";
      if (step.op === "unmapPhysical") return state.physicalLists.has(step.attachment) ? "enabled" : "undefined";
      if (state.physicalLists.has(step.attachment)) return "undefined";
      return state.agreements.get(step.attachment)?.model === "physical" ? "enabled" : "refused";
    }
  }
}
