import type { CallEvent, DeviceEvent, RetEvent } from "../../event.ts";
import type { BufferState, State } from "../state.ts";
import { accessFrame, concerns, givesBack, isContested, setAccess, taskOf, type AccessOperation } from "./rows.ts";

/** An operation that changes access begins. From here on an unrevoke may have taken effect. */
export function accessCalled(state: State, event: CallEvent<AccessOperation>): void {
  for (const [name, buffer] of state.buffers) {
    if (!concerns(event, buffer, name)) continue;
    if (isContested(state, buffer, name)) buffer.contested = true;
    if (buffer.access === "revoked" && givesBack(event)) setAccess(buffer, "changing");
  }
}

/** The exporter's message inside such an operation: the first sign of a revoke. */
export function invalidateCalled(state: State, event: CallEvent<"invalidate">): void {
  const buffer = state.buffers.get(event.buffer);
  const frame = buffer === undefined ? undefined : accessFrame(state.tasks.get(event.task), buffer, event.buffer);
  if (buffer === undefined || frame === undefined) return;
  switch (frame.op) {
    case "revokeForever":
    case "closeDevice":
      setAccess(buffer, "revokedForever");
      return;
    case "reset":
      // The second one, or that of a buffer which was revoked before, belongs to the unrevoke.
      if (buffer.access === "revoked") setAccess(buffer, "changing");
      if (buffer.access === "accessible")
        setAccess(buffer, othersGiveBack(state, event.task, buffer, event.buffer) ? "changing" : "revoked");
      return;
    case "revoke":
    case "setMemory":
      if (frame.op === "setMemory" && frame.on) return;
      setAccess(buffer, othersGiveBack(state, event.task, buffer, event.buffer) ? "changing" : "revoked");
      return;
    case "unrevoke":
      return;
  }
}

function othersGiveBack(state: State, own: string, buffer: BufferState, name: string): boolean {
  if (!buffer.contested) return false;
  for (const [task, row] of state.tasks) {
    const frame = task === own ? undefined : accessFrame(row, buffer, name);
    if (frame !== undefined && givesBack(frame)) return true;
  }
  return false;
}

/** The device's memory is back inside such an operation: its unrevoke may follow. */
export function memoryCameBack(state: State, event: DeviceEvent): void {
  const task = taskOf(state, event.task);
  for (const [name, buffer] of state.buffers) {
    if (buffer.exporter !== event.exporter || buffer.access !== "revoked") continue;
    const frame = accessFrame(task, buffer, name);
    if (frame !== undefined && givesBack(frame)) setAccess(buffer, "changing");
  }
}

/** The operation has returned, and its frame is closed. Where it overlapped with another, only finality is certain. */
export function accessReturned(state: State, event: RetEvent<AccessOperation>): void {
  for (const [name, buffer] of state.buffers) {
    if ("buffer" in event ? event.buffer !== name : event.exporter !== buffer.exporter) continue;
    if ((event.op === "closeDevice" || event.op === "revokeForever") && event.errno === 0)
      setAccess(buffer, "revokedForever");
    if (!buffer.contested) settleAccess(state, buffer, event);
    else if (!isContested(state, buffer, name)) {
      buffer.contested = false;
      if (buffer.access === "changing") setAccess(buffer, "unknown");
    }
  }
}

function settleAccess(state: State, buffer: BufferState, event: RetEvent<AccessOperation>): void {
  if (event.errno !== 0) {
    if (buffer.access === "changing" && event.op === "unrevoke") setAccess(buffer, "revoked");
    return;
  }
  switch (event.op) {
    case "revoke":
      setAccess(buffer, "revoked");
      return;
    case "unrevoke":
      setAccess(buffer, "accessible");
      return;
    case "reset":
    case "setMemory":
      setAccess(buffer, state.exporters.get(buffer.exporter)?.memory === false ? "revoked" : "accessible");
      return;
    case "revokeForever":
    case "closeDevice":
      return;
  }
}
