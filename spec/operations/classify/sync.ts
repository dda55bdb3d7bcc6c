import type { Step } from "../../program.ts";
import { leavesOf } from "../../state/observe/sync.ts";
import type { State, SyncFileState } from "../../state/state.ts";
import type { syncOperations } from "../sync.ts";
import { isFree, isSignalling, usableBuffer, usableFence, type ClassifyContext, type StepClass } from "./context.ts";

type SyncStep = Step<keyof typeof syncOperations>;

/** A sync file of the program's that is open. */
function usableSyncFile({ state }: ClassifyContext, name: string): SyncFileState | undefined {
  const file = state.syncFiles.get(name);
  return file?.open === true && file.by === "program" ? file : undefined;
}

/** Read, write or both; null where the bridge has to refuse. */
function isBridgeFlags(flags: number, unreadable: boolean): boolean {
  return !unreadable && flags >= 1 && flags <= 3;
}

/** An owner's own wait operation may answer anything: what importers wait for must not hang on it. */
function mayBePublished(state: State, fence: string): boolean {
  return leavesOf(state, fence).every((name) => state.fences.get(name)?.hooks.includes("wait") !== true);
}

function classifyImport(context: ClassifyContext, step: Step<"importSyncFile">): StepClass {
  if (usableBuffer(context, step.buffer) === undefined || !isFree(context, step.task)) return "undefined";
  if (step.other !== null && context.state.fds.get(step.other)?.open !== true) return "undefined";
  if (step.syncFile === null) return "refused";
  if (step.other !== null) return "undefined";
  const file = usableSyncFile(context, step.syncFile);
  if (file === undefined) return context.state.syncFiles.has(step.syncFile) ? "refused" : "undefined";
  if (!isBridgeFlags(step.flags, step.unreadable)) return "refused";
  return mayBePublished(context.state, file.fence) ? "enabled" : "undefined";
}

function classifyMerge(context: ClassifyContext, step: Step<"mergeSyncFiles">): StepClass {
  if (usableSyncFile(context, step.first) === undefined || context.state.syncFiles.has(step.syncFile))
    return "undefined";
  if (!isFree(context, step.task)) return "undefined";
  if (step.other !== null && (step.second !== null || context.state.fds.get(step.other)?.open !== true))
    return "undefined";
  if (step.second === null) return "refused";
  if (!context.state.syncFiles.has(step.second)) return "undefined";
  if (step.flags !== 0 || step.pad !== 0) return "refused";
  return usableSyncFile(context, step.second) === undefined ? "refused" : "enabled";
}

/** Sync files, the bridge, poll. */
export function classifySyncStep(context: ClassifyContext, step: SyncStep): StepClass {
  switch (step.op) {
    case "exportSyncFile":
      if (usableBuffer(context, step.buffer) === undefined || !isFree(context, step.task)) return "undefined";
      if (context.state.syncFiles.has(step.syncFile)) return "undefined";
      return isBridgeFlags(step.flags, step.unreadable) ? "enabled" : "refused";
    case "importSyncFile":
      return classifyImport(context, step);
    case "createSyncFile":
      if (usableFence(context, step.fence) === undefined || isSignalling(context, step.task)) return "undefined";
      return context.state.syncFiles.has(step.syncFile) ? "undefined" : "enabled";
    case "mergeSyncFiles":
      return classifyMerge(context, step);
    case "poll":
      return usableBuffer(context, step.buffer) === undefined || !isFree(context, step.task) ? "undefined" : "enabled";
    case "syncFileInfo":
    case "syncFileDeadline":
    case "syncFileIoctl":
    case "pollSyncFile":
    case "closeSyncFile":
      break;
  }
  if (usableSyncFile(context, step.syncFile) === undefined) return "undefined";
  switch (step.op) {
    case "syncFileInfo":
      return step.flags !== 0 || step.pad !== 0 ? refusedIfFree(context, step) : enabledIfFree(context, step);
    case "syncFileDeadline":
      return step.pad !== 0 ? refusedIfFree(context, step) : enabledIfFree(context, step);
    case "syncFileIoctl":
      return "refused";
    case "pollSyncFile":
      return step.sleep ? enabledIfFree(context, step) : "enabled";
    case "closeSyncFile":
      return "enabled";
  }
}

function enabledIfFree(context: ClassifyContext, { task }: { readonly task: string }): StepClass {
  return isFree(context, task) ? "enabled" : "undefined";
}

function refusedIfFree(context: ClassifyContext, { task }: { readonly task: string }): StepClass {
  return isFree(context, task) ? "refused" : "undefined";
}
