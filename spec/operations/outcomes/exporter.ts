import { EBADF, EBADFD, EBUSY, EFAULT, EINVAL, ENODEV, ENOENT, EOPNOTSUPP, type Errno } from "../../errno.ts";
import type { CallEvent } from "../../event.ts";
import { accessFrame } from "../../state/observe/rows.ts";
import { promisesRest } from "../../state/promises.ts";
import type { BufferState } from "../../state/state.ts";
import type { exporterOperations } from "../exporter.ts";
import { done, handedOn, only, type Outcome, type OutcomeContext } from "./context.ts";

/** Room for a debug name, without its terminator. */
const longestName = 31;

const succeeds: Outcome = { errno: 0, when: "nothing speaks against it" };
const unsupported: Outcome = { errno: EOPNOTSUPP, when: "the exporter has no such operation" };

function exportOutcomes(context: OutcomeContext, call: CallEvent<"export">): readonly Outcome[] {
  if (call.missing.length > 0) return only(EINVAL, "the caller left something out");
  if (call.pin !== call.unpin) return only(EINVAL, "pin and unpin go together");
  if (context.profile.cacheSgtMapping && call.caching && call.pin)
    return only(EINVAL, "cached tables do not go with pinning");
  if (context.unloaded.has(call.exporter)) return only(ENOENT, "the exporter's module is gone");
  return [succeeds];
}

function onDescriptor(context: OutcomeContext, fd: string): readonly Outcome[] {
  const row = context.state.fds.get(fd);
  if (row === undefined) return [];
  return row.open ? only(0, "the descriptor is open") : only(EBADF, "the descriptor is closed");
}

/** The exporting device is gone, or on its way. */
function isClosing({ state }: OutcomeContext, exporter: string): boolean {
  if (state.exporters.get(exporter)?.closed === true) return true;
  for (const { frames } of state.tasks.values())
    if (frames.some((frame) => frame.kind === "call" && frame.op === "closeDevice" && frame.exporter === exporter))
      return true;
  return false;
}

/** Another task is in an operation after which the buffer's access may be another one. */
function isChanging(context: OutcomeContext, task: string, buffer: BufferState, name: string): boolean {
  for (const [other, row] of context.state.tasks)
    if (other !== task && accessFrame(row, buffer, name) !== undefined) return true;
  return false;
}

/** Something keeps the storage where it is: a pin, or a mapping of somebody who cannot be told of a move. */
function isHeld({ state }: OutcomeContext, buffer: string): boolean {
  for (const row of state.attachments.values()) {
    if (row.buffer !== buffer) continue;
    if (row.hookPins > 0 || row.pins > 0 || (row.ops !== "callback" && row.hookMaps.length > 0)) return true;
  }
  return false;
}

function moveOutcomes(context: OutcomeContext, call: CallEvent<"move" | "evict">): readonly Outcome[] {
  const buffer = context.state.buffers.get(call.buffer);
  if (buffer === undefined) return [];
  const legal: Outcome[] = [];
  const held = isHeld(context, call.buffer);
  // Whether a kernel address lets the storage go is for a rule to say.
  if (held || buffer.vmapHooked || promisesRest(context.state, call.buffer))
    legal.push({ errno: EBUSY, when: "something holds the storage in its place" });
  if (!held) legal.push(succeeds);
  if (buffer.access !== "accessible") legal.push({ errno: ENODEV, when: "the buffer is revoked" });
  if (isClosing(context, buffer.exporter)) legal.push({ errno: ENODEV, when: "the device goes away" });
  return [...legal, unsupported, ...handedOn(context)];
}

function accessOutcomes(
  context: OutcomeContext,
  call: CallEvent<"revoke" | "unrevoke" | "revokeForever">,
): readonly Outcome[] {
  const buffer = context.state.buffers.get(call.buffer);
  if (buffer === undefined) return [];
  const legal: Outcome[] = [succeeds];
  const refuse = (errno: Errno, when: string) => legal.push({ errno, when });
  if (isClosing(context, buffer.exporter)) refuse(ENODEV, "the device goes away");
  // A buffer can be named before its exporter has put it on its own list; the history does not show when it has.
  refuse(ENODEV, "its exporter does not know it yet");
  const changing = isChanging(context, call.task, buffer, call.buffer);
  switch (call.op) {
    case "revoke":
      break;
    case "unrevoke":
      if (context.state.exporters.get(buffer.exporter)?.memory === false) refuse(ENODEV, "the memory is off");
      if (buffer.access === "revokedForever") refuse(ENODEV, "the buffer is revoked for good");
      if (changing) refuse(ENODEV, "others take access away at the same time");
      break;
    case "revokeForever":
      if (buffer.access === "revokedForever" || changing) refuse(EBADFD, "the buffer is revoked for good already");
      break;
  }
  return [...legal, unsupported, ...handedOn(context)];
}

function deviceOutcomes(
  context: OutcomeContext,
  call: CallEvent<"reset" | "setMemory" | "closeDevice">,
): readonly Outcome[] {
  const gone = call.op !== "closeDevice" && isClosing(context, call.exporter);
  const refused: readonly Outcome[] = gone ? [{ errno: ENODEV, when: "the device goes away" }] : [];
  return [succeeds, ...refused, unsupported, ...handedOn(context)];
}

/** Legal answers of the exporter side. */
export function exporterOutcomes(
  context: OutcomeContext,
  call: CallEvent<keyof typeof exporterOperations>,
): readonly Outcome[] {
  switch (call.op) {
    case "export":
      return exportOutcomes(context, call);
    case "requestFd":
      return [succeeds, ...handedOn(context)];
    case "exportRegion":
      return [
        succeeds,
        { errno: EINVAL, when: "the ranges are no part of the region, or it has no provider" },
        { errno: ENODEV, when: "the device goes away, or it has no such BAR" },
        unsupported,
        ...handedOn(context),
      ];
    case "close":
    case "get":
      return onDescriptor(context, call.fd);
    case "seek":
      return call.offset === 0 && (call.whence === 0 || call.whence === 2)
        ? only(0, "the end or the beginning is asked for")
        : only(EINVAL, "only offset 0 from the end or the beginning is known");
    case "setName":
      if (call.name === null) return only(EFAULT, "the name cannot be read");
      return call.name.length > longestName ? only(EINVAL, "the name is too long") : only(0, "the name fits");
    case "exportFd":
    case "getRef":
    case "put":
    case "invalidate":
    case "getName":
    case "listBuffers":
      return done;
    case "move":
    case "evict":
      return moveOutcomes(context, call);
    case "revoke":
    case "unrevoke":
    case "revokeForever":
      return accessOutcomes(context, call);
    case "reset":
    case "setMemory":
    case "closeDevice":
      return deviceOutcomes(context, call);
    case "unloadOwner":
      return [succeeds, { errno: EBUSY, when: "the module is in use" }];
  }
}
