import type { FenceHook } from "../calls.ts";
import type { Usage } from "../roles/handles.ts";
import { field, table } from "./schema.ts";

/** An entry of a reservation object in the state. */
export interface Entry {
  readonly fence: string;
  readonly usage: Usage;
}

/** What may have changed the list of a reservation object. */
export type ListChange = "add" | "replace" | "reserve" | "failedReserve" | "copy" | "failedCopy";

export const reservation = table({
  /** Task that holds the lock. */
  owner: field<string | null>(),
  acquire: field<string | null>(),
  /** Slots granted in this hold and not used up (RESV-44). */
  slots: field<number>(),
  entries: field<Entry[]>(),
  /** Exact lists the object may hold: a reserve may have thrown out what was signaled, or not. None: it is not known. */
  lists: field<readonly (readonly Entry[])[]>("ghost"),
  /** What happened to the list since a walk under the lock last showed all of it. */
  changes: field<readonly ListChange[]>("ghost"),
  /** Grows with every hold. */
  hold: field<number>("ghost"),
});

export const acquire = table({
  task: field<string>(),
  /** Smaller is older. */
  stamp: field<number>("relative"),
  /** Locks taken with it and still held. */
  held: field<string[]>(),
  /** The lock that answered EDEADLK, until the next lock is taken. */
  contended: field<string | null>(),
  phase: field<"acquiring" | "done" | "fini">(),
});

export const fence = table({
  context: field<number>("relative"),
  seqno: field<number>("relative"),
  seqno64: field<boolean>(),
  /** Role instance that created it. */
  by: field<string>(),
  /** Step that created it. */
  step: field<string | null>("ghost"),
  kind: field<"plain" | "array" | "chain">(),
  members: field<readonly string[]>(),
  signalOnAny: field<boolean>(),
  previous: field<string | null>(),
  hooks: field<readonly FenceHook[]>("ghost"),
  signaled: field<boolean>(),
  /** 0, or negative by convention. */
  error: field<number>(),
  time: field<number>("ghost"),
  enabled: field<boolean>(),
  /** Times the owner's enable operation was called. */
  enables: field<number>("ghost"),
  /** References that crossed a seam: creator and explicit gets, less puts. */
  refs: field<number>(),
  /** Of these, the ones the program itself holds. */
  programRefs: field<number>(),
  released: field<boolean>(),
  /** Was ever an entry of a reservation object. */
  published: field<boolean>(),
  /** Job whose end it stands for. */
  job: field<string | null>("ghost"),
});

export const callback = table({
  fence: field<string>(),
  /** Role instance that added it. */
  by: field<string>(),
  state: field<"pending" | "running" | "ran" | "removed">(),
  /** The buffer whose poll it wakes, where that is what it is for. */
  poll: field<string | null>("ghost"),
});
