import type { BlockedEvent, CallEvent, LockEvent, LockRequest } from "../../spec/event.ts";
import type { State, TaskState } from "../../spec/state/state.ts";
import type { Handlers, Verdict } from "../monitor.ts";

type Asked<M> = (
  request: LockRequest,
  event: LockEvent | BlockedEvent,
  state: State,
  verdict: Verdict,
  memory: M,
) => void;

/** Sees each blocking request for a reservation lock once: where it goes to sleep, or where it is answered without sleep. */
export function onRequest<M>(asked: Asked<M>): Pick<Handlers<M>, "lock" | "blocked"> {
  return {
    lock(event, state, verdict, memory) {
      if (event.lockClass === "reservation" && event.form !== "try" && !event.waited)
        asked(event, event, state, verdict, memory);
    },
    blocked(event, state, verdict, memory) {
      const { wait } = event;
      if (wait.kind === "lock" && wait.lockClass === "reservation") asked(wait, event, state, verdict, memory);
    },
  };
}

/** Tasks other than `except` that sleep for this reservation lock; one that was handed it and has not run yet is among them. */
export function sleepers(state: State, lock: string, except: string): readonly (readonly [string, LockRequest])[] {
  const found: (readonly [string, LockRequest])[] = [];
  for (const [name, { waiting }] of state.tasks)
    if (name !== except && waiting?.kind === "lock" && waiting.lock === lock) found.push([name, waiting]);
  return found;
}

/** Contexts of others that hold this lock or sleep for it. */
export function rivals(state: State, lock: string, task: string): readonly string[] {
  const names = sleepers(state, lock, task).flatMap(([, { acquire }]) => acquire ?? []);
  const resv = state.reservations.get(lock);
  if (resv !== undefined && resv.owner !== null && resv.owner !== task && resv.acquire !== null)
    names.push(resv.acquire);
  return names;
}

/** The first of `others` that was started before `acquire`. */
export function olderThan(state: State, acquire: string, others: readonly string[]): string | undefined {
  const stamp = state.acquires.get(acquire)?.stamp ?? 0;
  return others.find((name) => (state.acquires.get(name)?.stamp ?? Infinity) < stamp);
}

/** Whether the context holds a lock that was taken with it. */
export function holdsAny(state: State, acquire: string | null): boolean {
  return acquire !== null && (state.acquires.get(acquire)?.held.length ?? 0) > 0;
}

/** The lock is neither held nor on its way to a sleeper. */
export function isFree(state: State, lock: string, task: string): boolean {
  return (state.reservations.get(lock)?.owner ?? null) === null && sleepers(state, lock, task).length === 0;
}

/** The innermost open call of a task, unless a hook or callback runs inside it. */
export function innermost(task: TaskState | undefined): CallEvent | undefined {
  const frame = task?.frames.at(-1);
  return frame?.kind === "call" ? frame : undefined;
}
