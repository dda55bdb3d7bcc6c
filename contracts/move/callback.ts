import type { CallEvent, CbEvent, EpochEvent, LockEvent, WaitFor } from "../../spec/event.ts";
import type { AttachmentState, BufferState, MappingState, State } from "../../spec/state/state.ts";
import { resvOf } from "../shared/lookup.ts";

/** An invalidate callback that is running, and the reservation lock it runs under. */
export interface RunningCallback {
  readonly event: CbEvent<"invalidate">;
  readonly buffer: string;
  readonly resv: string;
  /** Its place among the task's frames. */
  readonly depth: number;
}

/** The innermost invalidate callback open in a task. */
export function callbackIn(state: State, task: string): RunningCallback | undefined {
  const frames = state.tasks.get(task)?.frames ?? [];
  for (let depth = frames.length - 1; depth >= 0; depth -= 1) {
    const event = frames[depth]!;
    if (event.kind !== "cb" || event.hook !== "invalidate") continue;
    const buffer = state.attachments.get(event.attachment)?.buffer ?? "";
    return { event, buffer, resv: resvOf(state, buffer), depth };
  }
  return undefined;
}

/** The same, if what happens now is the doing of that importer and not of somebody it called. */
export function ownCallback(
  state: State,
  event: { readonly task: string; readonly by: string },
): RunningCallback | undefined {
  const callback = callbackIn(state, event.task);
  return callback?.event.to === event.by ? callback : undefined;
}

/** The invalidate of this buffer that a task is in. */
export function invalidateIn(state: State, task: string, buffer: string): CallEvent<"invalidate"> | undefined {
  const frames = state.tasks.get(task)?.frames ?? [];
  return frames.findLast(
    (frame): frame is CallEvent<"invalidate"> =>
      frame.kind === "call" && frame.op === "invalidate" && frame.buffer === buffer,
  );
}

/** The number of the hold of a reservation lock under way; 0 for none. */
export function holdOf(state: State, resv: string): number {
  const row = state.reservations.get(resv);
  return row === undefined || row.owner === null ? 0 : row.hold;
}

/** A request for a reservation lock, as answered or as begun to wait for. */
export function lockRequest(event: LockEvent | { readonly wait: WaitFor }) {
  if ("wait" in event) return event.wait.kind === "lock" ? event.wait : undefined;
  return event;
}

/** The buffer whose move takes effect with this event: it had storage and has other storage from now on. */
export function relocated(state: State, event: EpochEvent): BufferState | undefined {
  const buffer = state.buffers.get(event.buffer);
  if (buffer === undefined || buffer.released || event.change !== "move") return undefined;
  if (buffer.storage === null || event.storage === null || buffer.storage === event.storage) return undefined;
  return buffer;
}

/** Live mappings of a buffer with their attachments. */
export function* liveMappings(
  state: State,
  buffer: BufferState,
): Generator<{ readonly name: string; readonly mapping: MappingState; readonly attachment: AttachmentState }> {
  for (const listed of buffer.listed) {
    const attachment = state.attachments.get(listed);
    if (attachment === undefined) continue;
    for (const name of attachment.maps) {
      const mapping = state.mappings.get(name);
      if (mapping?.live === true) yield { name, mapping, attachment };
    }
  }
}
