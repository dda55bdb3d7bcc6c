import type { Step } from "../../program.ts";
import type { State } from "../../state/state.ts";
import { lastPage, spacePages, type spaceOperations } from "../space.ts";
import { isFree, usableBuffer, type ClassifyContext, type StepClass } from "./context.ts";

type SpaceStep = Step<keyof typeof spaceOperations>;

/** Whether a range has no VMA in it. */
function isEmptyRange(state: State, space: string, start: number, pages: number): boolean {
  for (const vma of state.vmas.values())
    if (vma.live && vma.space === space && start < vma.start + vma.pages && vma.start < start + pages) return false;
  return true;
}

function classifyVma(context: ClassifyContext, step: Step<"createVma">): StepClass {
  const { state, setup } = context;
  const space = state.spaces.get(step.space);
  if (space === undefined || space.exited || state.vmas.has(step.vma) || step.start + step.pages > spacePages)
    return "undefined";
  if (!isEmptyRange(state, step.space, step.start, step.pages) || isUnderWay(context, step.space)) return "undefined";
  if (step.vmaKind !== "peer") return step.buffer === null ? "enabled" : "undefined";
  const buffer = step.buffer === null ? undefined : usableBuffer(context, step.buffer);
  if (buffer === undefined || step.pages * 4096 > buffer.size) return "undefined";
  const kind = setup.exporters.find(({ name }) => name === buffer.exporter)?.kind ?? "";
  return kind.startsWith("scripted") ? "undefined" : "enabled";
}

/** A step under way makes, changes or ends this space. */
function isUnderWay({ inFlight, state }: ClassifyContext, space: string): boolean {
  return inFlight.some((step) => {
    switch (step.op) {
      case "createVma":
      case "changeRange":
      case "exitSpace":
        return step.space === space;
      case "destroyVma":
      case "vmaFault":
        return state.vmas.get(step.vma)?.space === space;
      default:
        return false;
    }
  });
}

function isLive(state: State, name: string): boolean {
  const space = state.spaces.get(name);
  return space !== undefined && !space.exited;
}

function classifyMirror(context: ClassifyContext, step: Step<"mirror">): StepClass {
  const { state, setup, profile } = context;
  const importer = setup.importers.find((entry) => entry.name === step.importer);
  if (importer === undefined || importer.kind === "scripted" || state.mirrors.has(step.mirror)) return "undefined";
  if (!isFree(context, step.task) || !state.spaces.has(step.space)) return "undefined";
  if (step.form === "twoPass" && !profile.twoPassNotifiers) return "undefined";
  if (step.pages === 0 || step.start + step.pages - 1 > lastPage) return "refused";
  return step.start + step.pages <= spacePages ? "enabled" : "undefined";
}

/** A mirror that the program may use, and a page of it. */
function usesMirror(context: ClassifyContext, name: string, page: number): boolean {
  const mirror = context.state.mirrors.get(name);
  return mirror?.phase === "live" && page >= mirror.start && page < mirror.start + mirror.pages;
}

/** Address spaces, VMAs and mirrors. */
export function classifySpaceStep(context: ClassifyContext, step: SpaceStep): StepClass {
  const { state } = context;
  switch (step.op) {
    case "createSpace":
      return state.spaces.has(step.space) ? "undefined" : "enabled";
    case "createVma":
      return isFree(context, step.task) ? classifyVma(context, step) : "undefined";
    case "destroyVma":
    case "vmaFault": {
      const vma = state.vmas.get(step.vma);
      if (vma?.live !== true || !isLive(state, vma.space) || !isFree(context, step.task)) return "undefined";
      return step.op === "destroyVma" || step.page < vma.pages ? "enabled" : "undefined";
    }
    case "changeRange":
      if (!isLive(state, step.space) || !isFree(context, step.task)) return "undefined";
      if (step.start + step.pages > spacePages) return "undefined";
      // Only a driver migrates on its own behalf.
      if (step.owner !== null && step.change !== "migrate" && step.change !== "exclusive") return "undefined";
      return "enabled";
    case "exitSpace":
      if (!isLive(state, step.space) || !isFree(context, step.task)) return "undefined";
      return isUnderWay(context, step.space) ? "undefined" : "enabled";
    case "mirror":
      return classifyMirror(context, step);
    case "mirrorFault":
    case "copyPage":
      return isFree(context, step.task) && usesMirror(context, step.mirror, step.page) ? "enabled" : "undefined";
    case "touch":
      return usesMirror(context, step.mirror, step.page) ? "enabled" : "undefined";
    case "unmirror":
      if (!isFree(context, step.task)) return "undefined";
      return state.mirrors.get(step.mirror)?.phase === "live" ? "enabled" : "undefined";
  }
}
