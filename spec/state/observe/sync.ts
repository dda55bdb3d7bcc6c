import type { CallEvent, RetEvent } from "../../event.ts";
import type { State } from "../state.ts";
import { keep } from "./cpu.ts";

/** The plain fences that a fence stands for, in order: its unwrapped form, as far as the history shows it. */
export function leavesOf(state: State, name: string, found: string[] = []): string[] {
  const fence = state.fences.get(name);
  if (fence === undefined) return found;
  if (fence.kind === "plain") {
    found.push(name);
    return found;
  }
  for (const member of fence.members) leavesOf(state, member, found);
  return fence.previous === null ? found : leavesOf(state, fence.previous, found);
}

/** A sync file was made: it has a reference of its own, and its fence counts on its owner. */
export function syncFileMade(
  state: State,
  event: RetEvent<"createSyncFile" | "exportSyncFile" | "mergeSyncFiles">,
): void {
  if (event.errno !== 0 || event.fence === null) return;
  const { fence: name, syncFile, by, descriptor } = event;
  const fence = state.fences.get(name);
  if (fence !== undefined) fence.refs += 1;
  else if (event.op !== "createSyncFile") addFresh(state, event, name);
  const known = state.fences.get(name);
  if (known !== undefined) known.published = true;
  const merged = event.op === "mergeSyncFiles";
  state.syncFiles.set(syncFile, { fence: name, by, open: true, descriptor, members: leavesOf(state, name), merged });
}

/** An array or a signaled fence that the framework has just made; the file has the only reference. */
function addFresh(state: State, event: RetEvent<"exportSyncFile" | "mergeSyncFiles">, name: string): void {
  state.fences.set(name, {
    context: event.context,
    seqno: event.number,
    seqno64: false,
    by: "framework",
    step: event.step,
    kind: event.members.length > 0 ? "array" : "plain",
    members: event.members,
    signalOnAny: false,
    previous: null,
    hooks: [],
    signaled: event.time !== null,
    error: 0,
    time: event.time ?? 0,
    enabled: false,
    enables: 0,
    refs: 1,
    programRefs: 0,
    released: false,
    published: false,
    job: null,
  });
}

export function syncFileClosed(state: State, event: CallEvent<"closeSyncFile">): void {
  const file = state.syncFiles.get(event.syncFile);
  if (file?.open !== true) return;
  file.open = false;
  const fence = state.fences.get(file.fence);
  if (fence !== undefined) fence.refs -= 1;
}

/** The buffer that is being polled in a task, for callbacks that are added meanwhile. */
export function polledBuffer(state: State, task: string): string | null {
  const frame = state.tasks.get(task)?.frames.at(-1);
  return frame?.kind === "call" && frame.op === "poll" ? frame.buffer : null;
}

/** A callback of a poll is queued, or has run: with it goes a reference on the buffer. */
export function pollArmed(state: State, callback: string | null, change: 1 | -1): void {
  const poll = callback === null ? null : (state.callbacks.get(callback)?.poll ?? null);
  if (poll !== null) keep(state.buffers.get(poll), change);
}
