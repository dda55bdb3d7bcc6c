import { EALREADY, EBUSY, EDEADLK, EINTR, EINVAL, ENOMEM, ERESTARTSYS } from "../../errno.ts";
import type { CallName } from "../../calls.ts";
import type { CallEvent, LockEvent, LockForm } from "../../event.ts";
import type { State } from "../../state/state.ts";
import type { reservationOperations } from "../reservation.ts";
import { done, isInterrupted, only, type Outcome, type OutcomeContext } from "./context.ts";

/** Slots from which on a kernel may have no list that long. */
const manySlots = 2 ** 19;

/** Answers of owners' own wait operations, which are handed on. */
function ownWaits({ inside }: OutcomeContext): readonly Outcome[] {
  return inside.hooks.flatMap((hook) =>
    hook.hook === "fenceWait" && hook.result < 0
      ? [{ errno: -hook.result, when: "the owner's wait operation answered so" }]
      : [],
  );
}

/** Legal answers of a wait with a timeout that is not negative. */
export function waitOutcomes(context: OutcomeContext, task: string, interruptible: boolean): readonly Outcome[] {
  const legal: Outcome[] = [{ errno: 0, when: "the wait or its time is over" }];
  if (interruptible && isInterrupted(context, task)) legal.push({ errno: ERESTARTSYS, when: "a signal is pending" });
  return [...legal, ...ownWaits(context)];
}

function isInterruptible(form: LockForm): boolean {
  return form === "interruptible" || form === "slowInterruptible";
}

/** Acquire contexts of those who wait for a lock; null for one without. */
function* waitersFor(state: State, lock: string): Generator<string | null> {
  for (const { waiting } of state.tasks.values())
    if (waiting?.kind === "lock" && waiting.lock === lock) yield waiting.acquire;
}

function tryOutcomes({ state }: OutcomeContext, lock: string): readonly Outcome[] {
  if ((state.reservations.get(lock)?.owner ?? null) !== null) return only(EBUSY, "the lock is held");
  const free: Outcome = { errno: 0, when: "the lock is free" };
  // Unlock may have handed it to a waiter that has not run yet.
  const [waiter] = [...waitersFor(state, lock)];
  return waiter === undefined ? [free] : [free, { errno: EBUSY, when: "a waiter is about to get it" }];
}

/** Whether a context that holds locks has to back off: an older one holds this lock or waits for it. */
function meetsOlder({ state }: OutcomeContext, lock: string, own: string): boolean {
  const acquire = state.acquires.get(own);
  if (acquire === undefined || acquire.held.length === 0) return false;
  const others = [state.reservations.get(lock)?.acquire ?? null, ...waitersFor(state, lock)];
  return others.some((name) => name !== null && (state.acquires.get(name)?.stamp ?? Infinity) < acquire.stamp);
}

/** Legal answers of a request for a reservation lock, in the state just before it is answered. */
export function lockOutcomes(context: OutcomeContext, request: LockEvent): readonly Outcome[] {
  const { lock, form, acquire } = request;
  if (form === "try") return tryOutcomes(context, lock);
  const row = context.state.reservations.get(lock);
  if (acquire !== null && row?.acquire === acquire) return only(EALREADY, "the context holds the lock already");
  const legal: Outcome[] = [];
  if ((row?.owner ?? null) === null) legal.push({ errno: 0, when: "the lock is free" });
  if (acquire !== null && meetsOlder(context, lock, acquire))
    legal.push({ errno: EDEADLK, when: "an older context holds the lock or waits for it" });
  if (isInterruptible(form) && isInterrupted(context, request.task))
    legal.push({ errno: EINTR, when: "a signal is pending" });
  return legal;
}

/** Legal answers of calls on reservation objects. Locks answer by events of their own: see `lockOutcomes`. */
export function reservationOutcomes(
  context: OutcomeContext,
  call: CallEvent<CallName & keyof typeof reservationOperations>,
): readonly Outcome[] {
  switch (call.op) {
    case "reserveFences":
      if (call.count === 0) return only(EINVAL, "no slot is asked for");
      if (call.count < manySlots) return only(0, "there is room for the list");
      return [
        { errno: ENOMEM, when: "no list can be that long" },
        { errno: 0, when: "there is room for the list" },
      ];
    case "acquireInit":
    case "acquireDone":
    case "acquireFini":
    case "addFence":
    case "replaceFences":
    case "copyFences":
    case "iterateFences":
    case "getFences":
    case "getSingleton":
    case "testSignaled":
    case "setDeadline":
      return done;
    case "waitFences":
      if (call.timeout < 0) return only(EINVAL, "the timeout is negative");
      return waitOutcomes(context, call.task, call.interruptible);
  }
}
