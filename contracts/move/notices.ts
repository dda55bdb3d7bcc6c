import { resvOf } from "../shared/lookup.ts";
import type { RetEvent } from "../../spec/event.ts";
import type { State } from "../../spec/state/state.ts";
import { holdOf } from "./callback.ts";

/** What came of the last invalidate of each buffer. */
export interface Notices {
  /** The last invalidate of each buffer that has returned, and the lock hold it was made in. */
  readonly last: Map<string, { readonly event: RetEvent<"invalidate">; readonly hold: number }>;
  /** Mappings made since, by buffer. */
  readonly made: Map<string, string[]>;
}

/** Nothing invalidated yet. */
export function notices(): Notices {
  return { last: new Map(), made: new Map() };
}

/** At the return of an invalidate. */
export function noteReturn(event: RetEvent<"invalidate">, state: State, { last, made }: Notices): void {
  last.set(event.buffer, { event, hold: holdOf(state, resvOf(state, event.buffer)) });
  made.set(event.buffer, []);
}

/** At the return of a map. */
export function noteMapping(event: RetEvent<"map" | "mapUnlocked">, state: State, { made }: Notices): void {
  const buffer = state.attachments.get(event.attachment ?? "")?.buffer ?? "";
  if (event.errno === 0) made.get(buffer)?.push(event.mapping);
}

/** A live mapping made after the last invalidate of a buffer. */
export function madeSince(state: State, buffer: string, { made }: Notices): string | undefined {
  return made.get(buffer)?.find((name) => {
    const mapping = state.mappings.get(name);
    return mapping?.live === true && !mapping.stale;
  });
}
