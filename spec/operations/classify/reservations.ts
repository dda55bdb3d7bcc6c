import type { Step } from "../../program.ts";
import type { AcquireState } from "../../state/state.ts";
import { replacesForSure } from "../../state/observe/entries.ts";
import type { reservationOperations } from "../reservation.ts";
import { holdsLock, isSignalling, usableBuffer, usableFence, type ClassifyContext, type StepClass } from "./context.ts";

type ReservationStep = Step<keyof typeof reservationOperations>;

/** The object exists: it belongs to the set-up or to a buffer that the program still holds. */
function usableReservation(context: ClassifyContext, name: string): boolean {
  if (context.setup.reservations.includes(name)) return true;
  for (const [buffer, row] of context.state.buffers)
    if (row.resv === name && usableBuffer(context, buffer) !== undefined) return true;
  return false;
}

function contextOf({ state }: ClassifyContext, task: string): readonly [string, AcquireState] | undefined {
  for (const [name, acquire] of state.acquires)
    if (acquire.task === task && acquire.phase !== "fini") return [name, acquire];
  return undefined;
}

function classifyLock(
  context: ClassifyContext,
  step: Step<"lock" | "lockInterruptible" | "lockSlow" | "lockSlowInterruptible">,
): StepClass {
  if (!usableReservation(context, step.resv) || isSignalling(context, step.task)) return "undefined";
  const held = context.state.tasks.get(step.task)?.held ?? [];
  const own = contextOf(context, step.task);
  if ((own?.[0] ?? null) !== step.acquire) return "undefined";
  const slow = step.op === "lockSlow" || step.op === "lockSlowInterruptible";
  if (own === undefined) return held.length === 0 && !slow ? "enabled" : "undefined";
  const [, acquire] = own;
  if (acquire.phase === "done" && !acquire.held.includes(step.resv)) return "undefined";
  // A lock taken by trylock carries no stamp: blocking behind it can deadlock for good.
  if (held.some((entry) => entry.acquire !== step.acquire)) return "undefined";
  if (acquire.contended !== null) {
    if (acquire.held.length > 0 || step.resv !== acquire.contended) return "undefined";
    return "enabled";
  }
  return slow ? "undefined" : "enabled";
}

function underLock(context: ClassifyContext, task: string, resv: string): boolean {
  return holdsLock(context, task, resv);
}

function isOfBuffer({ state }: ClassifyContext, resv: string): boolean {
  for (const buffer of state.buffers.values()) if (buffer.resv === resv) return true;
  return false;
}

function classifyAdd(context: ClassifyContext, step: Step<"addFence">): StepClass {
  if (!underLock(context, step.task, step.resv)) return "undefined";
  const fence = usableFence(context, step.fence);
  const resv = context.state.reservations.get(step.resv);
  if (fence === undefined || resv === undefined) return "undefined";
  // An owner's own wait operation may answer anything: what importers wait for must not hang on it.
  if (fence.hooks.includes("wait") && isOfBuffer(context, step.resv)) return "undefined";
  if (resv.slots === 0 && !replacesForSure(context.state, resv, step.fence, step.usage)) return "undefined";
  return fence.kind === "plain" ? "enabled" : "reported";
}

/** The object holds fences of importers or exporters: a copy into it throws them out, and with them what they stand for. */
function losesWork({ state }: ClassifyContext, resv: string): boolean {
  const entries = state.reservations.get(resv)?.entries ?? [];
  return entries.some((entry) => {
    const fence = state.fences.get(entry.fence);
    return fence !== undefined && !fence.signaled && fence.by !== "program";
  });
}

/** Reservation objects and acquire contexts. */
export function classifyReservationStep(context: ClassifyContext, step: ReservationStep): StepClass {
  switch (step.op) {
    case "acquireInit": {
      const held = context.state.tasks.get(step.task)?.held ?? [];
      const fresh = contextOf(context, step.task) === undefined && held.length === 0;
      return fresh && !context.state.acquires.has(step.acquire) && !isSignalling(context, step.task)
        ? "enabled"
        : "undefined";
    }
    case "acquireDone": {
      const own = contextOf(context, step.task);
      return own?.[0] === step.acquire && own[1].phase === "acquiring" && own[1].contended === null
        ? "enabled"
        : "undefined";
    }
    case "acquireFini": {
      const own = contextOf(context, step.task);
      return own?.[0] === step.acquire && own[1].held.length === 0 ? "enabled" : "undefined";
    }
    case "lock":
    case "lockInterruptible":
    case "lockSlow":
    case "lockSlowInterruptible":
      return classifyLock(context, step);
    case "trylock":
      return usableReservation(context, step.resv) && !isSignalling(context, step.task) ? "enabled" : "undefined";
    case "unlock":
      return underLock(context, step.task, step.resv) ? "enabled" : "undefined";
    case "reserveFences":
      if (!underLock(context, step.task, step.resv) || isSignalling(context, step.task)) return "undefined";
      return step.count === 0 ? "refused" : "enabled";
    case "addFence":
      return classifyAdd(context, step);
    case "replaceFences": {
      if (!underLock(context, step.task, step.resv)) return "undefined";
      const [old, fence] = [usableFence(context, step.old), usableFence(context, step.fence)];
      if (old === undefined || fence?.kind !== "plain") return "undefined";
      // An entry whose fence has signaled may have left the list unseen: then nobody can say what is replaced.
      const doubtful = context.state.reservations.get(step.resv)?.entries.some((entry) => {
        const row = context.state.fences.get(entry.fence);
        return row?.context === old.context && row.signaled;
      });
      return doubtful === true ? "undefined" : "enabled";
    }
    case "copyFences":
      if (isSignalling(context, step.task) || !usableReservation(context, step.source)) return "undefined";
      if (step.source === step.destination || losesWork(context, step.destination)) return "undefined";
      return underLock(context, step.task, step.destination) ? "enabled" : "undefined";
    case "iterateFences":
      return underLock(context, step.task, step.resv) ? "enabled" : "undefined";
    case "getFences":
    case "getSingleton":
    case "waitFences":
      return usableReservation(context, step.resv) && !isSignalling(context, step.task) ? "enabled" : "undefined";
    case "testSignaled":
    case "setDeadline":
      return usableReservation(context, step.resv) ? "enabled" : "undefined";
  }
}
