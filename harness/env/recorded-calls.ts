import type { Errno } from "../../spec/errno.ts";
import type { Fence, FenceCallback, Reservation, Usage } from "../../spec/roles/handles.ts";
import type { World } from "../world.ts";
import { recordCallback } from "./hooks.ts";

// Calls that a framework's own parts are recorded with too: they decide what is in an object and who watches a fence.

export function addCallback(world: World, by: string, fence: Fence | null, callback: FenceCallback | null): Errno {
  const step = world.scheduler.current.stepId;
  const args = {
    fence: fence === null ? null : world.names.of(fence, "fence", step),
    callback: callback === null ? null : world.names.of(callback, "callback", step),
  };
  const call = world.recorder.emit({ kind: "call", op: "addCallback", by, ...args });
  const recorded = callback === null ? null : recordCallback(world, by, callback);
  const errno = world.framework.fences.addCallback(fence, recorded);
  world.recorder.emit({ kind: "ret", op: "addCallback", by, call, errno, ...args });
  return errno;
}

export function removeCallback(world: World, by: string, fence: Fence, callback: FenceCallback): boolean {
  const step = world.scheduler.current.stepId;
  const args = { fence: world.names.of(fence, "fence", step), callback: world.names.of(callback, "callback", step) };
  const call = world.recorder.emit({ kind: "call", op: "removeCallback", by, ...args });
  const answer = world.framework.fences.removeCallback(fence, recordCallback(world, by, callback));
  world.recorder.emit({ kind: "ret", op: "removeCallback", by, call, errno: 0, ...args, answer });
  return answer;
}

export function reserveFences(world: World, by: string, resv: Reservation, count: number): Errno {
  const args = { resv: world.names.of(resv, "reservation", world.scheduler.current.stepId), count };
  const call = world.recorder.emit({ kind: "call", op: "reserveFences", by, ...args });
  const errno = world.framework.reservations.reserveFences(resv, count);
  world.recorder.emit({ kind: "ret", op: "reserveFences", by, call, errno, ...args });
  return errno;
}

export function addFence(world: World, by: string, resv: Reservation, fence: Fence, usage: Usage): void {
  const step = world.scheduler.current.stepId;
  const args = { resv: world.names.of(resv, "reservation", step), fence: world.names.of(fence, "fence", step), usage };
  const call = world.recorder.emit({ kind: "call", op: "addFence", by, ...args });
  world.framework.reservations.addFence(resv, fence, usage);
  world.recorder.emit({ kind: "ret", op: "addFence", by, call, errno: 0, ...args });
}
