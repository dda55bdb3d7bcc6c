import type { RetEvent } from "../../event.ts";
import type { Usage } from "../../roles/handles.ts";
import type { ReservationState, State } from "../state.ts";
import type { Entry, ListChange } from "../fence-tables.ts";
import { replaces } from "./entries.ts";
import { reservationOf } from "./rows.ts";

type List = readonly Entry[];

/** More possible lists than this and nothing is known until a walk shows them. */
const manyLists = 8;

/** Whether two lists hold the same entries in the same order. */
export function sameList(first: List, second: List): boolean {
  return (
    first.length === second.length &&
    first.every(({ fence, usage }, index) => fence === second[index]!.fence && usage === second[index]!.usage)
  );
}

/** The entries whose fence has not signaled. */
export function unsignaledOf(state: State, list: List): List {
  return list.filter((entry) => state.fences.get(entry.fence)?.signaled !== true);
}

function setLists(resv: ReservationState, lists: readonly List[], change: ListChange): void {
  const different: List[] = [];
  for (const list of lists) if (!different.some((known) => sameList(known, list))) different.push(list);
  resv.lists = different.length > manyLists ? [] : different;
  resv.changes = [...resv.changes, change];
}

/** An add: judged at its end, as the walk may find fences signaled that nobody knew of. */
export function listsAfterAdd(state: State, event: RetEvent<"addFence">): void {
  const resv = reservationOf(state, event.resv);
  const lists = resv.lists.map((list) => listAfterAdd(state, list, event.fence, event.usage));
  setLists(resv, lists, "add");
}

/** The list that `dma_resv_add_fence` makes of this one. */
export function listAfterAdd(state: State, list: List, name: string, usage: Usage): List {
  const fence = state.fences.get(name);
  const index = list.findIndex((entry) => replaces(state, entry, name, fence, usage));
  return index < 0 ? [...list, { fence: name, usage }] : list.with(index, { fence: name, usage });
}

/** An explicit replace of all entries of a context. */
export function listsAfterReplace(state: State, event: RetEvent<"replaceFences">): void {
  const { context, fence, usage } = event;
  const resv = reservationOf(state, event.resv);
  const lists = resv.lists.map((list) =>
    list.map((entry) => (state.fences.get(entry.fence)?.context === context ? { fence, usage } : entry)),
  );
  setLists(resv, lists, "replace");
}

/** A reserve. If the list had to grow, what was signaled is gone. */
export function listsAfterReserve(state: State, event: RetEvent<"reserveFences">): void {
  const resv = reservationOf(state, event.resv);
  if (event.errno !== 0) setLists(resv, resv.lists, "failedReserve");
  else setLists(resv, [...resv.lists, ...resv.lists.map((list) => unsignaledOf(state, list))], "reserve");
}

/** A copy: the source's unsignaled entries. */
export function listsAfterCopy(state: State, event: RetEvent<"copyFences">): void {
  const resv = reservationOf(state, event.destination);
  if (event.errno !== 0) return setLists(resv, resv.lists, "failedCopy");
  const { lists } = reservationOf(state, event.source);
  setLists(
    resv,
    lists.map((list) => unsignaledOf(state, list)),
    "copy",
  );
}

/** A walk under the lock over all usages shows the list as it is. */
export function listsAfterWalk(state: State, event: RetEvent<"iterateFences">): void {
  if (event.usage !== "bookkeep" || state.reservations.get(event.resv)?.owner !== event.task) return;
  const resv = reservationOf(state, event.resv);
  resv.lists = [event.entries];
  resv.changes = [];
}
