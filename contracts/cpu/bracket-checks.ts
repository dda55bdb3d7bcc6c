import { EINTR, EINVAL, ERESTARTSYS, errnoName } from "../../spec/errno.ts";
import type { CallEvent, CbEvent, RetEvent } from "../../spec/event.ts";
import { syncRequest } from "../../spec/state/observe/cpu.ts";
import { holds, type State } from "../../spec/state/state.ts";
import type { Verdict } from "../monitor.ts";
import { pendingFences } from "../shared/fences.ts";
import { resvOf } from "../shared/lookup.ts";
import { bracketOf, cpuHooksIn, pendingForCpu } from "./frames.ts";

type Bracketing = CallEvent<"beginCpu" | "endCpu" | "ioctlSync">;
export type BracketRet = RetEvent<"beginCpu" | "endCpu" | "ioctlSync">;

/** CPU-02. */
export function isUnlocked(event: Bracketing, state: State, verdict: Verdict): void {
  if (bracketOf(event) === undefined) return;
  verdict.exercised();
  const resv = resvOf(state, event.buffer);
  if (holds(state, event.task, resv))
    verdict.violated(
      `${event.by} calls ${event.op} on ${event.buffer} while it holds ${resv}`,
      verdict.since("reservations", resv, "owner"),
    );
}

/** Fences that were pending when the wait of a begin started, by the seq of the call. */
export type Waits = Map<number, readonly string[]>;

/** CPU-03 and CPU-36 where there is no hook: the wait starts with the call. */
export function noteWait(event: Bracketing, state: State, waits: Waits): void {
  const bracket = bracketOf(event);
  if (bracket?.end === false) waits.set(event.seq, pendingForCpu(state, event.buffer, bracket.direction));
}

/** What was pending then, is in the object still, and has not signaled. */
function leftPending(event: BracketRet, state: State, waits: Waits): string | undefined {
  const bracket = bracketOf(event);
  const before = waits.get(event.call);
  waits.delete(event.call);
  if (bracket === undefined || before === undefined || before.length === 0 || event.errno !== 0) return undefined;
  const now = pendingForCpu(state, event.buffer, bracket.direction);
  return before.find((fence) => now.includes(fence));
}

/** CPU-03 at the return. */
export function hasWaited(event: BracketRet, state: State, verdict: Verdict, waits: Waits): void {
  const bracket = bracketOf(event);
  if (bracket?.end !== false) return;
  // What it must wait for, and what it must not.
  if (pendingFences(state, resvOf(state, event.buffer)).length > 0 || (waits.get(event.call)?.length ?? 0) > 0)
    verdict.exercised();
  const pending = leftPending(event, state, waits);
  if (pending !== undefined)
    verdict.violated(
      `begin on ${event.buffer} ${bracket.direction} returns before ${pending} has signaled`,
      verdict.since("reservations", resvOf(state, event.buffer), "entries"),
    );
  const hook = cpuHooksIn(state, event.task, event.call).find(({ errno }) => errno !== 0);
  if (event.errno === 0 || hook !== undefined || event.errno === ERESTARTSYS || event.errno === EINTR) return;
  verdict.violated(`begin on ${event.buffer} answers ${errnoName(event.errno)}, and a wait can only be interrupted`);
}

/** CPU-31, CPU-36: what an end or a begin answers where the hook decides. */
export function handsOn(event: BracketRet, state: State, verdict: Verdict): void {
  if (bracketOf(event)?.end !== true) return;
  verdict.exercised();
  const hook = cpuHooksIn(state, event.task, event.call).at(-1);
  if (event.errno === (hook?.errno ?? 0)) return;
  verdict.violated(
    `end on ${event.buffer} answers ${errnoName(event.errno)}, the exporter's hook ${hook === undefined ? "was not called" : errnoName(hook.errno)}`,
    hook,
  );
}

/** Who ended a bracket without success may end it again. */
export type Retries = Set<string>;

export function retryOf(event: { readonly buffer: string; readonly by: string }, direction: string): string {
  return `${event.buffer} ${event.by} ${direction}`;
}

/** CPU-07. */
export function endsOwn(
  event: CallEvent<"endCpu" | "ioctlSync">,
  state: State,
  verdict: Verdict,
  retries: Retries,
): void {
  const bracket = bracketOf(event);
  if (bracket?.end !== true) return;
  verdict.exercised();
  const open = state.buffers.get(event.buffer)?.brackets ?? [];
  if (open.some(({ by, direction }) => by === event.by && direction === bracket.direction)) return;
  if (retries.delete(retryOf(event, bracket.direction))) return;
  verdict.violated(
    `${event.by} ends CPU access to ${event.buffer} ${bracket.direction} without a bracket of that direction`,
    verdict.since("buffers", event.buffer, "brackets"),
  );
}

export function noteRetry(event: BracketRet, retries: Retries): void {
  const bracket = bracketOf(event);
  if (bracket?.end === true && event.errno !== 0) retries.add(retryOf(event, bracket.direction));
}

export function isInterruption(errno: number): boolean {
  return errno === EINTR || errno === ERESTARTSYS;
}

/** CPU-10, CPU-28: what the sync request answers. */
export function syncAnswer(event: RetEvent<"ioctlSync">, state: State, verdict: Verdict): void {
  if (event.flags === null) return;
  verdict.exercised();
  const [hook] = cpuHooksIn(state, event.task, event.call);
  const asked = syncRequest(event.flags);
  if (asked === null) {
    if (event.errno !== EINVAL || hook !== undefined)
      verdict.violated(`a sync request with flags ${event.flags} answers ${errnoName(event.errno)}, not EINVAL`, hook);
  } else if (event.errno === EINVAL && hook?.errno !== EINVAL)
    verdict.violated(`a sync request with flags ${event.flags} is refused`);
}

/** CPU-36 at the return: once, and unchanged. */
export function ranHook(event: BracketRet, state: State, verdict: Verdict): void {
  const bracket = bracketOf(event);
  const offered = state.buffers.get(event.buffer)?.cpuHooks;
  if (bracket === undefined || offered === undefined) return;
  const name = bracket.end ? "endCpu" : "beginCpu";
  verdict.exercised();
  const hooks = cpuHooksIn(state, event.task, event.call);
  const wanted = offered.includes(name) ? 1 : 0;
  const other = hooks.find((hook) => "direction" in hook && hook.direction !== bracket.direction);
  if (hooks.length !== wanted || hooks.some(({ hook }) => hook !== name))
    verdict.violated(`${event.op} on ${event.buffer} runs ${hooks.length} hooks, not ${wanted} of ${name}`, hooks[0]);
  else if (other !== undefined)
    verdict.violated(`${event.op} ${bracket.direction} reaches the exporter with another direction`, other);
}

export function ranHookAndWaited(event: BracketRet, state: State, verdict: Verdict, waits: Waits): void {
  ranHook(event, state, verdict);
  if (state.buffers.get(event.buffer)?.cpuHooks.includes("beginCpu") !== false) return void waits.delete(event.call);
  const pending = leftPending(event, state, waits);
  if (pending !== undefined)
    verdict.violated(`begin on ${event.buffer}, which has no hook for it, returns before ${pending} has signaled`);
}

/** CPU-05: the hook failed, or the wait behind it was interrupted. */
export function noteAbandoned(event: BracketRet, state: State, abandoned: Map<string, BracketRet>): void {
  if (bracketOf(event)?.end !== false || event.errno === 0) return;
  if (cpuHooksIn(state, event.task, event.call).length > 0) abandoned.set(event.buffer, event);
}

/** CPU-06: remembers an interrupted begin, and judges what the framework makes of the next one. */
export function repeats(event: BracketRet, state: State, verdict: Verdict, interrupted: Map<string, BracketRet>): void {
  const bracket = bracketOf(event);
  if (bracket?.end !== false) return;
  const key = retryOf(event, bracket.direction);
  const earlier = interrupted.get(key);
  if (isInterruption(event.errno)) {
    interrupted.set(key, event);
    return;
  }
  interrupted.delete(key);
  if (earlier === undefined) return;
  verdict.exercised();
  const hook = cpuHooksIn(state, event.task, event.call).at(-1);
  if (event.errno !== 0 && (hook?.errno ?? 0) === 0)
    verdict.violated(`a begin repeated after an interruption answers ${errnoName(event.errno)}`, earlier);
}

export function isImportedTwice(state: State, name: string): boolean {
  const own = state.imports.get(name);
  for (const [other, row] of state.imports)
    if (other !== name && row.phase === "live" && row.importer === own?.importer && row.buffer === own.buffer)
      return true;
  return false;
}

/** CPU-10: which hook a sync request comes to, and with which direction. */
export function syncDirection(event: CbEvent<"beginCpu" | "endCpu">, state: State, verdict: Verdict): void {
  const call = state.tasks.get(event.task)?.frames.at(-1);
  if (call?.kind !== "call" || call.op !== "ioctlSync") return;
  verdict.exercised();
  const asked = syncRequest(call.flags);
  const hook = asked?.end === true ? "endCpu" : "beginCpu";
  if (asked === null || event.hook !== hook || event.direction !== asked.direction)
    verdict.violated(`a sync request with flags ${call.flags ?? "?"} runs ${event.hook} ${event.direction}`, call);
}
