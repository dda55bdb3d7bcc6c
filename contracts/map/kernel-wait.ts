import type { BlockedEvent, CbRetEvent, RetEvent } from "../../spec/event.ts";
import { trailOf, type State } from "../../spec/state/state.ts";
import type { Verdict } from "../monitor.ts";
import { isOver, waitsItself } from "../shared/fences.ts";
import { bufferOf, hooksIn, innermost, resvOf } from "../shared/lookup.ts";
import { certainlyPending, possibleEntries } from "../shared/possible-lists.ts";

type Waiting = RetEvent<"map" | "mapUnlocked" | "attach">;

/** Largest error number; what lies above is no error but something else passed on as one. */
const largestErrno = 4095;

/** For each call that ran the map hook for a static importer: KERNEL fences that were pending when the hook returned. */
export type KernelWork = Map<number, { readonly hook: CbRetEvent<"map">; readonly fences: readonly string[] }>;

/** Pending fences of KERNEL usage that are in a buffer's reservation object for sure and end by a signal. */
export function pendingKernel(state: State, buffer: string): readonly string[] {
  const pending = certainlyPending(state, resvOf(state, buffer), "kernel");
  return pending.filter((fence) => !waitsItself(state, fence));
}

export function noteKernelWork(event: CbRetEvent<"map">, state: State, work: KernelWork): void {
  const row = state.attachments.get(event.attachment);
  const caller = state.tasks.get(event.task)?.frames.at(-2);
  if (row?.ops !== "static" || event.errno !== 0 || event.table === null || caller === undefined) return;
  work.set(caller.seq, { hook: event, fences: pendingKernel(state, row.buffer) });
}

/** MAP-18 during the wait: the lock stays held, and nothing weaker than KERNEL is waited for. */
export function waitsRightly(event: BlockedEvent, state: State, verdict: Verdict, work: KernelWork): void {
  const call = innermost(state, event.task);
  const known = call === undefined ? undefined : work.get(call.seq);
  const resv = bufferOf(state, known?.hook.attachment ?? null)?.resv;
  if (call === undefined || known === undefined || resv === undefined || event.wait.kind !== "fence") return;
  verdict.exercised();
  const { fence } = event.wait;
  const dropped = trailOf(state, event.task, call.seq).find(
    (entry) => entry.kind === "unlock" && entry.lock === resv && entry.seq > known.hook.seq,
  );
  const entries = possibleEntries(state, resv).filter((entry) => entry.fence === fence);
  if (dropped !== undefined) verdict.violated(`${resv} is released before the wait for ${fence}`, dropped);
  else if (entries.length > 0 && entries.every(({ usage }) => usage !== "kernel"))
    verdict.violated(`a map for a static importer waits for ${fence}, which is ${entries[0]!.usage}`, known.hook);
}

/** MAP-18 at the return. */
export function waitsForKernel(event: Waiting, state: State, verdict: Verdict, work: KernelWork): void {
  const known = work.get(event.call);
  if (known === undefined) return;
  work.delete(event.call);
  if (known.fences.length > 0 || event.errno !== 0) verdict.exercised();
  const pending = known.fences.find((fence) => !isOver(state, fence));
  const failed = known.fences
    .map((fence) => state.fences.get(fence))
    .find((fence) => fence?.signaled && fence.error < 0);
  if (event.errno === 0 && pending !== undefined)
    verdict.violated(
      `${event.op} for the static importer of ${event.attachment ?? "?"} returns before the KERNEL fence ${pending} has signaled`,
      known.hook,
    );
  else if (event.errno > largestErrno)
    verdict.violated(`${event.op} answers ${event.errno}, which is no error but what was left of the wait`, known.hook);
  else if (failed !== undefined && event.errno === -failed.error)
    verdict.violated(`${event.op} passes on the error ${failed.error} of a fence that is over`, known.hook);
}

/** MAP-19. */
export function undoesWait(event: Waiting, state: State, verdict: Verdict): void {
  const hooks = hooksIn(state, event.task, event.call);
  const map = hooks.find((hook) => hook.hook === "map" && hook.errno === 0 && hook.table !== null);
  if (event.errno === 0 || map?.hook !== "map" || event.attachment === null) return;
  if (state.attachments.get(event.attachment)?.ops !== "static") return;
  verdict.exercised();
  const has = (name: string) => hooks.find((hook) => hook.hook === name && hook.errno === 0);
  const unmap = hooks.find((hook) => hook.hook === "unmap" && hook.table === map.table);
  const unpin = has("unpin");
  const listed = state.attachments.get(event.attachment)?.listed === true;
  if (unmap === undefined)
    verdict.violated(`${event.op} fails after the wait and leaves ${map.table ?? "the table"} mapped`, map);
  else if (has("pin") !== undefined && (unpin === undefined || unpin.seq < unmap.seq))
    verdict.violated(`${event.op} fails after the wait and does not drop its pin after the unmap`, map, unmap);
  else if (event.op === "attach" && (listed || (has("attach") !== undefined && has("detach") === undefined)))
    verdict.violated(`attach fails after the wait and ${event.attachment} is not detached again`, map, unmap);
}
