import type { CallEvent, RetEvent } from "../../spec/event.ts";
import { covers } from "../../spec/roles/handles.ts";
import type { State } from "../../spec/state/state.ts";
import { type Handlers, type Monitor, remember, type Verdict } from "../monitor.ts";
import { waitsItself } from "../shared/fences.ts";
import { dueFences } from "./lists.ts";
import { innermost } from "./requests.ts";

/** Calls that look at the fences of an object without its lock. */
export type Reader = "getFences" | "getSingleton" | "waitFences" | "testSignaled" | "setDeadline";

/** A reader's call under way, and what was in the object meanwhile. */
export interface Watch {
  readonly call: CallEvent<Reader>;
  /** Matching fences that were unsignaled at the call and did not leave the object since. */
  readonly always: Set<string>;
  /** Fences that were in the object at some moment, and those of them that matched. */
  readonly ever: Set<string>;
  readonly matched: Set<string>;
  /** Matching fences that had signaled before the call, and those that had not. */
  readonly over: ReadonlySet<string>;
  readonly pending: ReadonlySet<string>;
  /** Most entries of a fence, for each, counting in what was added since. */
  readonly most: Map<string, number>;
  /** Somebody changed the list meanwhile; by a replace or a copy, so that entries can no longer be counted. */
  changed: boolean;
  uncounted: boolean;
  /** It is not known what is in the object. */
  readonly unknown: boolean;
  /** What the monitor saw inside the call. */
  readonly noted: Set<string>;
}

/** The readers under way, by the seq of their call. */
export class Watches extends Map<number, Watch> {
  /** Fences that readers were given and what each stands for. */
  readonly combined = new Map<string, readonly string[]>();
}

function begin(call: CallEvent<Reader>, state: State): Watch {
  const lists = state.reservations.get(call.resv)?.lists ?? [[]];
  const matching = lists.flatMap((list) => list.filter((entry) => covers(call.usage, entry.usage)));
  const isOver = (name: string) => state.fences.get(name)?.signaled === true;
  const names = new Set(matching.map((entry) => entry.fence));
  const most = new Map<string, number>();
  for (const name of names)
    most.set(name, Math.max(...lists.map((list) => list.filter((entry) => entry.fence === name).length)));
  return {
    call,
    always: new Set(dueFences(state, call.resv, call.usage)),
    ever: new Set(lists.flatMap((list) => list.map((entry) => entry.fence))),
    matched: names,
    over: new Set([...names].filter(isOver)),
    pending: new Set([...names].filter((name) => !isOver(name))),
    most,
    changed: false,
    uncounted: false,
    unknown: lists.length === 0,
    noted: new Set(),
  };
}

/** Takes in what the object holds now. */
function look(watch: Watch, state: State): void {
  const { resv, usage } = watch.call;
  const certain = dueFences(state, resv, usage);
  for (const name of watch.always)
    if (state.fences.get(name)?.signaled !== true && !certain.includes(name)) watch.always.delete(name);
  for (const entry of state.reservations.get(resv)?.lists.flat() ?? []) {
    watch.ever.add(entry.fence);
    if (covers(usage, entry.usage)) watch.matched.add(entry.fence);
  }
}

/** All readers of this object, before its list changes. */
function lookAll(watches: Watches, state: State, resv: string): readonly Watch[] {
  const found = [...watches.values()].filter((watch) => watch.call.resv === resv);
  for (const watch of found) {
    look(watch, state);
    watch.changed = true;
  }
  return found;
}

/** The watch of the reader that the task is inside of, with nothing else open inside it. */
export function watchedBy(watches: Watches, state: State, task: string): Watch | undefined {
  const frame = innermost(state.tasks.get(task));
  return frame === undefined ? undefined : watches.get(frame.seq);
}

/** Judges each call of a reader at its return, with what was in the object all the time or at some time. */
export function watching<K extends Reader>(
  op: K,
  judge: (event: RetEvent<K>, watch: Watch, state: State, verdict: Verdict, watches: Watches) => void,
  more: Omit<Handlers<Watches>, "call reserveFences" | "call replaceFences" | "call copyFences"> = {},
): Monitor {
  const changes: Handlers<Watches> = {
    "call reserveFences"(event, state, _verdict, watches) {
      lookAll(watches, state, event.resv);
    },
    "call addFence"(event, state, verdict, watches) {
      for (const { most } of lookAll(watches, state, event.resv))
        most.set(event.fence, (most.get(event.fence) ?? 0) + 1);
      more["call addFence"]?.(event, state, verdict, watches);
    },
    "call replaceFences"(event, state, _verdict, watches) {
      for (const watch of lookAll(watches, state, event.resv)) watch.uncounted = true;
    },
    "call copyFences"(event, state, _verdict, watches) {
      for (const watch of lookAll(watches, state, event.destination)) watch.uncounted = true;
    },
  };
  const call = (event: CallEvent<Reader>, state: State, _verdict: Verdict, watches: Watches) => {
    watches.set(event.seq, begin(event, state));
  };
  const ret = (event: RetEvent<K>, state: State, verdict: Verdict, watches: Watches) => {
    const watch = watches.get(event.call);
    if (watch === undefined) return;
    watches.delete(event.call);
    look(watch, state);
    if (!watch.unknown && (state.reservations.get(watch.call.resv)?.lists.length ?? 1) > 0)
      judge(event, watch, state, verdict, watches);
  };
  return remember(() => new Watches(), { ...more, ...changes, [`call ${op}`]: call, [`ret ${op}`]: ret });
}

/** Fences of the watch that were there all the time and have still not signaled. */
export function stillPending(watch: Watch, state: State): readonly string[] {
  return [...watch.always].filter((name) => state.fences.get(name)?.signaled !== true);
}

/** Whether the owner of one of these fences has a wait operation of its own, which then decides. */
export function anyOwnWait(state: State, names: Iterable<string>): boolean {
  for (const name of names) if (waitsItself(state, name)) return true;
  return false;
}
