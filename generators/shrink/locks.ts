import type { Step } from "../../spec/program.ts";

/** A step that takes a reservation lock. */
export type LockStep = Step<"lock" | "lockInterruptible" | "lockSlow" | "lockSlowInterruptible" | "trylock">;

export function isLock(step: Step): step is LockStep {
  switch (step.op) {
    case "lock":
    case "lockInterruptible":
    case "lockSlow":
    case "lockSlowInterruptible":
    case "trylock":
      return true;
    default:
      return false;
  }
}

/** From a lock to its unlock, or to the end. */
export interface Hold {
  readonly lock: LockStep;
  readonly unlock: Step<"unlock"> | null;
  /** Steps of any task between the two. */
  readonly inside: readonly Step[];
}

/** The holds of a program, in the order of their locks. */
export function holdsOf(steps: readonly Step[]): readonly Hold[] {
  return steps.flatMap((lock, at) => {
    if (!isLock(lock)) return [];
    const after = steps.slice(at + 1);
    const end = after.findIndex((step) => step.op === "unlock" && step.task === lock.task && step.resv === lock.resv);
    const unlock = end < 0 ? null : (after[end] as Step<"unlock">);
    return [{ lock, unlock, inside: end < 0 ? after : after.slice(0, end) }];
  });
}
