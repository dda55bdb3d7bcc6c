import { since } from "../../profile.ts";
import type { Step } from "../../program.ts";
import type { FenceState } from "../../state/state.ts";
import type { fenceOperations } from "../fence.ts";
import { isSignalling, usableFence, type ClassifyContext, type StepClass } from "./context.ts";

type FenceStep = Step<keyof typeof fenceOperations>;

/** Fences of one timeline signal in its order: no earlier one may still be unsignaled. */
function mayComplete(context: ClassifyContext, fence: FenceState): boolean {
  for (const other of context.state.fences.values())
    if (other.context === fence.context && !other.signaled && !other.released && other.seqno < fence.seqno)
      return false;
  return true;
}

function classifySignal(context: ClassifyContext, name: string): StepClass {
  const fence = usableFence(context, name);
  if (fence === undefined || fence.kind !== "plain") return "undefined";
  if (fence.signaled) return "refused";
  return mayComplete(context, fence) ? "enabled" : "undefined";
}

/** The last reference may go only when nobody waits on the fence and no callback is pending. */
function classifyPut(context: ClassifyContext, name: string): StepClass {
  const fence = usableFence(context, name);
  if (fence === undefined) return "undefined";
  if (fence.programRefs > 1) return "enabled";
  if (context.inFlight.length > 0) return "undefined";
  if (fence.signaled) return "enabled";
  // The framework warns and tells whoever has a callback there.
  for (const callback of context.state.callbacks.values())
    if (callback.fence === name && callback.state === "pending" && callback.by === "program") return "reported";
  return fence.published ? "undefined" : "enabled";
}

function named(context: ClassifyContext, name: string): StepClass {
  return usableFence(context, name) === undefined ? "undefined" : "enabled";
}

function classifyInit(context: ClassifyContext, step: Step<"fenceInit">): StepClass {
  if (context.state.fences.has(step.fence)) return "undefined";
  const failing = step.hooks.includes("enableFails");
  return failing && step.hooks.includes("enableSignaling") ? "undefined" : "enabled";
}

function classifyCallback(context: ClassifyContext, step: Step<"addCallback">): StepClass {
  if (step.fence === null) return "refused";
  const fence = usableFence(context, step.fence);
  const known = context.state.callbacks.get(step.callback);
  if (fence === undefined || known?.state === "pending" || known?.state === "running") return "undefined";
  if (known !== undefined && known.by !== "program") return "undefined";
  return fence.signaled ? "refused" : "enabled";
}

/** Fences, callbacks, waits, containers. */
export function classifyFenceStep(context: ClassifyContext, step: FenceStep): StepClass {
  switch (step.op) {
    case "fenceInit":
      return classifyInit(context, step);
    // Answers for a released fence too, as a reader without a lock finds it.
    case "fenceGetLive":
      return context.state.fences.get(step.fence)?.by === "program" ? "enabled" : "undefined";
    case "fenceGet":
    case "getStatus":
    case "isSignaled":
    case "enableSignaling":
    case "setFenceDeadline":
      return named(context, step.fence);
    case "fencePut":
      return classifyPut(context, step.fence);
    case "finishWork": {
      const fence = usableFence(context, step.fence);
      return fence?.kind === "plain" && mayComplete(context, fence) ? "enabled" : "undefined";
    }
    case "signal":
    case "signalTimestamp":
      return classifySignal(context, step.fence);
    case "checkAndSignal":
      return since(context.profile.series, "K7.0") ? classifySignal(context, step.fence) : "undefined";
    case "setError": {
      const fence = usableFence(context, step.fence);
      if (fence === undefined || fence.kind !== "plain") return "undefined";
      return !fence.signaled && step.error < 0 && step.error >= -4095 ? "enabled" : "reported";
    }
    case "timestamp": {
      const fence = usableFence(context, step.fence);
      if (fence === undefined) return "undefined";
      return fence.signaled ? "enabled" : "reported";
    }
    case "isLater": {
      const [first, second] = [usableFence(context, step.first), usableFence(context, step.second)];
      if (first === undefined || second === undefined) return "undefined";
      return first.context === second.context ? "enabled" : "reported";
    }
    case "addCallback":
      return classifyCallback(context, step);
    case "removeCallback": {
      const callback = context.state.callbacks.get(step.callback);
      if (usableFence(context, step.fence) === undefined || callback?.fence !== step.fence) return "undefined";
      if (callback.by !== "program") return "undefined";
      return "enabled";
    }
    case "waitFence":
      if (usableFence(context, step.fence) === undefined || isSignalling(context, step.task)) return "undefined";
      return step.timeout < 0 ? "refused" : "enabled";
    case "waitAny":
      if (isSignalling(context, step.task)) return "undefined";
      if (step.fences.some((name) => usableFence(context, name) === undefined)) return "undefined";
      return step.fences.length === 0 || step.timeout < 0 ? "refused" : "enabled";
    case "beginSignalling":
      return "enabled";
    case "endSignalling":
      return isSignalling(context, step.task) ? "enabled" : "undefined";
    case "createArray": {
      if (context.state.fences.has(step.fence) || isSignalling(context, step.task)) return "undefined";
      if (step.signalOnAny && !context.profile.arraySignalOnAny) return "undefined";
      if (step.members.length === 0 || new Set(step.members).size !== step.members.length) return "undefined";
      const members = step.members.map((name) => usableFence(context, name));
      // Creation consumes one reference of each: the program keeps another to go on using it.
      if (members.some((fence) => fence === undefined || fence.programRefs < 2)) return "undefined";
      return members.every((fence) => fence?.kind === "plain") ? "enabled" : "reported";
    }
    case "createChain": {
      if (context.state.fences.has(step.fence) || isSignalling(context, step.task)) return "undefined";
      const contained = usableFence(context, step.contained);
      if (contained === undefined || contained.programRefs < 2 || contained.kind === "chain") return "undefined";
      if (step.previous === null) return "enabled";
      const previous = usableFence(context, step.previous);
      return previous !== undefined && previous.programRefs > 1 && step.previous !== step.contained
        ? "enabled"
        : "undefined";
    }
    case "findSeqno": {
      const fence = usableFence(context, step.fence);
      if (fence === undefined) return "undefined";
      return fence.kind === "chain" ? "enabled" : "refused";
    }
    case "merge":
      if (context.state.fences.has(step.fence) || isSignalling(context, step.task) || step.fences.length === 0)
        return "undefined";
      return step.fences.every((name) => usableFence(context, name) !== undefined) ? "enabled" : "undefined";
  }
}
