import type { Usage } from "../../roles/handles.ts";
import { usages } from "../../roles/handles.ts";
import type { FenceState, ReservationState, State } from "../state.ts";
import type { Entry } from "../fence-tables.ts";

const half = 2 ** 31;
const whole = 2 ** 32;

/**
 * Whether `first` is strictly later than `second` on one timeline.
 * 32-bit numbers wrap and two that are half the range apart are "not later" either way (`__dma_fence_is_later`).
 */
export function isLaterSeqno(first: number, second: number, seqno64: boolean): boolean {
  if (seqno64) return first > second;
  const distance = (((first - second) % whole) + whole) % whole;
  return distance > 0 && distance < half;
}

/** Whether adding `fence` as `usage` may take the place of `entry` (RESV-21). */
export function replaces(
  state: State,
  entry: Entry,
  name: string,
  fence: FenceState | undefined,
  usage: Usage,
): boolean {
  const old = state.fences.get(entry.fence);
  if (old === undefined || fence === undefined) return entry.fence === name;
  if (old.signaled) return true;
  if (old.context !== fence.context || usages.indexOf(entry.usage) < usages.indexOf(usage)) return false;
  return entry.fence === name || isLaterSeqno(fence.seqno, old.seqno, fence.seqno64);
}

/** Index of the first entry that an add would replace, -1 if it appends. */
export function replacedIndex(state: State, resv: ReservationState, name: string, usage: Usage): number {
  const fence = state.fences.get(name);
  return resv.entries.findIndex((entry) => replaces(state, entry, name, fence, usage));
}

/** Whether an add is sure to need no slot: it replaces an entry of every list that the object may have. */
export function replacesForSure(state: State, resv: ReservationState, name: string, usage: Usage): boolean {
  const fence = state.fences.get(name);
  return (
    resv.lists.length > 0 &&
    resv.lists.every((list) => list.some((entry) => replaces(state, entry, name, fence, usage)))
  );
}

/** Adds as `dma_resv_add_fence` does: the first entry that qualifies is replaced, otherwise one slot is used. */
export function addEntry(state: State, resv: ReservationState, name: string, usage: Usage): void {
  const sure = replacesForSure(state, resv, name, usage);
  const index = replacedIndex(state, resv, name, usage);
  if (index >= 0) resv.entries[index] = { fence: name, usage };
  else resv.entries.push({ fence: name, usage });
  if (!sure && resv.slots > 0) resv.slots -= 1;
  const fence = state.fences.get(name);
  if (fence !== undefined) fence.published = true;
}
