import type { RetEvent } from "../../spec/event.ts";
import { covers, type Usage } from "../../spec/roles/handles.ts";
import { sameList, unsignaledOf } from "../../spec/state/observe/lists.ts";
import type { State } from "../../spec/state/state.ts";
import type { Entry, ListChange } from "../../spec/state/fence-tables.ts";
import type { Verdict } from "../monitor.ts";
import { certainFences } from "../shared/possible-lists.ts";

type List = readonly Entry[];

/** The part of a list that a query at `usage` is about. */
export function coveredBy(usage: Usage, list: List): List {
  return list.filter((entry) => covers(usage, entry.usage));
}

/** Unsignaled fences that a query at `usage` has to find, whatever the list is exactly. */
export function dueFences(state: State, resv: string, usage: Usage): readonly string[] {
  return certainFences(state, resv, usage).filter((name) => state.fences.get(name)?.signaled !== true);
}

/** A list in words. */
function printList(list: List): string {
  return list.length === 0 ? "nothing" : list.map(({ fence, usage }) => `${fence} as ${usage}`).join(", ");
}

/** What happened to the list since it was last seen, if the walk was made under the lock and the list is known. */
export function changesBefore(state: State, event: RetEvent<"iterateFences">): readonly ListChange[] {
  const resv = state.reservations.get(event.resv);
  return resv === undefined || resv.owner !== event.task || resv.lists.length === 0 ? [] : resv.changes;
}

/** Compares what a walk under the lock shows with what it has to show. */
export function compareWalk(
  event: RetEvent<"iterateFences">,
  state: State,
  verdict: Verdict,
  options: { readonly what: string; readonly unsignaledOnly?: boolean },
): void {
  const part = (list: List) => {
    const covered = coveredBy(event.usage, list);
    return options.unsignaledOnly === true ? unsignaledOf(state, covered) : covered;
  };
  const lists = state.reservations.get(event.resv)?.lists ?? [];
  if (lists.every((list) => part(list).length === 0) && event.entries.length === 0) return;
  verdict.exercised();
  const seen = part(event.entries);
  if (lists.some((list) => sameList(part(list), seen))) return;
  verdict.violated(
    `${options.what}, ${event.resv} shows ${printList(seen)} instead of ${printList(part(lists[0]!))}`,
    verdict.since("reservations", event.resv, "lists"),
  );
}

/** Whether the changes are all of these kinds, and the first kind is among them. */
export function onlyAfter(changes: readonly ListChange[], kind: ListChange, ...others: readonly ListChange[]): boolean {
  return changes.includes(kind) && changes.every((change) => change === kind || others.includes(change));
}
