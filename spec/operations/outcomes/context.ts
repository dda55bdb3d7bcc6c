import type { CbRetEvent } from "../../event.ts";
import { EBUSY, EDEADLK, EALREADY, EINTR, ERESTARTSYS, type Errno } from "../../errno.ts";
import type { Profile } from "../../profile.ts";
import type { Setup } from "../../program.ts";
import type { Direction } from "../../roles/handles.ts";
import type { State } from "../../state/state.ts";

/** A legal answer of an operation. */
export interface Outcome {
  /** 0 for success. */
  readonly errno: Errno;
  /** The circumstances, in a few words: "the buffer is revoked". */
  readonly when: string;
}

/** What has happened so far inside an open call, in its own task. */
export interface Inside {
  /** Hooks that have returned, oldest first. */
  readonly hooks: readonly CbRetEvent[];
  /** Errors of allocations that were made to fail. */
  readonly refused: readonly Errno[];
  /** Errors that calls, hooks and locks inside it answered. */
  readonly failed: readonly Errno[];
  /** A wait was ended by a signal. */
  readonly interrupted: boolean;
  /** A device's access was answered with a fault. */
  readonly faulted: boolean;
  /** An importer was told that its mapping is no longer valid. */
  readonly invalidated: boolean;
}

/** Nothing yet: what a planner knows, and a judge at the call. */
export const nothingInside: Inside = {
  hooks: [],
  refused: [],
  failed: [],
  interrupted: false,
  faulted: false,
  invalidated: false,
};

/** What decides how an operation may end. `state` is the state before the event that is asked about. */
export interface OutcomeContext {
  readonly state: State;
  readonly setup: Setup;
  readonly profile: Profile;
  readonly inside: Inside;
  /** Direction of each import that the history shows. */
  readonly directions: ReadonlyMap<string, Direction>;
  /** Exporters whose module is gone. */
  readonly unloaded: ReadonlySet<string>;
}

/** The one answer of operations that cannot fail. */
export const done: readonly Outcome[] = [{ errno: 0, when: "it always succeeds" }];

/** One answer and no other. */
export function only(errno: Errno, when: string): readonly Outcome[] {
  return [{ errno, when }];
}

/** Whether a signal is pending for the task, or has ended a wait of this call. */
export function isInterrupted({ state, inside }: OutcomeContext, task: string): boolean {
  return inside.interrupted || state.tasks.get(task)?.interrupted === true;
}

/** What a driver may hand on to its user: an error that something inside answered. Users see EINTR for ERESTARTSYS. */
export function handedOn({ inside }: OutcomeContext): readonly Outcome[] {
  return inside.failed.flatMap((errno) => {
    const outcome = { errno, when: "something that it called answered so" };
    if (errno === ERESTARTSYS) return [outcome, { errno: EINTR, when: "a wait inside it was interrupted" }];
    return [outcome];
  });
}

/** Whether the error of a lock is for the caller's user; back-off and polling are the caller's own business. */
export function concernsUser(errno: Errno): boolean {
  return errno !== EDEADLK && errno !== EALREADY && errno !== EBUSY;
}
