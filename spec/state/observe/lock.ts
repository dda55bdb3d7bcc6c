import { EDEADLK } from "../../errno.ts";
import type { LockEvent, UnlockEvent } from "../../event.ts";
import type { State } from "../state.ts";
import { reservationOf, taskOf } from "./rows.ts";

/** A lock request is answered. */
export function observeLock(state: State, event: LockEvent): void {
  const acquire = event.acquire === null ? undefined : state.acquires.get(event.acquire);
  if (event.errno === EDEADLK) {
    if (acquire !== undefined) acquire.contended = event.lock;
    return;
  }
  if (event.errno !== 0) return;
  taskOf(state, event.task).held.push({
    lock: event.lock,
    lockClass: event.lockClass,
    form: event.form,
    acquire: event.acquire,
  });
  if (event.lockClass !== "reservation") {
    state.locks.set(event.lock, { lockClass: event.lockClass, owner: event.task });
    return;
  }
  const resv = reservationOf(state, event.lock);
  resv.owner = event.task;
  resv.acquire = event.acquire;
  resv.slots = 0;
  resv.hold = state.clock += 1;
  if (acquire === undefined) return;
  acquire.held.push(event.lock);
  acquire.contended = null;
}

/** A lock is released, by whoever does it. */
export function observeUnlock(state: State, event: UnlockEvent): void {
  const owner =
    event.lockClass === "reservation" ? state.reservations.get(event.lock)?.owner : state.locks.get(event.lock)?.owner;
  if (owner !== null && owner !== undefined) {
    const { held } = taskOf(state, owner);
    const index = held.findLastIndex((entry) => entry.lock === event.lock);
    if (index >= 0) held.splice(index, 1);
  }
  if (event.lockClass !== "reservation") {
    const row = state.locks.get(event.lock);
    if (row !== undefined) row.owner = null;
    return;
  }
  const resv = reservationOf(state, event.lock);
  const acquire = resv.acquire === null ? undefined : state.acquires.get(resv.acquire);
  if (acquire !== undefined) acquire.held = acquire.held.filter((name) => name !== event.lock);
  resv.owner = null;
  resv.acquire = null;
  resv.slots = 0;
}
