import type { State } from "../../spec/state/state.ts";

/** Whether a task is on its way to signal a fence: in a signalling section, in a signal, or in a hook that comes with one. */
export function isSignallingPath(state: State, task: string): boolean {
  const row = state.tasks.get(task);
  if (row === undefined) return false;
  if (row.signalling.length > 0) return true;
  return row.frames.some((frame) => {
    if (frame.kind === "cb") return frame.hook === "callback" || frame.hook === "enableSignaling";
    return frame.op === "signal" || frame.op === "signalTimestamp" || frame.op === "checkAndSignal";
  });
}
