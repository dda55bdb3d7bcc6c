import type { FenceState, State } from "../../spec/state/state.ts";
import { isOver, partsAreOver } from "../shared/fences.ts";

/** The plain fences that a fence stands for and that are not signaled, each once. */
export function pendingParts(state: State, name: string, found = new Set<string>()): ReadonlySet<string> {
  const fence = state.fences.get(name);
  if (fence === undefined || isOver(state, name)) return found;
  if (fence.kind === "plain") found.add(name);
  for (const member of fence.members) pendingParts(state, member, found);
  return fence.previous === null ? found : pendingParts(state, fence.previous, found);
}

/** As `pendingParts`, for a container that claims to be over itself. */
export function partsPending(state: State, container: FenceState): ReadonlySet<string> {
  const found = new Set<string>();
  if (partsAreOver(state, container)) return found;
  for (const member of container.members) pendingParts(state, member, found);
  return container.previous === null ? found : pendingParts(state, container.previous, found);
}

/** Every fence that a fence was made of, itself included. */
export function allParts(state: State, name: string, found = new Set<string>()): ReadonlySet<string> {
  const fence = state.fences.get(name);
  if (found.has(name) || fence === undefined) return found;
  found.add(name);
  for (const member of fence.members) allParts(state, member, found);
  return fence.previous === null ? found : allParts(state, fence.previous, found);
}

/** The plain fences among the parts of a fence that ended with an error. */
export function failedParts(state: State, name: string): readonly string[] {
  return [...allParts(state, name)].filter((part) => isFailed(state.fences.get(part)));
}

function isFailed(fence: FenceState | undefined): boolean {
  return fence?.kind === "plain" && fence.error !== 0;
}
