import type { Evidence } from "../../contracts/monitor.ts";
import type { HistoryEvent } from "../../spec/event.ts";
import { observe } from "../../spec/state/observe.ts";
import { initialState, type State } from "../../spec/state/state.ts";

/**
 * The events a proof rests on, in order. "The event that last set this field" is found by folding the history again:
 * states carry no dates, so that judging stays cheap and explaining pays.
 */
export function provenance(
  events: readonly HistoryEvent[],
  evidence: readonly Evidence[],
  until: number,
): readonly number[] {
  const found = new Set<number>();
  const since = evidence.filter((item) => item.kind === "since");
  for (const item of evidence) if (item.kind === "event") found.add(item.seq);
  if (since.length > 0) {
    const state = initialState();
    const last: (string | undefined)[] = since.map(() => undefined);
    const setBy: number[] = since.map(() => -1);
    for (const event of events) {
      if (event.seq >= until) break;
      observe(state, event);
      since.forEach((item, index) => {
        const value = fieldOf(state, item);
        if (value === last[index]) return;
        last[index] = value;
        setBy[index] = event.seq;
      });
    }
    for (const seq of setBy) if (seq >= 0) found.add(seq);
  }
  return [...found].toSorted((first, second) => first - second);
}

function fieldOf(state: State, { table, row, field }: Extract<Evidence, { kind: "since" }>): string | undefined {
  const record = state[table].get(row) as Readonly<Record<string, unknown>> | undefined;
  return record === undefined ? undefined : JSON.stringify(record[field]);
}
