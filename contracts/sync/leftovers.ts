import type { CallEvent, RetEvent } from "../../spec/event.ts";
import type { State } from "../../spec/state/state.ts";
import type { Verdict } from "../monitor.ts";
import { resvOf } from "../shared/lookup.ts";
import { possibleEntries } from "../shared/possible-lists.ts";

const makers: ReadonlySet<string> = new Set(["exportSyncFile", "mergeSyncFiles", "createSyncFile", "exportFd"]);

/** Whether another task is just about to get a descriptor, and may have a number reserved. */
function othersReserve(state: State, own: string): boolean {
  for (const [task, { frames }] of state.tasks)
    if (task !== own && frames.some((frame) => frame.kind === "call" && makers.has(frame.op))) return true;
  return false;
}

/** What exports that failed may have kept: numbers of descriptors, and references to fences. */
export class Leftovers {
  private last: RetEvent<"exportSyncFile"> | null = null;
  private readonly open = new Map<string, number>();
  /** Calls that began with a failed export behind them and nobody else at work. */
  private readonly clean = new Set<number>();
  private readonly fences = new Map<string, RetEvent<"exportSyncFile">>();

  begin(event: CallEvent, state: State): void {
    if (this.last !== null && !othersReserve(state, event.task)) this.clean.add(event.seq);
  }

  failed(event: RetEvent<"exportSyncFile">, state: State, verdict: Verdict): void {
    verdict.exercised();
    this.last = event;
    this.disturbed();
    for (const { fence } of possibleEntries(state, resvOf(state, event.buffer))) this.fences.set(fence, event);
  }

  /** A call that had reserved a number has given it back: those under way may have seen it taken. */
  disturbed(): void {
    this.clean.clear();
  }

  given(event: RetEvent, name: string, descriptor: number, state: State, verdict: Verdict): void {
    const isClean = this.clean.delete(event.call) && !othersReserve(state, event.task);
    if (isClean && this.last !== null) {
      const taken = new Set(this.open.values());
      let lowest = 0;
      while (taken.has(lowest)) lowest += 1;
      if (descriptor > lowest)
        verdict.violated(
          `the next descriptor is number ${descriptor}, as the export that failed has kept ${lowest}`,
          this.last,
        );
    }
    this.open.set(name, descriptor);
  }

  closed(name: string): void {
    this.open.delete(name);
    this.disturbed();
  }

  /** Everything is closed and put: whoever still keeps a fence alive has no business with it. */
  end(state: State, verdict: Verdict): void {
    for (const [name, call] of this.fences) {
      const fence = state.fences.get(name);
      if (fence === undefined || fence.released || fence.refs > 0 || fence.kind !== "plain" || !fence.signaled)
        continue;
      if (!isHeld(state, name))
        verdict.violated(`${name} is never released after an export of ${call.buffer} that failed`, call);
    }
  }
}

/** Whether an object that is still there, or a container, has a reference to a fence. */
export function isHeld(state: State, name: string): boolean {
  for (const fence of state.fences.values())
    if (!fence.released && (fence.members.includes(name) || fence.previous === name)) return true;
  for (const [resv, { entries, lists }] of state.reservations) {
    const buffers = [...state.buffers.values()].filter((buffer) => buffer.resv === resv);
    const gone = buffers.length > 0 && buffers.every(({ released }) => released) && resv.endsWith(".resv");
    if (gone) continue;
    if (lists.length === 0 || entries.some(({ fence }) => fence === name)) return true;
    if (lists.some((list) => list.some(({ fence }) => fence === name))) return true;
  }
  return false;
}
