import type { CallEvent, RetEvent } from "../../spec/event.ts";
import type { AttachmentState, State } from "../../spec/state/state.ts";
import type { Verdict } from "../monitor.ts";

type Unmap = CallEvent<"unmap" | "unmapUnlocked">;

/** MAP-13. */
export function givesBackWhole(event: Unmap, _state: State, verdict: Verdict): void {
  if (event.mapping === null) return;
  verdict.exercised();
  if (event.altered)
    verdict.violated(
      `${event.by} unmaps ${event.mapping} with other addresses or lengths than map returned`,
      verdict.since("mappings", event.mapping, "segments"),
    );
}

/** MAP-14. */
export function givesBackAlike(event: Unmap, state: State, verdict: Verdict): void {
  const row = event.mapping === null ? undefined : state.mappings.get(event.mapping);
  if (row === undefined || event.mapping === null) return;
  verdict.exercised();
  const proof = verdict.since("mappings", event.mapping, "direction");
  if (row.direction !== event.direction)
    verdict.violated(`${event.by} mapped ${event.mapping} ${row.direction} and unmaps it ${event.direction}`, proof);
  else if (row.attachment !== event.attachment)
    verdict.violated(
      `${event.by} mapped ${event.mapping} for ${row.attachment} and unmaps it for ${event.attachment ?? "nobody"}`,
      proof,
    );
}

/** MAP-15. */
export function givesBackLive(event: Unmap, _state: State, verdict: Verdict): void {
  if (event.attachment === null) return;
  verdict.exercised();
  if (event.mapping === null)
    verdict.violated(
      `${event.by} unmaps a table that is not mapped for ${event.attachment}`,
      verdict.since("attachments", event.attachment, "maps"),
    );
}

/** Whether the table or direction that reaches the hook is wrong because the importer's unmap was. */
export function isImportersFault(state: State, caller: CallEvent): boolean {
  if (caller.op !== "unmap" && caller.op !== "unmapUnlocked") return false;
  const row = caller.mapping === null ? undefined : state.mappings.get(caller.mapping);
  return row === undefined || row.direction !== caller.direction || row.attachment !== caller.attachment;
}

/** MAP-38 at the end of an attachment. */
export function returnsAll(event: RetEvent<"attach" | "detach">, row: AttachmentState, verdict: Verdict): void {
  verdict.exercised();
  const { attachment } = event;
  if (row.hookMaps.length > 0 && attachment !== null)
    verdict.violated(
      `${row.hookMaps.map(({ table }) => table).join(", ")} of ${attachment} never reached the unmap hook`,
      verdict.since("attachments", attachment, "hookMaps"),
    );
}
