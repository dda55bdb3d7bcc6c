import type { CallEvent, RetEvent, SignalEvent } from "../../spec/event.ts";
import { isLaterSeqno } from "../../spec/state/observe/entries.ts";
import type { FenceState, State } from "../../spec/state/state.ts";
import { allParts } from "./parts.ts";

/** What FENCE-28 remembers of merges under way. */
export class MergeMemory {
  /** Parts that were pending when the merge began. */
  readonly pending = new Map<number, ReadonlySet<string>>();
  /** Calls that were refused memory. */
  readonly refused = new Set<number>();
  /** Fences that signaled inside a merge. */
  readonly stubs = new Map<string, SignalEvent>();

  begin(event: CallEvent<"merge">, state: State): void {
    this.beginWith(event.seq, event.fences, state);
  }

  beginWith(call: number, fences: readonly string[], state: State): void {
    this.pending.set(call, partsOf(state, fences));
  }
}

/** Plain fences among the parts that are unsignaled, also those of an array that one was enough for. */
function partsOf(state: State, fences: readonly string[]): ReadonlySet<string> {
  const parts = fences.flatMap((name) => [...allParts(state, name)]);
  return new Set(
    parts.filter((part) => {
      const { kind, signaled, released } = state.fences.get(part)!;
      return kind === "plain" && !signaled && !released;
    }),
  );
}

/** Whether the fences are known and nested only as the contract allows: arrays of plain fences, chains of both. */
export function isFlat(state: State, fences: readonly string[]): boolean {
  return (
    fences.every((name) =>
      [...allParts(state, name)].every((part) =>
        state.fences.get(part)!.members.every((member) => {
          const kind = state.fences.get(member)?.kind;
          return kind === "plain" || (kind === "array" && state.fences.get(part)!.kind === "chain");
        }),
      ),
    ) && fences.every((name) => state.fences.has(name))
  );
}

/** What is wrong with the result of a merge, null if nothing is. */
export function wrongMerge(event: RetEvent<"merge">, state: State, memory: MergeMemory): string | null {
  const pending = partsOf(state, event.fences);
  if (event.merged === null) return memory.refused.has(event.call) ? null : "memory was there";
  if (event.time !== null) return wrongStub(event, state, pending, memory.stubs.get(event.merged));
  const kept = event.members.length > 0 ? event.members : [event.merged];
  if (event.members.length === 1) return "an array of one";
  const before = memory.pending.get(event.call);
  const stray = kept.find((name) => before?.has(name) !== true);
  if (stray !== undefined) return `${stray} was no pending part of them`;
  const rows = kept.map((name) => state.fences.get(name)!);
  if (new Set(rows.map((row) => row.context)).size < rows.length) return "two of its members are of one timeline";
  for (const name of pending) {
    const fence = state.fences.get(name)!;
    const newest = rows.find((row) => row.context === fence.context);
    if (newest === undefined) return `${name} is pending and left out`;
    if (isOrdered(state, pending, fence.context) && isLaterSeqno(fence.seqno, newest.seqno, fence.seqno64))
      return `${name} is newer than the one kept of its timeline`;
  }
  return null;
}

function wrongStub(
  event: RetEvent<"merge">,
  state: State,
  pending: ReadonlySet<string>,
  signal: SignalEvent | undefined,
): string | null {
  const [left] = pending;
  if (left !== undefined) return `${left} is pending`;
  if (signal === undefined) return "it is not signaled";
  // The search for the latest begins at 0: a part stamped before that leaves no trace.
  const times = [0, ...event.fences.flatMap((name) => stampsOf(state, name))];
  const latest = Math.max(...times);
  if (signal.time === latest) return null;
  // Parts of a chain but for the head's own may have been unlinked, and their stamps with them.
  const sure = Math.max(0, ...event.fences.flatMap((name) => headStamps(state, name)));
  return signal.time >= sure && times.includes(signal.time)
    ? null
    : `it is stamped ${signal.time}, its newest part ${latest}`;
}

function stampsOf(state: State, name: string): readonly number[] {
  const rows = [...allParts(state, name)].map((part) => state.fences.get(part)!);
  return rows.filter((row) => row.kind === "plain").map((row) => row.time);
}

function headStamps(state: State, name: string): readonly number[] {
  const fence = state.fences.get(name)!;
  return fence.kind === "chain" ? fence.members.flatMap((member) => stampsOf(state, member)) : stampsOf(state, name);
}

/** Whether the numbers of a timeline's parts are in one order: of one width, and without a full turn of the counter. */
function isOrdered(state: State, parts: ReadonlySet<string>, context: number): boolean {
  const rows = [...parts].map((name) => state.fences.get(name)!).filter((row: FenceState) => row.context === context);
  if (rows.some((row) => row.seqno64 !== rows[0]!.seqno64)) return false;
  const numbers = rows.map((row) => row.seqno);
  return rows[0]?.seqno64 === true || rows.length <= 2 || Math.max(...numbers) - Math.min(...numbers) < 2 ** 31;
}
