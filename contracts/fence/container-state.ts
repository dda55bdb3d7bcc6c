import type { State } from "../../spec/state/state.ts";
import { allParts } from "./parts.ts";

export function isContainer(state: State, name: string): boolean {
  return (state.fences.get(name)?.kind ?? "plain") !== "plain";
}

/** A container that is alive and has the fence as a member. Predecessors in a chain may be unlinked early. */
export function holderOf(state: State, fence: string): string | undefined {
  for (const [name, row] of state.fences) if (!row.released && row.members.includes(fence)) return name;
  return undefined;
}

/** Whether a container that is alive or a reservation object may still hold the fence, directly or through others. */
export function isKept(state: State, fence: string): boolean {
  for (const [name, row] of state.fences)
    if (name !== fence && !row.released && row.kind !== "plain" && allParts(state, name).has(fence)) return true;
  // Signaled entries may be gone or still there: any list that the object may have counts, and none means any.
  const isPublished = state.fences.get(fence)?.published === true;
  for (const { entries, lists } of state.reservations.values()) {
    if (lists.length === 0 && isPublished) return true;
    for (const list of [entries, ...lists])
      for (const entry of list) if (allParts(state, entry.fence).has(fence)) return true;
  }
  return false;
}
