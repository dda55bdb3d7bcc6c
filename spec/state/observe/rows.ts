import type { CallName } from "../../calls.ts";
import type { CallEvent } from "../../event.ts";
import type { Access, BufferState, ReservationState, State, TaskState } from "../state.ts";

/** The row of a task, made at its first event. */
export function taskOf(state: State, name: string): TaskState {
  let row = state.tasks.get(name);
  if (row === undefined) {
    row = { frames: [], trails: [], held: [], waiting: null, signalling: [], interrupted: false };
    state.tasks.set(name, row);
  }
  return row;
}

/** The row of a reservation object, made when it is first named. */
export function reservationOf(state: State, name: string): ReservationState {
  let row = state.reservations.get(name);
  if (row === undefined) {
    row = { owner: null, acquire: null, slots: 0, entries: [], lists: [[]], changes: [], hold: 0 };
    state.reservations.set(name, row);
  }
  return row;
}

/** Closes the innermost frame opened by `seq`, and whatever was left open inside it. */
export function closeFrame(task: TaskState, seq: number): void {
  const { frames } = task;
  for (let index = frames.length - 1; index >= 0; index -= 1) {
    if (frames[index]!.seq === seq) {
      frames.length = index;
      return;
    }
  }
}

/** Moves a buffer's access; what is revoked for good stays so. */
export function setAccess(buffer: BufferState | undefined, access: Access): void {
  if (buffer === undefined || buffer.access === "revokedForever") return;
  buffer.access = access;
}

/** Driver operations that change access to one buffer, or to all of a device. */
export type AccessOperation = "revoke" | "unrevoke" | "revokeForever" | "reset" | "setMemory" | "closeDevice";

const accessOperations: ReadonlySet<CallName> = new Set<AccessOperation>([
  "revoke",
  "unrevoke",
  "revokeForever",
  "reset",
  "setMemory",
  "closeDevice",
]);

/** Whether a call is one of them. */
export function changesAccess(event: CallEvent): event is CallEvent<AccessOperation> {
  return accessOperations.has(event.op);
}

/** Whether it concerns this buffer. */
export function concerns(event: CallEvent<AccessOperation>, buffer: BufferState, name: string): boolean {
  return "buffer" in event ? event.buffer === name : event.exporter === buffer.exporter;
}

/** Whether it may end with access given back. */
export function givesBack(event: CallEvent<AccessOperation>): boolean {
  return event.op === "unrevoke" || event.op === "reset" || (event.op === "setMemory" && event.on);
}

/** The innermost operation of the task that changes access to this buffer, if any. */
export function accessFrame(
  task: TaskState | undefined,
  buffer: BufferState,
  name: string,
): CallEvent<AccessOperation> | undefined {
  if (task === undefined) return undefined;
  for (let index = task.frames.length - 1; index >= 0; index -= 1) {
    const frame = task.frames[index]!;
    if (frame.kind === "call" && changesAccess(frame) && concerns(frame, buffer, name)) return frame;
  }
  return undefined;
}

/** Whether any task is in an operation that changes access to this buffer. */
export function isContested(state: State, buffer: BufferState, name: string): boolean {
  for (const task of state.tasks.values()) if (accessFrame(task, buffer, name) !== undefined) return true;
  return false;
}
