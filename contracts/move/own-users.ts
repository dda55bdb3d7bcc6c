import type { CbEvent, CbRetEvent, SignalEvent } from "../../spec/event.ts";
import type { EntryState, State } from "../../spec/state/state.ts";
import { entriesOf, tablesOf } from "../fault/lookup.ts";
import type { Verdict } from "../monitor.ts";
import { isMadeBy, isOver } from "../shared/fences.ts";
import { resvOf } from "../shared/lookup.ts";
import { possiblyPending } from "../shared/possible-lists.ts";

/** An importer's callback with fences of its own behind it. */
interface Leftover {
  readonly event: CbRetEvent<"invalidate">;
  /** What led its users to the memory in the callback, whether it took that out or left it to the fences. */
  readonly entries: readonly EntryState[];
  /** The importer's, that stand for these users. */
  readonly fences: Set<string>;
}

function entriesBehind(state: State, attachment: string): readonly EntryState[] {
  return tablesOf(state, attachment).flatMap((table) => entriesOf(state, table));
}

/** MOVE-33: whoever is behind an importer is stopped when the last fence signals that it left for them. */
export class FencedUsers {
  /** By the seq of the callback: what there was when it began. */
  private readonly found = new Map<number, readonly EntryState[]>();
  private readonly leftovers = new Map<string, Leftover>();

  begun(event: CbEvent<"invalidate">, state: State): void {
    this.found.set(event.seq, entriesBehind(state, event.attachment));
  }

  returned(event: CbRetEvent<"invalidate">, state: State): void {
    const entries = [...(this.found.get(event.cb) ?? []), ...entriesBehind(state, event.attachment)];
    this.found.delete(event.cb);
    if (entries.length === 0) return;
    const { buffer = "" } = state.attachments.get(event.attachment) ?? {};
    const pending = possiblyPending(state, resvOf(state, buffer), "bookkeep");
    const fences = new Set(pending.filter((fence) => isMadeBy(state, fence, event.to)));
    if (fences.size > 0) this.leftovers.set(event.attachment, { event, entries, fences });
  }

  signaled({ fence }: SignalEvent, state: State, verdict: Verdict): void {
    for (const [attachment, { event, entries, fences }] of this.leftovers) {
      if (!fences.delete(fence) || [...fences].some((other) => !isOver(state, other))) continue;
      this.leftovers.delete(attachment);
      verdict.exercised();
      // An entry that was made anew is another one.
      const now = new Set(state.entries.values());
      const left = entries.find((entry) => now.has(entry));
      if (left !== undefined)
        verdict.violated(
          `${fence} of ${event.to} signals, and page ${left.page} of ${left.table} still leads its own users to what it had to let go of`,
          event,
          verdict.since("entries", `${left.table}:${left.page}`, "target"),
        );
    }
  }
}
