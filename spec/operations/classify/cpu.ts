import type { Step } from "../../program.ts";
import { pageSize } from "../../roles/handles.ts";
import { bracketCovers, syncRequest } from "../../state/observe/cpu.ts";
import type { BufferState, State, ViewState } from "../../state/state.ts";
import type { cpuOperations } from "../cpu.ts";
import { holdsLock, isFree, isSignalling, usableBuffer, type ClassifyContext, type StepClass } from "./context.ts";

type CpuStep = Step<keyof typeof cpuOperations>;

/** A view of the program's that is there. */
function usableView({ state }: ClassifyContext, name: string, kind: ViewState["kind"]): ViewState | undefined {
  const view = state.views.get(name);
  return view?.live === true && view.by === "program" && view.kind === kind ? view : undefined;
}

/** Whether the program has a bracket of this direction open. */
function hasBracket(buffer: BufferState, passes: (direction: BufferState["brackets"][number]["direction"]) => boolean) {
  return buffer.brackets.some(({ by, direction }) => by === "program" && passes(direction));
}

/** Work of the program that no bracket waits for. */
function hasExplicitWork(state: State, buffer: BufferState): boolean {
  const entries = state.reservations.get(buffer.resv)?.entries ?? [];
  return entries.some(({ fence, usage }) => {
    const row = state.fences.get(fence);
    return usage === "bookkeep" && row?.signaled === false && row.by === "program";
  });
}

function classifyEnd(buffer: BufferState, direction: string): StepClass {
  return hasBracket(buffer, (open) => open === direction) ? "enabled" : "reported";
}

function classifyMmap(context: ClassifyContext, step: Step<"mmap" | "mmapFd">): StepClass {
  const buffer = usableBuffer(context, step.buffer);
  if (buffer === undefined || !isFree(context, step.task) || context.state.views.has(step.view)) return "undefined";
  // A descriptor's offset comes in bytes and cannot wrap round as a count of pages.
  if (step.op === "mmapFd" && step.offset > 2 ** 40) return "undefined";
  if (!buffer.cpuHooks.includes("mmap")) return "refused";
  return step.offset + step.pages > Math.floor(buffer.size / pageSize) ? "refused" : "enabled";
}

function classifyVunmap(context: ClassifyContext, step: Step<"vunmap" | "vunmapUnlocked">): StepClass {
  const view = usableView(context, step.view, "vmap");
  if (isSignalling(context, step.task)) return "undefined";
  if (view === undefined || usableBuffer(context, view.buffer) === undefined) return "undefined";
  if (step.op === "vunmapUnlocked") return isFree(context, step.task) ? "enabled" : "undefined";
  const resv = context.state.buffers.get(view.buffer)?.resv ?? "";
  if (isSignalling(context, step.task)) return "undefined";
  return holdsLock(context, step.task, resv) ? "enabled" : "undefined";
}

function classifyAccess(context: ClassifyContext, step: Step<"cpuAccess">): StepClass {
  const view = context.state.views.get(step.view);
  if (view?.live !== true || view.by !== "program" || !isFree(context, step.task)) return "undefined";
  const buffer = context.state.buffers.get(view.buffer);
  if (buffer === undefined || hasExplicitWork(context.state, buffer)) return "undefined";
  if (!hasBracket(buffer, (direction) => bracketCovers(direction, step.kind))) return "undefined";
  if (view.kind === "mmap") return !step.io && step.offset < view.pages * pageSize ? "enabled" : "undefined";
  // A kernel address stays there through a revoke, but nobody may count on what lies behind it.
  const whole = buffer.access === "accessible" && step.offset < buffer.size;
  return whole && step.io === view.iomem ? "enabled" : "undefined";
}

/** Brackets, kernel addresses, user mappings, requests on descriptors. */
export function classifyCpuStep(context: ClassifyContext, step: CpuStep): StepClass {
  switch (step.op) {
    case "vunmap":
    case "vunmapUnlocked":
      return classifyVunmap(context, step);
    case "munmap":
      return usableView(context, step.view, "mmap") !== undefined && isFree(context, step.task)
        ? "enabled"
        : "undefined";
    case "cpuAccess":
      return classifyAccess(context, step);
    case "mmap":
    case "mmapFd":
      return classifyMmap(context, step);
    case "beginCpu":
    case "endCpu":
    case "ioctlSync":
    case "ioctl":
    case "vmap":
    case "vmapUnlocked":
      break;
  }
  const buffer = usableBuffer(context, step.buffer);
  if (buffer === undefined) return "undefined";
  if (step.op === "vmap") {
    if (isSignalling(context, step.task)) return "undefined";
    if (!holdsLock(context, step.task, buffer.resv) || context.state.views.has(step.view)) return "undefined";
    return buffer.cpuHooks.includes("vmap") ? "enabled" : "refused";
  }
  if (!isFree(context, step.task)) return "undefined";
  switch (step.op) {
    case "beginCpu":
      return "enabled";
    case "endCpu":
      return classifyEnd(buffer, step.direction);
    case "ioctl":
      return "refused";
    case "ioctlSync": {
      const request = syncRequest(step.unreadable ? null : step.flags);
      if (request === null) return "refused";
      return request.end ? classifyEnd(buffer, request.direction) : "enabled";
    }
    case "vmapUnlocked":
      if (context.state.views.has(step.view)) return "undefined";
      return buffer.cpuHooks.includes("vmap") ? "enabled" : "refused";
  }
}
