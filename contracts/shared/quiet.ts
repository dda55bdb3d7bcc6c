import type { State } from "../../spec/state/state.ts";

/**
 * Whether whatever could happen on its own has happened: the drain has ended jobs, signaled fences and released locks,
 * and nobody waits for one of these. What was due "in bounded time" is overdue now.
 */
export function nothingElseHappens(state: State): boolean {
  if (!state.draining) return false;
  for (const task of state.tasks.values()) if (task.waiting !== null && task.waiting.kind !== "unmapped") return false;
  return true;
}
