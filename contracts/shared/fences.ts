import type { FenceState, State } from "../../spec/state/state.ts";

/** Whether what a fence stands for is over: signaled, or a container all of whose parts are (one, where any is enough). */
export function isOver(state: State, name: string): boolean {
  const fence = state.fences.get(name);
  if (fence === undefined || fence.signaled) return true;
  // A node unlinked from the middle of a chain is gone, while the ones behind it may still be pending.
  return (fence.released && fence.kind !== "chain") || partsAreOver(state, fence);
}

/** Whether enough parts of a container are over for it to signal; never so for a plain fence. */
export function partsAreOver(state: State, fence: FenceState): boolean {
  switch (fence.kind) {
    case "plain":
      return false;
    case "array":
      return fence.signalOnAny
        ? fence.members.some((member) => isOver(state, member))
        : fence.members.every((member) => isOver(state, member));
    case "chain":
      return (
        fence.members.every((member) => isOver(state, member)) &&
        (fence.previous === null || isOver(state, fence.previous))
      );
  }
}

/** Whether a fence, or a part of a container, was made by this role instance. */
export function isMadeBy(state: State, name: string, by: string): boolean {
  const fence = state.fences.get(name);
  if (fence === undefined) return false;
  if (fence.by === by || fence.members.some((member) => isMadeBy(state, member, by))) return true;
  return fence.previous !== null && isMadeBy(state, fence.previous, by);
}

/** Fences of a reservation object that are not over, whatever their usage. */
export function pendingFences(state: State, resv: string): readonly string[] {
  const entries = state.reservations.get(resv)?.entries ?? [];
  return entries.map((entry) => entry.fence).filter((name) => !isOver(state, name));
}

/** Whether a fence has a wait operation of its own: then its owner says when it is over for a waiter. */
export function waitsItself(state: State, name: string): boolean {
  return state.fences.get(name)?.hooks.includes("wait") === true;
}
