import type { Usage } from "../../spec/roles/handles.ts";
import { leavesOf } from "../../spec/state/observe/sync.ts";
import type { Entry } from "../../spec/state/fence-tables.ts";
import type { State, SyncFileState } from "../../spec/state/state.ts";
import { isOver } from "../shared/fences.ts";

/** Whether a request for read, write or both is one that the bridge knows. */
export function areBridgeFlags(flags: number | null): flags is 1 | 2 | 3 {
  return flags === 1 || flags === 2 || flags === 3;
}

/** Whether a fence of this usage concerns those who read, or with `write` those who write. */
export function isCovered(usage: Usage, write: boolean): boolean {
  return usage === "kernel" || usage === "write" || (write && usage === "read");
}

/** Entries of a buffer's reservation object. */
export function entriesOf(state: State, buffer: string) {
  return state.reservations.get(state.buffers.get(buffer)?.resv ?? "")?.entries ?? [];
}

/** Every list that a buffer's reservation object may hold; none where it is not known. */
export function listsOf(state: State, buffer: string): readonly (readonly Entry[])[] {
  return state.reservations.get(state.buffers.get(buffer)?.resv ?? "")?.lists ?? [];
}

/** Fences of a buffer that readers, or writers, have to wait for and that are pending: those that may be there. */
export function pendingFor(state: State, buffer: string, write: boolean): readonly string[] {
  const found = new Set<string>();
  for (const list of [entriesOf(state, buffer), ...listsOf(state, buffer)])
    for (const { fence, usage } of list) if (isCovered(usage, write) && !isOver(state, fence)) found.add(fence);
  return [...found];
}

/** Of these, the ones that are there for sure: a reserve may have thrown out what was signaled, and an add gone elsewhere. */
export function surelyPending(state: State, buffer: string, write: boolean): readonly string[] {
  const lists = listsOf(state, buffer);
  if (lists.length === 0) return [];
  return pendingFor(state, buffer, write).filter((name) =>
    [entriesOf(state, buffer), ...lists].every((list) =>
      list.some(({ fence, usage }) => fence === name && isCovered(usage, write)),
    ),
  );
}

/** Whether the history says exactly what may be in a buffer's object. */
export function isListKnown(state: State, buffer: string): boolean {
  return listsOf(state, buffer).length > 0;
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
