import type { HookName } from "../../spec/hooks.ts";
import type { CallEvent, CbEvent, SignalEvent } from "../../spec/event.ts";
import type { State } from "../../spec/state/state.ts";

type SignalCall = CallEvent<"signal" | "signalTimestamp" | "checkAndSignal">;

/** The innermost open call of a task: what happens now is its doing, or the framework's inside it. */
export function openCall(state: State, task: string): CallEvent | undefined {
  const frames = state.tasks.get(task)?.frames ?? [];
  for (let index = frames.length - 1; index >= 0; index -= 1) {
    const frame = frames[index]!;
    if (frame.kind === "call") return frame;
  }
  return undefined;
}

/** The innermost open hook of this name in a task. */
export function openHook<K extends HookName>(state: State, task: string, hook: K): CbEvent<K> | undefined {
  const frames = state.tasks.get(task)?.frames ?? [];
  for (let index = frames.length - 1; index >= 0; index -= 1) {
    const frame = frames[index]!;
    if (frame.kind === "cb" && frame.hook === hook) return frame as unknown as CbEvent<K>;
  }
  return undefined;
}

/** The call by which somebody signals the fence on purpose; undefined where a query, a hook or deferred work does. */
export function signalCall(state: State, event: SignalEvent): SignalCall | undefined {
  const call = openCall(state, event.task);
  switch (call?.op) {
    case "signal":
    case "signalTimestamp":
    case "checkAndSignal":
      return call.fence === event.fence ? call : undefined;
    default:
      return undefined;
  }
}

/** Callbacks queued on a fence, by name. */
export function queuedOn(state: State, fence: string): readonly string[] {
  return [...state.callbacks].filter(([, row]) => row.fence === fence && row.state === "pending").map(([name]) => name);
}
