import type { CbEvent } from "../../spec/event.ts";
import type { State } from "../../spec/state/state.ts";

/** The attach or detach hook of this exporter that the task is in. */
export function hookOf<H extends "attach" | "detach">(
  state: State,
  task: string,
  by: string,
  hook: H,
): CbEvent<H> | undefined {
  for (const frame of state.tasks.get(task)?.frames ?? [])
    if (frame.kind === "cb" && frame.hook === hook && frame.to === by) return frame as CbEvent<H>;
  return undefined;
}
