import { ENOMEM, errnoName } from "../../spec/errno.ts";
import type { CallEvent, RetEvent } from "../../spec/event.ts";
import { leavesOf } from "../../spec/state/observe/sync.ts";
import { frameOf, type State } from "../../spec/state/state.ts";
import { remember } from "../monitor.ts";
import type { Rule } from "../rule.ts";
import { checked } from "../rule-text.ts";
import { isOver } from "../shared/fences.ts";
import { resvOf } from "../shared/lookup.ts";
import { certainlyPending, possibleEntries, possiblyPending, usageRw } from "../shared/possible-lists.ts";
import { derived, doc, kernel, run } from "../source.ts";
import { areBridgeFlags, pendingMembers } from "./files.ts";
import { importing } from "./situations.ts";

type Import = CallEvent<"importSyncFile"> | RetEvent<"importSyncFile">;

/** Nobody else is in the middle of anything: what is gone went here. */
function isAlone(state: State, own: string): boolean {
  for (const [task, { frames }] of state.tasks) if (task !== own && frames.length > 0) return false;
  return true;
}

/**
 * Pending, and out of the list. A fence of its own timeline may have taken its place, be it of the file, whose place
 * the file's next fence has taken since.
 */
function isLost(state: State, { buffer, syncFile }: Import, fence: string): boolean {
  const members = leavesOf(state, state.syncFiles.get(syncFile ?? "")?.fence ?? "");
  const inPlace = [...possibleEntries(state, resvOf(state, buffer)).map((entry) => entry.fence), ...members];
  const { context } = state.fences.get(fence) ?? {};
  return !isOver(state, fence) && inPlace.every((other) => state.fences.get(other)?.context !== context);
}

/** Pending fences that are in the object for certain, and nowhere with the usage that an import with these flags asks for. */
function weakerIn({ buffer }: Import, flags: number, state: State): readonly string[] {
  const resv = resvOf(state, buffer);
  const raised = possiblyPending(state, resv, usageRw((flags & 2) === 0));
  return certainlyPending(state, resv, "bookkeep").filter((fence) => !raised.includes(fence));
}

export const sync08: Rule = {
  id: "SYNC-08",
  level: "MUST",
  obliged: ["framework"],
  statement: "Importing an already signaled file succeeds and leaves the set of unsignaled fences as it was.",
  intent: "User space imports whatever it is given and cannot test for idleness without a race.",
  sources: [
    kernel("drivers/dma-buf/dma-buf.c", "dma_buf_import_sync_file", "6.12, 7.2"),
    kernel("include/linux/dma-fence-unwrap.h", "dma_fence_unwrap_for_each", "6.12, 7.2"),
    run(["6.12.117", "7.2.13"], "signaled and failed file"),
  ],
  needs: ["syncFile"],
  hints: ["Is zero members treated as an error by the reserve?"],
  status: checked,
  situation: { ...importing, weights: { ...importing.weights, signal: 15 } },
  monitor: remember(() => new Map<number, readonly string[]>(), {
    "call importSyncFile"(event, state, _verdict, before) {
      const file = event.syncFile === null ? undefined : state.syncFiles.get(event.syncFile);
      if (file?.open !== true || !areBridgeFlags(event.flags) || pendingMembers(state, event.syncFile).length > 0)
        return;
      before.set(event.seq, []);
    },
    // Only from here on nobody else changes the object.
    lock(event, state, _verdict, before) {
      const call = frameOf(state.tasks.get(event.task), "importSyncFile");
      if (call === undefined || !before.has(call.seq)) return;
      before.set(call.seq, certainlyPending(state, resvOf(state, call.buffer), "bookkeep"));
    },
    // From here on others do again, and what is lost afterwards is not its work.
    unlock(event, state, _verdict, before) {
      const call = frameOf(state.tasks.get(event.task), "importSyncFile");
      const known = before.get(call?.seq ?? 0);
      if (call === undefined || known === undefined) return;
      before.set(
        call.seq,
        known.filter((fence) => isLost(state, call, fence)),
      );
    },
    "ret importSyncFile"(event, state, verdict, before) {
      const known = before.get(event.call);
      if (known === undefined) return;
      before.delete(event.call);
      verdict.exercised();
      // Without memory for the slots even that fails.
      if (event.errno !== 0 && event.errno !== ENOMEM)
        verdict.violated(`the import of ${event.syncFile ?? "?"}, which is over, answers ${errnoName(event.errno)}`);
      const lost = known.find((fence) => isLost(state, event, fence));
      if (lost !== undefined && isAlone(state, event.task))
        verdict.violated(
          `the import of ${event.syncFile ?? "?"}, which is over, throws ${lost} out of ${event.buffer}`,
        );
    },
  }),
};

export const sync25: Rule = {
  id: "SYNC-25",
  level: "MUST",
  obliged: ["framework"],
  statement:
    "Importing a fence that is in the object with a weaker usage raises it to the requested one, and implicit jobs from then on depend on it.",
  intent: "Otherwise the work of an explicit job stays invisible although user space just published it.",
  sources: [
    doc("include/linux/dma-resv.h", "DMA_RESV_USAGE_BOOKKEEP"),
    derived("RESV-21 and RESV-23"),
    run(["6.12.117", "7.2.13"], "READ, then WRITE: promoted in place"),
  ],
  needs: ["syncFile"],
  hints: ["Is a fence that is already listed skipped whatever its usage?"],
  status: checked,
  situation: importing,
  monitor: remember(() => new Map<number, readonly string[]>(), {
    "call importSyncFile"(event, state, _verdict, weaker) {
      if (!areBridgeFlags(event.flags)) return;
      const there = weakerIn(event, event.flags, state);
      weaker.set(
        event.seq,
        pendingMembers(state, event.syncFile).filter((fence) => there.includes(fence)),
      );
    },
    "ret importSyncFile"(event, state, verdict, weaker) {
      const fences = weaker.get(event.call) ?? [];
      weaker.delete(event.call);
      if (event.errno !== 0 || fences.length === 0 || !areBridgeFlags(event.flags)) return;
      verdict.exercised();
      const there = weakerIn(event, event.flags, state);
      const left = fences.find((fence) => there.includes(fence));
      if (left !== undefined) {
        const { usage } = possibleEntries(state, resvOf(state, event.buffer)).find(({ fence }) => fence === left)!;
        verdict.violated(`${left} is still ${usage} in ${event.buffer} after its import`);
      }
    },
  }),
};

export const rules: readonly Rule[] = [sync08, sync25];
