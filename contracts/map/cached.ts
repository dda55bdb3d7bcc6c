import { EBUSY, errnoName } from "../../spec/errno.ts";
import type { RetEvent } from "../../spec/event.ts";
import type { Profile } from "../../spec/profile.ts";
import type { HookMapping, State } from "../../spec/state/state.ts";
import type { Verdict } from "../monitor.ts";
import { bufferOf, hooksIn } from "../shared/lookup.ts";

/** Whether the core caches a table for this attachment: from attach on, or from the first map where the exporter asked for it. */
export function cachesFor(state: State, profile: Profile, attachment: string): boolean {
  const buffer = bufferOf(state, attachment);
  if (buffer === undefined) return false;
  const differs = (state.attachments.get(attachment)?.ops !== "static") !== buffer.dynamic;
  return (profile.cachesAtAttach && differs) || (profile.cacheSgtMapping && buffer.caching);
}

/** The table that the core keeps for an attachment, once there is one. */
export function cachedTable(state: State, profile: Profile, attachment: string | null): HookMapping | undefined {
  if (attachment === null || !cachesFor(state, profile, attachment)) return undefined;
  return state.attachments.get(attachment)?.hookMaps[0];
}

/** MAP-08, where no hook had to be asked. */
export function returnsCached(event: RetEvent<"map" | "mapUnlocked">, state: State, verdict: Verdict): void {
  const cached = cachedTable(state, verdict.profile, event.attachment);
  if (cached === undefined || hooksIn(state, event.task, event.call).some(({ hook }) => hook === "map")) return;
  verdict.exercised();
  const fits = cached.direction === event.direction || cached.direction === "bidirectional";
  const proof = verdict.since("attachments", event.attachment ?? "", "hookMaps");
  if (!fits && event.errno !== EBUSY)
    verdict.violated(
      `a map ${event.direction} answers ${errnoName(event.errno)} although the cached table is for ${cached.direction}`,
      proof,
    );
  else if (fits && event.errno !== 0)
    verdict.violated(`a map answers ${errnoName(event.errno)} although a table that fits is cached`, proof);
  else if (fits && event.table !== cached.table)
    verdict.violated(`a map returns ${event.table ?? "nothing"} instead of the cached ${cached.table}`, proof);
}

/** MAP-37 at unmap: the exporter hears nothing of it. */
export function keepsCached(event: RetEvent<"unmap" | "unmapUnlocked">, state: State, verdict: Verdict): void {
  if (event.attachment === null || !cachesFor(state, verdict.profile, event.attachment)) return;
  if (event.mapping === null) return;
  verdict.exercised();
  const hook = hooksIn(state, event.task, event.call)[0];
  if (hook !== undefined)
    verdict.violated(`${event.op} of ${event.mapping}, whose table the core keeps, runs the hook ${hook.hook}`, hook);
}
