import { leavesOf } from "../../spec/state/observe/sync.ts";
import type { State, SyncFileState } from "../../spec/state/state.ts";
import { isOver } from "../shared/fences.ts";

/** Whether a request for read, write or both is one that the bridge knows. */
export function areBridgeFlags(flags: number | null): flags is 1 | 2 | 3 {
  return flags === 1 || flags === 2 || flags === 3;
}

/**
 * Whether a sync file is an array with containers in it. It comes of a program that put one into a reservation, of which
 * the core has complained; what is in the inner one is counted nowhere.
 */
export function hidesContainers(state: State, { fence, members }: SyncFileState): boolean {
  if (state.fences.get(fence)?.kind !== "array") return false;
  const inside = new Set([...members, ...(state.fences.get(fence)?.members ?? [])]);
  return [...inside].some((member) => (state.fences.get(member)?.kind ?? "plain") !== "plain");
}

/** What the history says about the fence of a sync file: over, with its error, or pending. */
export function statusOf(state: State, fence: string): number {
  const row = state.fences.get(fence);
  if (row === undefined || !row.signaled) return 0;
  return row.error < 0 ? row.error : 1;
}

/** Plain fences of a sync file that are pending: what an import has to bring in. */
export function pendingMembers(state: State, syncFile: string | null): readonly string[] {
  const file = syncFile === null ? undefined : state.syncFiles.get(syncFile);
  return file === undefined ? [] : leavesOf(state, file.fence).filter((fence) => !isOver(state, fence));
}
