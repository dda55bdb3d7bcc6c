import type { CallEvent, SignalEvent } from "../../spec/event.ts";
import type { FenceState, State } from "../../spec/state/state.ts";
import { isContainer } from "./container-state.ts";
import { openCall } from "./frames.ts";

interface Enabled {
  /** The call that enabled it. */
  readonly call: number;
  /** First error seen so far. */
  error: number;
}

/** FENCE-42: the error that each array has to end with. */
export class ArrayErrors {
  private readonly enabled = new Map<string, Enabled>();
  /** Arrays that somebody may enable without our seeing when: part of another container, published, in a wait for any. */
  private readonly doubtful = new Set<string>();

  /** A call begins: some enable the array they name before they do anything else. */
  enabling(event: CallEvent, state: State): void {
    switch (event.op) {
      case "enableSignaling":
        this.enable(event, event.fence, state);
        return;
      case "waitFence":
        if (event.timeout >= 0) this.enable(event, event.fence, state);
        return;
      case "addCallback":
        if (event.fence !== null && event.callback !== null) this.enable(event, event.fence, state);
        return;
      case "createChain":
        this.doubtful.add(event.contained);
        return;
      case "createArray":
        for (const name of event.members) this.doubtful.add(name);
        return;
      case "addFence":
      case "replaceFences":
        this.doubtful.add(event.fence);
        return;
      case "waitAny":
        for (const name of event.fences) this.doubtful.add(name);
        return;
      default:
        return;
    }
  }

  /** A fence that is no array signals; not folded in yet. */
  memberSignals(event: SignalEvent, state: State): void {
    for (const [name, row] of this.enabled) {
      const array = state.fences.get(name);
      if (array === undefined || array.signaled || !array.members.includes(event.fence)) continue;
      // Enabling a member may complete it, and members are enabled by index.
      if (openCall(state, event.task)?.seq === row.call) row.error = firstError(state, array, event);
      else if (row.error === 0) row.error = event.error;
    }
  }

  /** The error an array has to signal with now; null where the history does not say. */
  expected(name: string, array: FenceState, state: State): number | null {
    if (array.signalOnAny || array.members.some((member) => isContainer(state, member))) return null;
    return this.enabled.get(name)?.error ?? (this.doubtful.has(name) ? null : 0);
  }

  private enable(event: CallEvent, name: string, state: State): void {
    const array = state.fences.get(name);
    if (array?.kind !== "array" || array.signaled || this.enabled.has(name) || this.doubtful.has(name)) return;
    this.enabled.set(name, { call: event.seq, error: firstError(state, array) });
  }
}

/** The first error by index among the members that are signaled, or signal now. */
function firstError(state: State, array: FenceState, now?: SignalEvent): number {
  for (const name of array.members) {
    const member = state.fences.get(name);
    const signaled = member?.signaled === true || name === now?.fence;
    if (signaled && member !== undefined && member.error !== 0) return member.error;
  }
  return 0;
}
