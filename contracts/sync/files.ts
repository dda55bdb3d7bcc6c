import type { Usage } from "../../spec/roles/handles.ts";
import type { State } from "../../spec/state/state.ts";
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

/** Fences of a buffer that readers, or writers, have to wait for and that are pending. */
export function pendingFor(state: State, buffer: string, write: boolean): readonly string[] {
  return entriesOf(state, buffer).flatMap(({ fence, usage }) =>
    isCovered(usage, write) && !isOver(state, fence) ? [fence] : [],
  );
}

/** What the history says about the fence of a sync file: over, with its error, or pending. */
export function statusOf(state: State, fence: string): number {
  const row = state.fences.get(fence);
  if (row === undefined || !row.signaled) return 0;
  return row.error < 0 ? row.error : 1;
}
