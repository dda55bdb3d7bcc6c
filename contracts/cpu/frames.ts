import type { CallEvent, CbRetEvent, RetEvent } from "../../spec/event.ts";
import { covers, type Direction, type Usage } from "../../spec/roles/handles.ts";
import { syncRequest } from "../../spec/state/observe/cpu.ts";
import { trailOf, type State } from "../../spec/state/state.ts";
import { waitsItself } from "../shared/fences.ts";
import { resvOf } from "../shared/lookup.ts";
import { certainlyPending, possibleEntries, usageRw } from "../shared/possible-lists.ts";

/** A call that opens or closes a bracket: the kernel's own form or the sync request. */
export interface BracketCall {
  readonly end: boolean;
  readonly direction: Direction;
}

type Bracketing = "beginCpu" | "endCpu" | "ioctlSync";

/** What a call asks for; undefined for one that is to be refused, or is about something else. */
export function bracketOf(
  event: CallEvent | RetEvent | { readonly kind: "cb"; readonly hook: string } | undefined,
): BracketCall | undefined {
  if (event === undefined || (event.kind !== "call" && event.kind !== "ret")) return undefined;
  switch (event.op) {
    case "beginCpu":
      return { end: false, direction: event.direction };
    case "endCpu":
      return { end: true, direction: event.direction };
    case "ioctlSync":
      return syncRequest(event.flags) ?? undefined;
    default:
      return undefined;
  }
}

/** The innermost frame of a task, where that is a call of the bracket kind. */
export function openBracketCall(state: State, task: string): CallEvent<Bracketing> | undefined {
  const frame = state.tasks.get(task)?.frames.at(-1);
  return frame?.kind === "call" && bracketOf(frame) !== undefined ? (frame as CallEvent<Bracketing>) : undefined;
}

/** The call around the hook that is just running or returning in a task. */
export function callAround(state: State, task: string): CallEvent | undefined {
  const frame = state.tasks.get(task)?.frames.at(-2);
  return frame?.kind === "call" ? frame : undefined;
}

/** Hooks of the CPU side that a call has run itself and that have returned. */
export function cpuHooksIn(
  state: State,
  task: string,
  call: number,
): readonly CbRetEvent<"beginCpu" | "endCpu" | "vmap" | "vunmap" | "mmap">[] {
  return trailOf(state, task, call).filter(
    (event): event is CbRetEvent<"beginCpu" | "endCpu" | "vmap" | "vunmap" | "mmap"> =>
      event.kind === "cbret" && cpuHookNames.has(event.hook),
  );
}

const cpuHookNames: ReadonlySet<string> = new Set(["beginCpu", "endCpu", "vmap", "vunmap", "mmap"]);

/** What CPU access of a direction has to wait for: who only reads does not wait for readers. */
function usageFor(direction: Direction): Usage {
  return usageRw(direction === "bidirectional" || direction === "toDevice");
}

/** Fences of a buffer that CPU access of this direction has to wait for and that are pending for certain. */
export function pendingForCpu(state: State, buffer: string, direction: Direction): readonly string[] {
  const pending = certainlyPending(state, resvOf(state, buffer), usageFor(direction));
  return pending.filter((fence) => !waitsItself(state, fence));
}

/** Whether a task waits for a fence for no reason: it is in the object only with a usage that is not asked for. */
export function isWeaker(state: State, buffer: string, direction: Direction, fence: string): boolean {
  const own = possibleEntries(state, resvOf(state, buffer)).filter((entry) => entry.fence === fence);
  return own.length > 0 && own.every(({ usage }) => !covers(usageFor(direction), usage));
}
