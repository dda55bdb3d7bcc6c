import type { CallEvent, CbEvent, CbRetEvent, LockEvent } from "../../spec/event.ts";
import {
  frameOf,
  type EntryState,
  type GrantState,
  type MirrorState,
  type NotifierState,
  type State,
} from "../../spec/state/state.ts";

/** A range of pages. */
interface Range {
  readonly start: number;
  readonly pages: number;
}

/** A change as a listener answers it. */
export type Notice = CbRetEvent<"mmuInvalidate"> | CbRetEvent<"rangeStart">;

/** Callbacks that a listener of an address space gets. */
export const listenerHooks = [
  "mmuInvalidate",
  "mmuFinish",
  "rangeStart",
  "rangeEnd",
  "spaceRelease",
  "flushShared",
] as const;

/** The mirror that a notifier was made for. */
export function mirrorOf(state: State, notifier: string): MirrorState | undefined {
  return state.mirrors.get(state.notifiers.get(notifier)?.mirror ?? "");
}

/** The mirror on whose fault a task works, with the call. */
export function faultAtWork(
  state: State,
  task: string,
): { readonly call: CallEvent<"mirrorFault">; readonly mirror: MirrorState } | undefined {
  const call = frameOf(state.tasks.get(task), "mirrorFault");
  const mirror = call === undefined ? undefined : state.mirrors.get(call.mirror);
  return call === undefined || mirror === undefined ? undefined : { call, mirror };
}

export function usesInterval({ form }: MirrorState): boolean {
  return form === "interval" || form === "twoPass";
}

export function overlap(first: Range, second: Range): boolean {
  return first.start < second.start + second.pages && second.start < first.start + first.pages;
}

/** Entries of a mirror's table in a range. */
export function entriesIn(state: State, mirror: MirrorState | undefined, range: Range): readonly EntryState[] {
  const found: EntryState[] = [];
  if (mirror?.table === null || mirror === undefined) return found;
  for (const entry of state.entries.values())
    if (entry.table === mirror.table && overlap(range, { start: entry.page, pages: 1 })) found.push(entry);
  return found;
}

/** Whether the fault that asked for a grant has still to decide what becomes of it. */
export function isInFlight(state: State, grant: GrantState): boolean {
  if (grant.fault === null) return false;
  for (const task of state.tasks.values()) if (task.frames.some((frame) => frame.seq === grant.fault)) return true;
  return false;
}

/** Settled grants that a notifier stands for, in a range of its space. */
export function grantsIn(state: State, notifier: string, range: Range): readonly string[] {
  const found: string[] = [];
  for (const [name, grant] of state.grants) {
    const vma = grant.notifier === notifier ? state.vmas.get(grant.vma) : undefined;
    if (vma === undefined || isInFlight(state, grant)) continue;
    if (overlap({ start: vma.start + grant.start, pages: grant.pages }, range)) found.push(name);
  }
  return found;
}

/** Private locks that a task holds. */
export function privateLocks(state: State, task: string): readonly string[] {
  const held = state.tasks.get(task)?.held ?? [];
  return held.filter((entry) => entry.lockClass !== "reservation").map((entry) => entry.lock);
}

/** The callback of a listener that a task is in, innermost first. */
export function callbackOf(state: State, task: string): CbEvent | undefined {
  return state.tasks
    .get(task)
    ?.frames.findLast((frame) => frame.kind === "cb" && (listenerHooks as readonly string[]).includes(frame.hook)) as
    CbEvent | undefined;
}

/** Locks that the callbacks of a listener were seen to take. */
export class CallbackLocks {
  private readonly byNotifier = new Map<string, Set<string>>();

  note(event: LockEvent, state: State): void {
    if (event.errno !== 0 || event.lockClass === "reservation") return;
    const callback = callbackOf(state, event.task);
    if (callback === undefined || !("notifier" in callback)) return;
    const known = this.byNotifier.get(callback.notifier) ?? new Set<string>();
    this.byNotifier.set(callback.notifier, known.add(event.lock));
  }

  /** Those of them that the task holds. */
  heldBy(state: State, task: string, notifier: string): readonly string[] {
    const known = this.byNotifier.get(notifier);
    return known === undefined ? [] : privateLocks(state, task).filter((lock) => known.has(lock));
  }
}

/** Whether a mirror's own driver moved the pages and may keep them. */
export function isOwnMove(event: CbEvent<"mmuInvalidate" | "rangeStart"> | CbRetEvent<"mmuInvalidate" | "rangeStart">) {
  return (event.change === "migrate" || event.change === "exclusive") && event.owner === event.to;
}

/** Listeners that must hear of a change that begins now. */
export function listenersOf(state: State, space: string, range: Range): readonly string[] {
  const found: string[] = [];
  for (const [name, row] of state.notifiers) if (hears(row, space, range)) found.push(name);
  return found;
}

function hears(row: NotifierState, space: string, range: Range): boolean {
  if (row.space !== space || row.phase !== "added" || !row.sure) return false;
  return row.form === "interval" ? overlap(row, range) : row.ops.includes("start");
}
