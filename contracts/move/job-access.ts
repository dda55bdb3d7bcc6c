import type { AccessEvent, CallEvent, CbEvent, HistoryEvent, LockEvent } from "../../spec/event.ts";
import { frameOf, type MappingState, type State } from "../../spec/state/state.ts";
import { remember, type Monitor, type Verdict } from "../monitor.ts";
import { ownCallback } from "./callback.ts";

/** A device access in a job, or in a submit whose device is done at once. */
export interface JobAccess {
  readonly event: AccessEvent;
  readonly mapping: MappingState;
  /** What to call the piece of work. */
  readonly name: string;
  /** When the device began it. */
  readonly start: HistoryEvent;
  /** The last invalidate of the attachment. */
  readonly callback: CbEvent<"invalidate">;
  /** The invalidate that hit the mapping; null: made after the last one. */
  readonly staleBy: CbEvent<"invalidate"> | null;
  /** That callback had returned when the work began. */
  readonly after: boolean;
  /** The lock that the last callback could not have, and with it what that callback left undone; null: it left nothing. */
  readonly skipped: LockEvent | null;
  /** How the job's fences were added. */
  readonly added: readonly CallEvent<"addFence">[];
}

interface Trace {
  readonly skipped: Map<string, LockEvent>;
  readonly added: Map<string, CallEvent<"addFence">>;
  readonly starts: Map<string, HistoryEvent>;
  readonly callbacks: Map<string, CbEvent<"invalidate">>;
  readonly staleBy: Map<string, CbEvent<"invalidate">>;
  /** When callbacks returned, by the seq of their call. */
  readonly returned: Map<number, number>;
}

/** Judges every access of device work on an attachment that was invalidated before. */
export function onJobAccess(judge: (access: JobAccess, state: State, verdict: Verdict) => void): Monitor {
  const fresh = (): Trace => ({
    skipped: new Map(),
    added: new Map(),
    starts: new Map(),
    callbacks: new Map(),
    staleBy: new Map(),
    returned: new Map(),
  });
  return remember(fresh, {
    device(event, _state, _verdict, { starts }) {
      if (event.change === "jobStart" && event.job !== null) starts.set(event.job, event);
    },
    "cb invalidate"(event, state, _verdict, { skipped, callbacks, staleBy }) {
      skipped.delete(event.attachment);
      callbacks.set(event.attachment, event);
      for (const name of state.attachments.get(event.attachment)?.maps ?? [])
        if (!staleBy.has(name)) staleBy.set(name, event);
    },
    "cbret invalidate"(event, _state, _verdict, { returned }) {
      returned.set(event.cb, event.seq);
    },
    lock(event, state, _verdict, { skipped }) {
      if (event.errno === 0 || event.lockClass !== "reservation") return;
      const callback = ownCallback(state, event);
      if (callback !== undefined) skipped.set(callback.event.attachment, event);
    },
    "call addFence"(event, _state, _verdict, { added }) {
      added.set(event.fence, event);
    },
    access(event, state, verdict, { skipped, added, starts, callbacks, staleBy, returned }) {
      const mapping = event.mapping === null ? undefined : state.mappings.get(event.mapping);
      const callback = callbacks.get(event.attachment);
      if (mapping === undefined || callback === undefined) return;
      if (state.attachments.get(event.attachment)?.stopped === true) return;
      const submit = frameOf(state.tasks.get(event.task), "submit");
      const start = event.job === null ? (submit === undefined ? undefined : event) : starts.get(event.job);
      if (start === undefined) return;
      const name = event.job ?? submit?.job ?? "";
      const hit = staleBy.get(event.mapping ?? "") ?? (mapping.stale ? callback : null);
      const fences = state.jobs.get(name)?.fences ?? [];
      const adds = fences.flatMap((fence) => added.get(fence) ?? []);
      const left = skipped.get(event.attachment) ?? null;
      const after = hit !== null && start.seq > (returned.get(hit.seq) ?? Infinity);
      judge({ event, mapping, name, start, callback, staleBy: hit, after, skipped: left, added: adds }, state, verdict);
    },
  });
}
