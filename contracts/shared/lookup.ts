import type { CallEvent, CbEvent, CbRetEvent } from "../../spec/event.ts";
import type { Placement } from "../../spec/roles/handles.ts";
import { trailOf, type AttachmentState, type BufferState, type State } from "../../spec/state/state.ts";

/** The buffer behind an attachment. */
export function bufferOf(state: State, attachment: string | null): BufferState | undefined {
  const row = attachment === null ? undefined : state.attachments.get(attachment);
  return row === undefined ? undefined : state.buffers.get(row.buffer);
}

/** Attachments of a buffer, listed or not, by name. */
export function attachmentsOf(state: State, buffer: string): readonly (readonly [string, AttachmentState])[] {
  return [...state.attachments].filter(([, row]) => row.buffer === buffer);
}

/** Where a buffer's storage lies; null where it has none or nobody said. */
export function placementOf(state: State, buffer: BufferState): Placement | null {
  return buffer.storage === null ? null : (state.resources.get(buffer.storage)?.placement ?? null);
}

/** The innermost call or callback under way in a task. */
export function innermost(state: State, task: string): CallEvent | CbEvent | undefined {
  return state.tasks.get(task)?.frames.at(-1);
}

/** Hooks of an exporter. */
export type ExporterHook = "attach" | "detach" | "pin" | "unpin" | "map" | "unmap" | "release";

const exporterHooks: ReadonlySet<string> = new Set<ExporterHook>([
  "attach",
  "detach",
  "pin",
  "unpin",
  "map",
  "unmap",
  "release",
]);

/** Exporter hooks that a call under way has run itself and that have returned, in order. `call` is the seq of the call. */
export function hooksIn(state: State, task: string, call: number): readonly CbRetEvent<ExporterHook>[] {
  return trailOf(state, task, call).filter(
    (event): event is CbRetEvent<ExporterHook> => event.kind === "cbret" && exporterHooks.has(event.hook),
  );
}

/** Pins that the exporter knows of on a buffer, explicit and automatic, over all attachments. */
export function pinsOn(state: State, buffer: string): number {
  let pins = 0;
  for (const row of state.attachments.values()) if (row.buffer === buffer) pins += row.hookPins;
  return pins;
}

/** Name of the reservation object of a buffer; empty for one that is unknown. */
export function resvOf(state: State, buffer: string): string {
  return state.buffers.get(buffer)?.resv ?? "";
}
