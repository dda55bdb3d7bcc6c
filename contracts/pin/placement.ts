import { EBUSY } from "../../spec/errno.ts";
import type { CallEvent, CbEvent, CbRetEvent, EpochEvent, RetEvent } from "../../spec/event.ts";
import { accessFrame, givesBack } from "../../spec/state/observe/rows.ts";
import { promisesRest } from "../../spec/state/promises.ts";
import { trailOf, type BufferState, type State } from "../../spec/state/state.ts";
import type { Verdict } from "../monitor.ts";
import { pendingFences } from "../shared/fences.ts";
import type { Holds } from "../shared/holds.ts";
import { attachmentsOf, pinsOn, placementOf } from "../shared/lookup.ts";

/** Whether storage that a buffer had is exchanged by a move, which pins forbid. Its first storage moves nothing. */
export function moved(event: EpochEvent, state: State): boolean {
  const before = state.buffers.get(event.buffer)?.storage ?? null;
  return event.change === "move" && before !== null && before !== event.storage;
}

/** Attachments of a buffer that hold a pin. */
export function pinned(state: State, buffer: string): readonly string[] {
  return attachmentsOf(state, buffer).flatMap(([name, row]) => (row.hookPins > 0 ? [name] : []));
}

export function isPinnedInDevice(state: State, name: string): boolean {
  const buffer = state.buffers.get(name);
  return buffer !== undefined && placementOf(state, buffer) === "device" && pinsOn(state, name) > 0;
}

/**
 * A move of a buffer that nobody pins is not refused as busy because of what happened to its pins before (`cause`).
 * Fences, contended locks, and mappings of importers that cannot be told and of the kernel are reasons of their own.
 */
export function staysFree(
  event: RetEvent<"move" | "evict">,
  state: State,
  verdict: Verdict,
  cause: CbEvent<"unpin"> | CbRetEvent<"pin"> | undefined,
  holds: Holds,
): void {
  const buffer = state.buffers.get(event.buffer);
  if (cause === undefined || buffer?.access !== "accessible" || cause.seq > event.call) return;
  if (event.errno === EBUSY && holds.endedIn(event)) return;
  const fixed =
    buffer.vmapHooked ||
    promisesRest(state, event.buffer) ||
    attachmentsOf(state, event.buffer).some(
      ([, row]) => row.hookPins > 0 || (row.ops !== "callback" && row.hookMaps.length > 0),
    );
  const contended = trailOf(state, event.task, event.call).some((entry) => entry.kind === "lock" && entry.errno !== 0);
  if (fixed || (event.errno === EBUSY && (contended || pendingFences(state, buffer.resv).length > 0))) return;
  verdict.exercised();
  if (event.errno === EBUSY)
    verdict.violated(
      cause.kind === "cb"
        ? `${event.op} of ${event.buffer} is refused as busy although its last pin is gone`
        : `${event.op} of ${event.buffer} is refused as busy although no pin of it succeeded that is not undone`,
      cause,
    );
}

/** A move that was asked for while a pin is left of several: refusing it was right. */
export function staysPinned(
  event: RetEvent<"move" | "evict">,
  state: State,
  verdict: Verdict,
  unpins: ReadonlyMap<string, CbEvent<"unpin">>,
): void {
  if (unpins.has(event.buffer) && pinsOn(state, event.buffer) > 0) verdict.exercised();
}

/** Whether an invalidate is that of a revoke. */
export function revokes(state: State, event: CallEvent<"invalidate">, buffer: BufferState): boolean {
  const frame = accessFrame(state.tasks.get(event.task), buffer, event.buffer);
  return frame !== undefined && (frame.op === "reset" || !givesBack(frame));
}

/** Whether an attachment was told that its memory stays, and cannot be told of the contrary. */
export function isFooled(state: State, attachment: string): boolean {
  const row = state.attachments.get(attachment);
  return row !== undefined && row.ops !== "callback" && (row.pins > 0 || row.hookPins > 0);
}

/** No mapping of a buffer pinned in device memory leads there for an attachment that is no peer. */
export function neverPeer(event: RetEvent<"map" | "mapUnlocked">, state: State, verdict: Verdict): void {
  const row = event.attachment === null ? undefined : state.attachments.get(event.attachment);
  if (row === undefined || row.peer2peer || !isPinnedInDevice(state, row.buffer)) return;
  verdict.exercised();
  if (event.errno === 0 && event.segments.some(({ storage }) => storage === state.buffers.get(row.buffer)?.storage))
    verdict.violated(
      `${event.attachment} is no peer and gets addresses of device memory in which ${row.buffer} is pinned`,
      verdict.since("buffers", row.buffer, "storage"),
      verdict.since("attachments", pinned(state, row.buffer)[0] ?? "", "hookPins"),
    );
}
