import { EINVAL, ENOMEM, errnoName } from "../../spec/errno.ts";
import type { CallEvent, CbEvent, CbRetEvent, RetEvent } from "../../spec/event.ts";
import { holds, type State } from "../../spec/state/state.ts";
import type { Verdict } from "../monitor.ts";
import { bufferOf, hooksIn, innermost } from "../shared/lookup.ts";

type MapOp = "map" | "mapUnlocked";
type AnyOp = MapOp | "unmap" | "unmapUnlocked";

/** Whether the caller holds the lock of the buffer it names; true where it names none. */
export function holdsOf(state: State, event: CallEvent<AnyOp>): boolean {
  const buffer = bufferOf(state, event.attachment);
  return buffer === undefined || holds(state, event.task, buffer.resv);
}

/** MAP-01, the locked forms. */
export function needsLock(event: CallEvent<AnyOp>, state: State, verdict: Verdict): void {
  if (bufferOf(state, event.attachment) === undefined) return;
  verdict.exercised();
  if (!holdsOf(state, event))
    verdict.violated(`${event.by} calls ${event.op} on ${event.attachment ?? "?"} without the reservation lock`);
}

/** MAP-01, the forms that take the lock themselves. */
export function needsNoLock(event: CallEvent<AnyOp>, state: State, verdict: Verdict): void {
  const buffer = bufferOf(state, event.attachment);
  if (buffer === undefined) return;
  verdict.exercised();
  if (holds(state, event.task, buffer.resv))
    verdict.violated(
      `${event.by} calls ${event.op} on ${event.attachment ?? "?"} with ${buffer.resv} held: it waits for itself`,
      verdict.since("reservations", buffer.resv, "owner"),
    );
}

/** MAP-02: the hook finds the lock, unless the caller of the locked form came without it (`unlocked`). */
export function findsLock(
  event: CbEvent<"map" | "unmap">,
  state: State,
  verdict: Verdict,
  unlocked: ReadonlySet<number>,
): void {
  const buffer = bufferOf(state, event.attachment);
  const caller = innermost(state, event.task);
  if (buffer === undefined || (caller !== undefined && unlocked.has(caller.seq))) return;
  verdict.exercised();
  if (!holds(state, event.task, buffer.resv))
    verdict.violated(`the ${event.hook} hook runs for ${event.attachment} without ${buffer.resv} held`, caller);
}

/** MAP-02: a hook asks for the lock it was called under. */
export function asksInHook(task: string, lock: string, state: State, verdict: Verdict): void {
  const hook = innermost(state, task);
  if (hook?.kind !== "cb" || (hook.hook !== "map" && hook.hook !== "unmap")) return;
  if (bufferOf(state, hook.attachment)?.resv !== lock) return;
  verdict.exercised();
  verdict.violated(`the ${hook.hook} hook for ${hook.attachment} asks for ${lock}, under which it was called`, hook);
}

/** MAP-03. */
export function needsSleep(event: CallEvent<AnyOp>, state: State, verdict: Verdict): void {
  verdict.exercised();
  if (event.atomic) verdict.violated(`${event.by} calls ${event.op} in atomic context`);
  else if ((state.tasks.get(event.task)?.signalling.length ?? 0) > 0)
    verdict.violated(
      `${event.by} calls ${event.op} inside a fence-signalling section`,
      verdict.since("tasks", event.task, "signalling"),
    );
}

/** MAP-04. */
export function refusesNothing(event: RetEvent<MapOp>, state: State, verdict: Verdict): void {
  if (event.attachment !== null) return;
  verdict.exercised();
  const hook = hooksIn(state, event.task, event.call)[0];
  if (hook !== undefined) verdict.violated(`a map without an attachment reaches the hook ${hook.hook}`, hook);
  else if (event.errno !== EINVAL)
    verdict.violated(`a map without an attachment answers ${errnoName(event.errno)}, not EINVAL`);
}

/** MAP-05. */
export function reportsNoTable(event: RetEvent<MapOp | "attach">, state: State, verdict: Verdict): void {
  const hook = hooksIn(state, event.task, event.call).find(({ hook: name }) => name === "map");
  if (hook?.hook !== "map" || hook.errno !== 0 || hook.table !== null) return;
  verdict.exercised();
  if (event.errno !== ENOMEM)
    verdict.violated(`the map hook gave no table, and ${event.op} answers ${errnoName(event.errno)}, not ENOMEM`, hook);
}

export function isAttached(state: State, attachment: string | null): boolean {
  return attachment === null || state.attachments.get(attachment)?.phase === "attached";
}

/** MAP-06. A race between map and detach is judged where one importer object makes both calls. */
export function mapsAttached(
  event: RetEvent<MapOp>,
  state: State,
  verdict: Verdict,
  outside: ReadonlySet<number>,
): void {
  const row = event.attachment === null ? undefined : state.attachments.get(event.attachment);
  if (row === undefined || event.errno !== 0) return;
  verdict.exercised();
  if (outside.has(event.call) || (row.import !== null && row.phase !== "attached"))
    verdict.violated(
      `${event.by} maps ${event.attachment ?? "?"}, which is ${row.phase}`,
      verdict.since("attachments", event.attachment ?? "", "phase"),
    );
}

/** MAP-27, the importer's half: what the program itself asks for on purpose is the exporter's to refuse. */
export function neverNone(event: CallEvent<MapOp>, state: State, verdict: Verdict): void {
  const row = event.attachment === null ? undefined : state.attachments.get(event.attachment);
  if (row === undefined || row.import === null || event.direction !== "none") return;
  verdict.exercised();
  verdict.violated(`${event.by} maps ${event.attachment ?? "?"} with the direction none`);
}

/** Whether a frame is a map of this buffer, or its hook. */
export function isMapOf(state: State, frame: CallEvent | CbEvent, buffer: string): boolean {
  const name = frame.kind === "cb" ? frame.hook : frame.op;
  if (name !== "map" && name !== "mapUnlocked") return false;
  return "attachment" in frame && state.attachments.get(frame.attachment ?? "")?.buffer === buffer;
}

/** What a map hook handed out and has not got back, by table. */
export type Shown = Map<string, { readonly attachment: string; readonly epoch: number; readonly storage: string }>;

/** MAP-34: tables of one buffer that no move separates show the same storage. */
export function showsTheSame(event: CbRetEvent<"map">, state: State, verdict: Verdict, shown: Shown): void {
  const name = state.attachments.get(event.attachment)?.buffer ?? "";
  const epoch = state.buffers.get(name)?.epoch ?? 0;
  const storage = event.segments[0]?.storage ?? null;
  if (event.errno !== 0 || event.table === null || storage === null) return;
  for (const other of shown.values()) {
    if (other.attachment === event.attachment || other.epoch !== epoch) continue;
    if (state.attachments.get(other.attachment)?.buffer !== name) continue;
    verdict.exercised();
    if (other.storage !== storage)
      verdict.violated(
        `${event.attachment} is shown ${storage} of ${name}, ${other.attachment} ${other.storage}, and nothing moved it`,
        verdict.since("attachments", other.attachment, "hookMaps"),
        verdict.since("buffers", name, "epoch"),
      );
  }
  shown.set(event.table, { attachment: event.attachment, epoch, storage });
}
