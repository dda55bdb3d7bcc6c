import type { AccessEvent } from "../../spec/event.ts";
import type { MappingState, State } from "../../spec/state/state.ts";
import { isMadeBy, isOver } from "./fences.ts";

/**
 * Where a device access through a mapping stands on the way from the invalidate to the unmap (T-01, T-02).
 * `current`: no invalidate since the mapping was made. `callback`: the callback is running. `covered`: it has returned, and
 * a fence of the importer that was in the reservation object then is pending. `retired`: no such fence is left, or there
 * never was one. `unmapped`: given back. `stopped`: the importer has cut its device off; nothing reaches memory.
 */
export type AccessPhase = "current" | "callback" | "covered" | "retired" | "unmapped" | "stopped";

/** The phase of a mapping, as its importer's device sees it now. */
export function mappingPhase(state: State, mapping: MappingState): AccessPhase {
  if (state.attachments.get(mapping.attachment)?.stopped === true) return "stopped";
  if (!mapping.live) return "unmapped";
  if (!mapping.stale) return "current";
  if (mapping.grace === null) return "callback";
  return coveringFence(state, mapping) === undefined ? "retired" : "covered";
}

/** The phase of an access; undefined where it goes through no mapping that is known. */
export function accessPhase(state: State, event: AccessEvent): AccessPhase | undefined {
  const mapping = event.mapping === null ? undefined : state.mappings.get(event.mapping);
  return mapping === undefined ? undefined : mappingPhase(state, mapping);
}

/** A pending fence of the mapping's importer that was in the reservation object when the callback returned. */
export function coveringFence(state: State, mapping: MappingState): string | undefined {
  const attachment = state.attachments.get(mapping.attachment);
  return mapping.grace?.find((name) => {
    if (isOver(state, name)) return false;
    if (attachment === undefined || isMadeBy(state, name, attachment.importer)) return true;
    // The program plays scripted importers, so its fences may stand for theirs.
    return attachment.import === null && isMadeBy(state, name, "program");
  });
}
