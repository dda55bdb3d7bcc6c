import type { CbRetEvent, RetEvent } from "../../spec/event.ts";
import { frameOf, type AttachmentState, type State } from "../../spec/state/state.ts";

/** What rules about pinned importers remember, by attachment. */
export class PinnedAttachments {
  /** Pinned while its import was created: an importer that wants to keep the memory in place. */
  readonly atCreation = new Set<string>();
  /** Was ever mapped. */
  readonly mapped = new Set<string>();
  /** What the callback under way found. */
  readonly held = new Set<string>();
  /** Given up for good, with the callback that did it. */
  readonly ended = new Map<string, CbRetEvent>();

  pinReturned(state: State, event: RetEvent<"pin">): void {
    const row = state.attachments.get(event.attachment);
    const inside = frameOf(state.tasks.get(event.task), "import")?.import;
    if (event.errno === 0 && row?.ops === "callback" && row.import !== null && row.import === inside)
      this.atCreation.add(event.attachment);
  }
}

/** What an importer that ended its use has not done, in words; undefined if hardware, mapping and pin are gone. */
export function missingSteps(attachment: AttachmentState): string | undefined {
  if (!attachment.stopped) return "with its hardware running";
  if (attachment.maps.length > 0) return `with ${attachment.maps[0]} still mapped`;
  return attachment.pins === 0 ? undefined : "with the pin still taken";
}
