import type { State, TrailEvent } from "../state.ts";

/** Notes what happened directly inside the innermost open frame of its task, for rules that look at what a call did. */
export function noteTrail(state: State, event: TrailEvent): void {
  const task = state.tasks.get(event.task);
  const frame = task?.frames.at(-1);
  if (task === undefined || frame === undefined) return;
  const depth = task.frames.length - 1;
  const known = task.trails[depth];
  if (known?.frame === frame.seq) {
    known.events.push(event);
    return;
  }
  while (task.trails.length < depth) task.trails.push({ frame: -1, events: [] });
  task.trails[depth] = { frame: frame.seq, events: [event] };
}
