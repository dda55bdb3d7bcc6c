import { addedOperation } from "../added.ts";
import type { Profile } from "../../profile.ts";
import type { Setup, Step } from "../../program.ts";
import type { AttachmentState, BufferState, FenceState, MappingState, State } from "../../state/state.ts";

/**
 * What a step would be if it ran now.
 * `enabled`: legal. `refused`: legal to ask, the contract names the errno. `reported`: misuse that a kernel warns about
 * and survives. `undefined`: misuse with no defined outcome; never run but on a real kernel.
 */
export type StepClass = "enabled" | "refused" | "reported" | "undefined";

/** What decides it. */
export interface ClassifyContext {
  readonly state: State;
  readonly setup: Setup;
  readonly profile: Profile;
  /** Steps of other tasks that have begun and not ended. */
  readonly inFlight: readonly Step[];
}

/** The task may block and take locks: it holds no lock and is in no signalling section. */
export function isFree({ state }: ClassifyContext, task: string): boolean {
  const row = state.tasks.get(task);
  return row === undefined || (row.held.length === 0 && row.signalling.length === 0 && !hasContext(state, task));
}

/** The task has an acquire context under way. */
export function hasContext(state: State, task: string): boolean {
  for (const acquire of state.acquires.values()) if (acquire.task === task && acquire.phase !== "fini") return true;
  return false;
}

/** The task is in a signalling section. */
export function isSignalling({ state }: ClassifyContext, task: string): boolean {
  return (state.tasks.get(task)?.signalling.length ?? 0) > 0;
}

/** The task holds the reservation lock of this name. */
export function holdsLock({ state }: ClassifyContext, task: string, resv: string): boolean {
  return state.reservations.get(resv)?.owner === task;
}

/** A buffer that the program may use through a reference of its own. */
export function usableBuffer({ state, inFlight }: ClassifyContext, name: string): BufferState | undefined {
  const buffer = state.buffers.get(name);
  if (buffer === undefined || buffer.released) return undefined;
  let leaving = 0;
  for (const step of inFlight) {
    // A walk drops the references that it was given.
    if (step.op === "listBuffers") leaving += 1;
    if ((step.op === "put" || step.op === "exportFd" || step.op === "requestFd") && step.buffer === name) leaving += 1;
  }
  return buffer.programRefs > leaving ? buffer : undefined;
}

/** An attachment of a scripted importer that the program may use. */
export function usableAttachment({ state }: ClassifyContext, name: string): AttachmentState | undefined {
  const attachment = state.attachments.get(name);
  return attachment?.phase === "attached" && attachment.import === null ? attachment : undefined;
}

/** A live mapping of a scripted importer. */
export function usableMapping(context: ClassifyContext, name: string): MappingState | undefined {
  const mapping = context.state.mappings.get(name);
  if (mapping === undefined || !mapping.live) return undefined;
  return usableAttachment(context, mapping.attachment) === undefined ? undefined : mapping;
}

/** A fence of the program's that it holds a reference to. */
export function usableFence({ state, inFlight }: ClassifyContext, name: string): FenceState | undefined {
  const fence = state.fences.get(name);
  if (fence === undefined || fence.by !== "program" || fence.released) return undefined;
  let leaving = 0;
  for (const step of inFlight) if (consumes(step, name)) leaving += 1;
  return fence.programRefs > leaving ? fence : undefined;
}

/** Whether a step under way takes one of the program's references to the fence away. */
function consumes(step: Step, fence: string): boolean {
  switch (step.op) {
    case "fencePut":
      return step.fence === fence;
    case "createArray":
      return step.members.includes(fence);
    case "createChain":
      return step.previous === fence || step.contained === fence;
    default:
      return false;
  }
}

/** Objects a step touches that another task must not touch at the same time. */
export function exclusiveNames(state: State, step: Step): readonly string[] {
  switch (step.op) {
    case "attach":
      return [step.attachment];
    case "detach":
    case "pin":
    case "unpin":
    case "map":
    case "mapUnlocked":
    case "isRevocable":
      return step.attachment === null ? [] : [step.attachment];
    case "unmap":
    case "unmapUnlocked":
    case "access":
      return [step.mapping, state.mappings.get(step.mapping)?.attachment ?? step.mapping];
    case "stop":
    case "release":
      return [step.import];
    case "submit":
      return step.imports;
    case "closeSyncFile":
    case "pollSyncFile":
    case "syncFileInfo":
      return [step.syncFile];
    case "mergeSyncFiles":
      return step.second === null ? [step.first] : [step.first, step.second];
    case "importSyncFile":
      return step.syncFile === null ? [] : [step.syncFile];
    case "createSyncFile":
      return [step.fence];
    case "munmap":
    case "vunmap":
    case "vunmapUnlocked":
      return [step.view];
    // An access needs its bracket as long as it lasts.
    case "cpuAccess":
      return [step.view, `${state.views.get(step.view)?.buffer ?? ""} bracket`];
    case "endCpu":
    case "ioctlSync":
      return [`${step.buffer} bracket`];
    case "close":
    case "get":
      return [step.fd];
    case "complete":
    case "hang":
      return [step.job];
    // What a fence may go through depends on whether it has signaled: one at a time.
    case "signal":
    case "signalTimestamp":
    case "checkAndSignal":
    case "setError":
    case "timestamp":
    case "fencePut":
    case "finishWork":
    case "addFence":
      return [step.fence];
    case "replaceFences":
      return [step.old, step.fence];
    case "addCallback":
    case "removeCallback":
      return step.fence === null ? [step.callback] : [step.callback, step.fence];
    case "createArray":
      return step.members;
    case "createChain":
      return step.previous === null ? [step.contained] : [step.contained, step.previous];
    case "fault":
    case "prefetch":
      return [step.import];
    // Which of two has the last word shows nowhere.
    case "makePrivate":
    case "restrict":
      return [step.buffer];
    case "bindSlot":
    case "unbindSlot":
    case "guestAccess":
      return [step.slot];
    case "negotiate":
    case "mapPhysical":
    case "unmapPhysical":
      return [step.attachment];
    case "mirror":
    case "mirrorFault":
    case "copyPage":
    case "unmirror":
      return [step.mirror];
    case "destroyVma":
    case "vmaFault":
      return [step.vma];
    default:
      return addedOperation(step.op)?.exclusive(step) ?? [];
  }
}

const shareable: ReadonlySet<Step["op"]> = new Set([
  "map",
  "mapUnlocked",
  "submit",
  "get",
  "mirrorFault",
  "fault",
  "prefetch",
  "guestAccess",
  "copyPage",
  "vmaFault",
]);

/** Whether another task is busy with something this step needs for itself. */
export function collides(context: ClassifyContext, step: Step): boolean {
  if (context.inFlight.length === 0) return false;
  const mine = exclusiveNames(context.state, step);
  if (mine.length === 0) return false;
  return context.inFlight.some((other) => {
    if (shareable.has(step.op) && shareable.has(other.op)) return false;
    const theirs = exclusiveNames(context.state, other);
    return mine.some((name) => theirs.includes(name));
  });
}
