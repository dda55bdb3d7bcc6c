import { covers, type Usage } from "../../spec/roles/handles.ts";
import type { Entry } from "../../spec/state/fence-tables.ts";
import type { ReservationState, State } from "../../spec/state/state.ts";
import { isOver } from "./fences.ts";

/*
 * A reservation object may have one of several lists: a reserve may have thrown out what was signaled, and then a later
 * fence took the place of another one. `lists` are those it may have, none where nobody knows; `entries` is what its adds
 * make of it where nothing is thrown out, an add under way counted in. So a conviction asks for what is in each of them,
 * and an excuse for what is in one.
 */

/** The usage at which those who read, or who write, look for the fences of others (`dma_resv_usage_rw`). */
export function usageRw(write: boolean): Usage {
  return write ? "read" : "write";
}

/** Whether the history says exactly which lists an object may have. */
export function isListKnown(state: State, resv: string): boolean {
  return (state.reservations.get(resv)?.lists.length ?? 0) > 0;
}

/** Every entry that an object may have. */
export function possibleEntries(state: State, resv: string): readonly Entry[] {
  const row = state.reservations.get(resv);
  return row === undefined ? [] : [row.entries, ...row.lists].flat();
}

/** Pending fences that a query at `usage` may find. */
export function possiblyPending(state: State, resv: string, usage: Usage): readonly string[] {
  const names = new Set<string>();
  for (const entry of possibleEntries(state, resv))
    if (covers(usage, entry.usage) && !isOver(state, entry.fence)) names.add(entry.fence);
  return [...names];
}

/** Fences, signaled or not, that a query at `usage` finds whichever list the object has; none where nobody knows its lists. */
export function certainFences(state: State, resv: string, usage: Usage): readonly string[] {
  const row = state.reservations.get(resv);
  if (row === undefined || row.lists.length === 0) return [];
  const names = new Set<string>();
  for (const { fence, usage: stored } of row.entries)
    if (covers(usage, stored) && isInEach(row, fence, usage)) names.add(fence);
  return [...names];
}

function isInEach({ lists }: ReservationState, name: string, usage: Usage): boolean {
  return lists.every((list) => list.some(({ fence, usage: stored }) => fence === name && covers(usage, stored)));
}

/** Those of them that are not over. */
export function certainlyPending(state: State, resv: string, usage: Usage): readonly string[] {
  return certainFences(state, resv, usage).filter((name) => !isOver(state, name));
}
