import { EINVAL, ENODEV } from "../../spec/errno.ts";
import type { CallEvent, CbRetEvent, RetEvent } from "../../spec/event.ts";
import { accessFrame, changesAccess, givesBack, type AccessOperation } from "../../spec/state/observe/rows.ts";
import type { BufferState, State, TaskState } from "../../spec/state/state.ts";
import type { Handler, Handlers } from "../monitor.ts";

/** An operation that takes access away or gives it back, as it was called. */
export type AccessCall = CallEvent<AccessOperation>;

/** Weights for programs that take access away and give it back while others map. */
export const cycling = {
  attach: 8,
  detach: 0.2,
  mapUnlocked: 60,
  unmapUnlocked: 15,
  revoke: 30,
  unrevoke: 60,
  revokeForever: 0.1,
  closeDevice: 0.1,
} as const;

/** The same handler for the call of every operation that changes access. */
export function atCall<M>(handler: Handler<AccessCall, M>): Handlers<M> {
  return {
    "call revoke": handler,
    "call unrevoke": handler,
    "call revokeForever": handler,
    "call reset": handler,
    "call setMemory": handler,
    "call closeDevice": handler,
  };
}

/** The same handler for the return of every operation that changes access. */
export function atReturn<M>(handler: Handler<RetEvent<AccessOperation>, M>): Handlers<M> {
  return {
    "ret revoke": handler,
    "ret unrevoke": handler,
    "ret revokeForever": handler,
    "ret reset": handler,
    "ret setMemory": handler,
    "ret closeDevice": handler,
  };
}

/** Whether maps have to be refused now. */
export function isRevoked(buffer: BufferState): boolean {
  return buffer.access === "revoked" || buffer.access === "revokedForever";
}

/** Whether a map hook refused as it has to while the buffer is revoked. A direction that nobody can map may be refused first. */
export function isRefusal(event: CbRetEvent<"map">): boolean {
  return event.errno === ENODEV || (event.errno === EINVAL && event.direction === "none");
}

/** Whether the core's own pin inside a map was refused: the exporter's map hook is not even asked then. */
export function isRefusedPin(state: State, event: CbRetEvent<"pin">): boolean {
  const caller = state.tasks.get(event.task)?.frames.at(-2);
  const isMap = caller?.kind === "call" && (caller.op === "map" || caller.op === "mapUnlocked");
  return isMap && event.errno !== 0 && !event.injected;
}

/** What a map hook did instead, in words. */
export function notRefused(event: CbRetEvent<"map">): string {
  return event.errno === 0 ? "succeeded" : "failed with another error than ENODEV";
}

/** Whether somebody still has a reference. */
export function isLive(buffer: BufferState): boolean {
  return buffer.refs > 0 && !buffer.released;
}

/** Whether the exporter's device answers. */
export function memoryIsOn(state: State, exporter: string): boolean {
  return state.exporters.get(exporter)?.memory !== false;
}

/** The operation of this task that changes access to the buffer. */
export function changeUnderWay(state: State, task: string, name: string): AccessCall | undefined {
  const buffer = state.buffers.get(name);
  return buffer === undefined ? undefined : accessFrame(state.tasks.get(task), buffer, name);
}

/** Whether any operation that changes access is under way in the task. */
export function innermostChange(task: TaskState | undefined): AccessCall | undefined {
  return task?.frames.findLast((frame) => frame.kind === "call" && changesAccess(frame)) as AccessCall | undefined;
}

/** The operation in which this invalidate is the message of a revoke that begins; undefined for any other message. */
export function revokeBegun(state: State, event: CallEvent<"invalidate">): AccessCall | undefined {
  if (state.buffers.get(event.buffer)?.access !== "accessible") return undefined;
  const operation = changeUnderWay(state, event.task, event.buffer);
  if (operation === undefined || operation.op === "unrevoke") return undefined;
  return operation.op === "setMemory" && operation.on ? undefined : operation;
}

/** The operation in which this invalidate, called or returned, tells that access comes back; undefined for any other message. */
export function returnAnnounced(
  state: State,
  event: CallEvent<"invalidate"> | RetEvent<"invalidate">,
): AccessCall | undefined {
  const operation = changeUnderWay(state, event.task, event.buffer);
  const buffer = state.buffers.get(event.buffer);
  if (operation === undefined || buffer === undefined || buffer.contested || !givesBack(operation)) return undefined;
  if (buffer.access === "changing") return operation;
  // A reset that tells twice: before the second time the buffer counts as revoked.
  return event.kind === "call" && operation.op === "reset" && buffer.access === "revoked" ? operation : undefined;
}

/** Attachments of a buffer with what the exporter has mapped for each, where that is anything. */
export function mappedTables(state: State, name: string): readonly Mapped[] {
  const found: Mapped[] = [];
  for (const [attachment, row] of state.attachments)
    if (row.buffer === name) for (const { table } of row.hookMaps) found.push({ attachment, table });
  return found;
}

/** A table the exporter has handed out and not got back. */
export interface Mapped {
  readonly attachment: string;
  readonly table: string;
}

/** A revoke from its message to the return of the operation it is part of. */
export interface Revoke {
  readonly buffer: string;
  readonly operation: AccessCall;
  readonly message: CallEvent<"invalidate">;
  /** What was mapped when it began. */
  readonly mapped: readonly Mapped[];
}

/** Revokes under way. */
export class Revokes {
  private open: Revoke[] = [];

  /** To be called for every `call invalidate`. */
  begin(state: State, event: CallEvent<"invalidate">): Revoke | undefined {
    const operation = revokeBegun(state, event);
    if (operation === undefined) return undefined;
    const revoke = { buffer: event.buffer, operation, message: event, mapped: mappedTables(state, event.buffer) };
    this.open.push(revoke);
    return revoke;
  }

  /** Those that end with this return. */
  end(event: RetEvent<AccessOperation>): readonly Revoke[] {
    const ended = this.open.filter((revoke) => revoke.operation.seq === event.call);
    if (ended.length > 0) this.open = this.open.filter((revoke) => revoke.operation.seq !== event.call);
    return ended;
  }

  /** The one a task is carrying out for a buffer. */
  of(task: string, buffer: string): Revoke | undefined {
    return this.open.find((revoke) => revoke.operation.task === task && revoke.buffer === buffer);
  }

  /** The one that is under way for a buffer. */
  on(buffer: string): Revoke | undefined {
    return this.open.findLast((revoke) => revoke.buffer === buffer);
  }
}
