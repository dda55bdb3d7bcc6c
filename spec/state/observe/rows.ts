import type { CallEvent } from "../../event.ts";
import type { Access, BufferState, ReservationState, State, TaskState } from "../state.ts";

/** The row of a task, made at its first event. */
export function taskOf(state: State, name: string): TaskState {
  let row = state.tasks.get(name);
  if (row === undefined) {
    row = { frames: [], held: [], waiting: null, signalling: [], interrupted: false };
    state.tasks.set(name, row);
  }
  return row;
}

/** The row of a reservation object, made when it is first named. */
export function reservationOf(state: State, name: string): ReservationState {
  let row = state.reservations.get(name);
  if (row === undefined) {
    row = { owner: null, acquire: null, slots: 0, entries: [], hold: 0 };
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

/**
 * The driver operation inside which the task takes access away or gives it back for this buffer, if any.
 * A revoke is private to its exporter; it is dated by the first invalidate inside one of these.
 */
export function revokingFrame(task: TaskState, buffer: BufferState, name: string): CallEvent | undefined {
  for (let index = task.frames.length - 1; index >= 0; index -= 1) {
    const frame = task.frames[index]!;
    if (frame.kind !== "call") continue;
    switch (frame.op) {
      case "revoke":
      case "revokeForever":
        if (frame.buffer === name) return frame;
        break;
      case "reset":
      case "closeDevice":
        if (frame.exporter === buffer.exporter) return frame;
        break;
      case "setMemory":
        if (frame.exporter === buffer.exporter && !frame.on) return frame;
        break;
      default:
        break;
    }
  }
  return undefined;
}
