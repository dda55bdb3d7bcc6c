import { EINVAL, errnoName } from "../../spec/errno.ts";
import type { CallEvent, RetEvent } from "../../spec/event.ts";
import { covers, type Usage } from "../../spec/roles/handles.ts";
import type { State } from "../../spec/state/state.ts";
import { on, remember } from "../monitor.ts";
import type { Rule } from "../rule.ts";
import { checked } from "../rule-text.ts";
import { isOver } from "../shared/fences.ts";
import { resvOf } from "../shared/lookup.ts";
import { certainlyPending, isListKnown, possibleEntries, possiblyPending, usageRw } from "../shared/possible-lists.ts";
import { derived, doc, kernel, run } from "../source.ts";
import { Leftovers } from "./leftovers.ts";
import { areBridgeFlags, hidesContainers, statusOf } from "./files.ts";
import { exporting, failingExports } from "./situations.ts";

type Exported = RetEvent<"exportSyncFile">;
type Asked = CallEvent<"exportSyncFile"> | Exported;

/** The plain fences that an export covers; a single fence stands for itself. */
function coveredBy(event: Exported): readonly string[] {
  if (event.members.length > 0) return event.members;
  return event.fence === null || event.time !== null ? [] : [event.fence];
}

/** The usage at which an export looks for fences. */
function levelOf({ flags }: Asked): Usage {
  return usageRw(flags !== null && (flags & 2) !== 0);
}

/** What an export has to cover. */
function dueIn(event: Asked, state: State): readonly string[] {
  return certainlyPending(state, resvOf(state, event.buffer), levelOf(event));
}

type Fences = Map<string, Set<Usage>>;

/** Fences that were in the object at some moment of an export under way, by the seq of its call. */
class Seen {
  private readonly calls = new Map<number, { readonly buffer: string; readonly fences: Fences; isKnown: boolean }>();

  begin(call: number, buffer: string, state: State): void {
    this.calls.set(call, { buffer, fences: new Map(), isKnown: true });
    this.look(state);
  }

  /** Notes what is in the objects now, or may be. */
  look(state: State): void {
    for (const seen of this.calls.values()) {
      const resv = resvOf(state, seen.buffer);
      if (!isListKnown(state, resv)) seen.isKnown = false;
      for (const { fence, usage } of possibleEntries(state, resv)) {
        const known = seen.fences.get(fence);
        if (known === undefined) seen.fences.set(fence, new Set([usage]));
        else known.add(usage);
      }
    }
  }

  /** Fences with the usages they were seen with; undefined where nobody can say what else was there. */
  end(call: number, state: State): Fences | undefined {
    this.look(state);
    const seen = this.calls.get(call);
    this.calls.delete(call);
    return seen?.isKnown === true ? seen.fences : undefined;
  }
}

export const sync01: Rule = {
  id: "SYNC-01",
  level: "MUST",
  obliged: ["framework"],
  statement:
    "Export of a sync file accepts exactly the read flag, the write flag or both, and answers -EINVAL to anything else.",
  intent: "An unknown flag taken in silence would give user space a weaker dependency than it asked for.",
  sources: [kernel("drivers/dma-buf/dma-buf.c", "dma_buf_export_sync_file", "6.12, 7.2")],
  needs: ["syncFile"],
  hints: ["Is an empty flag word refused too?"],
  status: checked,
  situation: exporting,
  monitor: on({
    "ret exportSyncFile"(event, _state, verdict) {
      if (event.flags === null) return;
      verdict.exercised();
      if (!areBridgeFlags(event.flags) && event.errno !== EINVAL)
        verdict.violated(`an export with flags ${event.flags} answers ${errnoName(event.errno)}, not EINVAL`);
      else if (areBridgeFlags(event.flags) && event.errno === EINVAL)
        verdict.violated(`an export with flags ${event.flags} is refused`);
    },
  }),
};

export const sync02: Rule = {
  id: "SYNC-02",
  level: "MUST",
  obliged: ["framework"],
  statement:
    "An export for write (or both) covers every fence of READ level and an export for read every fence of WRITE level, so the file signals after the last of them.",
  intent: "A dependency left out lets explicit work overtake implicit work on the same buffer.",
  sources: [
    kernel("drivers/dma-buf/dma-buf.c", "dma_buf_export_sync_file", "6.12, 7.2"),
    kernel("include/linux/dma-resv.h", "dma_resv_usage_rw", "6.12, 7.2"),
    run(
      ["6.12.117", "7.2.13"],
      "read: KERNEL and WRITE; write or both: READ as well; each signals after its last member",
    ),
  ],
  needs: ["syncFile"],
  hints: ["Is the level derived from the flag by the same helper as implicit sync uses?"],
  status: checked,
  situation: exporting,
  monitor: remember(() => new Map<number, readonly string[]>(), {
    "call exportSyncFile"(event, state, _verdict, before) {
      if (areBridgeFlags(event.flags)) before.set(event.seq, dueIn(event, state));
    },
    "ret exportSyncFile"(event, state, verdict, before) {
      const pending = before.get(event.call) ?? [];
      before.delete(event.call);
      if (event.errno !== 0 || !areBridgeFlags(event.flags) || pending.length === 0) return;
      verdict.exercised();
      const covered = coveredBy(event);
      // There from the call to the return, and pending still.
      const now = dueIn(event, state);
      const missing = pending.find((fence) => now.includes(fence) && !covered.includes(fence));
      if (missing !== undefined)
        verdict.violated(
          `${event.syncFile} of ${event.buffer} with flags ${event.flags} does not cover ${missing}`,
          verdict.since("buffers", event.buffer, "resv"),
        );
    },
    signal(event, state, verdict) {
      if (state.fences.get(event.fence)?.signalOnAny === true) return;
      for (const file of state.syncFiles.values()) {
        if (file.fence !== event.fence || file.merged || file.members.includes(event.fence)) continue;
        verdict.exercised();
        const pending = file.members.find((member) => member !== event.fence && !isOver(state, member));
        if (pending !== undefined)
          verdict.violated(
            `${event.fence} of a sync file signals while its member ${pending} is pending`,
            verdict.since("fences", pending, "context"),
          );
      }
    },
  }),
};

export const sync03: Rule = {
  id: "SYNC-03",
  level: "MUST",
  obliged: ["framework"],
  statement: "An exported sync file covers only fences present at the export; later ones do not delay it.",
  intent: "A file that follows the buffer could wait for work submitted after it, in a circle even.",
  sources: [
    doc("include/uapi/linux/dma-buf.h", "struct dma_buf_export_sync_file"),
    run(["6.12.117", "7.2.13"], "two exports around a second fence: 1 and 2 members"),
  ],
  needs: ["syncFile"],
  temporal: ["T-27"],
  hints: ["Does the file keep the reservation object instead of the fences?"],
  status: checked,
  situation: exporting,
  monitor: remember(() => new Seen(), {
    "call exportSyncFile": (event, state, _verdict, seen) => seen.begin(event.seq, event.buffer, state),
    "ret addFence": (_event, state, _verdict, seen) => seen.look(state),
    "ret replaceFences": (_event, state, _verdict, seen) => seen.look(state),
    "ret copyFences": (_event, state, _verdict, seen) => seen.look(state),
    "call addFence": (_event, state, _verdict, seen) => seen.look(state),
    "ret exportSyncFile"(event, state, verdict, seen) {
      const present = seen.end(event.call, state);
      if (event.errno !== 0 || present === undefined) return;
      verdict.exercised();
      const stray = coveredBy(event).find((fence) => !present.has(fence));
      if (stray !== undefined) verdict.violated(`${event.syncFile} covers ${stray}, which is not in ${event.buffer}`);
    },
    "ret syncFileInfo"(event, state, verdict) {
      const file = state.syncFiles.get(event.syncFile);
      if (event.errno !== 0 || file === undefined || state.fences.get(file.fence)?.kind !== "array") return;
      if (hidesContainers(state, file)) return;
      verdict.exercised();
      if (event.fences !== file.members.length)
        verdict.violated(
          `${event.syncFile} has ${event.fences} fences and was made of ${file.members.length}`,
          verdict.since("syncFiles", event.syncFile, "members"),
        );
    },
  }),
};

export const sync04: Rule = {
  id: "SYNC-04",
  level: "MUST",
  obliged: ["framework"],
  statement: "An export that finds no matching fence succeeds with a file that is already signaled with status 1.",
  intent: "Idle is the ordinary case and user space must not need a special path for it.",
  sources: [
    kernel("drivers/dma-buf/dma-buf.c", "dma_buf_export_sync_file", "6.12, 7.2"),
    run(["6.12.117", "7.2.13"], "empty object, and one with BOOKKEEP only"),
  ],
  needs: ["syncFile"],
  hints: ["Is a missing fence replaced by a signaled stub?"],
  status: checked,
  situation: { weights: { export: 3, exportSyncFile: 20, syncFileInfo: 10, fenceInit: 1, addFence: 1 } },
  monitor: remember(() => new Set<number>(), {
    "call exportSyncFile"(event, state, _verdict, idle) {
      const resv = resvOf(state, event.buffer);
      const isIdle = isListKnown(state, resv) && possiblyPending(state, resv, levelOf(event)).length === 0;
      if (areBridgeFlags(event.flags) && isIdle) idle.add(event.seq);
    },
    "ret exportSyncFile"(event, state, verdict, idle) {
      const wasIdle = idle.delete(event.call);
      const resv = resvOf(state, event.buffer);
      if (!wasIdle || possiblyPending(state, resv, levelOf(event)).length > 0) return;
      verdict.exercised();
      const failed = event.errno !== 0 && event.errno < 12;
      if (failed) verdict.violated(`an export of ${event.buffer}, which is idle, answers ${errnoName(event.errno)}`);
      const file = event.fence;
      if (event.errno !== 0 || file === null || event.time !== null || !state.fences.has(file)) return;
      if (
        statusOf(state, file) === 0 &&
        !isOver(state, file) &&
        !possibleEntries(state, resv).some(({ fence }) => fence === file)
      )
        verdict.violated(`${event.syncFile} of ${event.buffer}, which is idle, is not signaled`);
    },
    "ret syncFileInfo"(event, state, verdict) {
      const file = state.syncFiles.get(event.syncFile);
      const fence = file === undefined ? undefined : state.fences.get(file.fence);
      // A stub: of nobody's timeline, and over from the start.
      if (event.errno !== 0 || fence?.by !== "framework" || fence.kind !== "plain" || file!.merged) return;
      verdict.exercised();
      if (event.status !== 1 || event.fences !== 1)
        verdict.violated(
          `${event.syncFile}, made of nothing, answers ${event.fences} fences with status ${event.status}`,
        );
    },
  }),
};

export const sync05: Rule = {
  id: "SYNC-05",
  level: "MUST",
  obliged: ["framework"],
  statement: "No exported sync file contains a fence that is in the object only with BOOKKEEP usage.",
  intent: "Memory-management and explicit work would become an implicit dependency and stall or deadlock user space.",
  sources: [derived("dma_resv_usage_rw and SYNC-02"), run(["6.12.117", "7.2.13"], "BOOKKEEP absent from every export")],
  needs: ["syncFile"],
  hints: ["Is the highest usage level used to collect the fences?"],
  status: checked,
  situation: exporting,
  monitor: remember(() => new Seen(), {
    "call exportSyncFile": (event, state, _verdict, seen) => seen.begin(event.seq, event.buffer, state),
    "call addFence": (_event, state, _verdict, seen) => seen.look(state),
    "ret addFence": (_event, state, _verdict, seen) => seen.look(state),
    "ret replaceFences": (_event, state, _verdict, seen) => seen.look(state),
    "ret exportSyncFile"(event, state, verdict, seen) {
      const present = seen.end(event.call, state);
      if (event.errno !== 0 || event.flags === null || present === undefined) return;
      const level = levelOf(event);
      const weaker = [...present].filter(([, usages]) => [...usages].every((usage) => !covers(level, usage)));
      if (weaker.length > 0) verdict.exercised();
      const found = weaker.find(([fence]) => coveredBy(event).includes(fence));
      if (found !== undefined)
        verdict.violated(
          `${event.syncFile} with flags ${event.flags} covers ${found[0]}, which is ${[...found[1]].join(" and ")}`,
        );
    },
  }),
};

export const sync10: Rule = {
  id: "SYNC-10",
  level: "MUST",
  obliged: ["framework"],
  statement: "An export that fails after its fd was reserved leaves neither the fd nor any reference behind.",
  intent: "A client that hits the limit once would lose fds and pin finished jobs for the rest of its life.",
  sources: [kernel("drivers/dma-buf/dma-buf.c", "dma_buf_export_sync_file", "6.12, 7.2")],
  needs: ["syncFile"],
  hints: ["Is the fd installed only after the answer was copied out?"],
  status: checked,
  situation: failingExports,
  monitor: remember(() => new Leftovers(), {
    "call exportSyncFile": (event, state, _verdict, leftovers) => leftovers.begin(event, state),
    "call mergeSyncFiles": (event, state, _verdict, leftovers) => leftovers.begin(event, state),
    "call createSyncFile": (event, state, _verdict, leftovers) => leftovers.begin(event, state),
    "call exportFd": (event, state, _verdict, leftovers) => leftovers.begin(event, state),
    "ret exportSyncFile"(event, state, verdict, leftovers) {
      if (event.errno === 0) leftovers.given(event, event.syncFile, event.descriptor, state, verdict);
      else if (areBridgeFlags(event.flags)) leftovers.failed(event, state, verdict);
    },
    "ret mergeSyncFiles"(event, state, verdict, leftovers) {
      if (event.errno === 0) leftovers.given(event, event.syncFile, event.descriptor, state, verdict);
      else leftovers.disturbed();
    },
    "ret createSyncFile"(event, state, verdict, leftovers) {
      if (event.errno === 0) leftovers.given(event, event.syncFile, event.descriptor, state, verdict);
      else leftovers.disturbed();
    },
    "ret exportFd"(event, state, verdict, leftovers) {
      if (event.errno === 0) leftovers.given(event, event.fd, event.number, state, verdict);
      else leftovers.disturbed();
    },
    "ret close": (event, _state, _verdict, leftovers) => leftovers.closed(event.fd),
    "ret closeSyncFile": (event, _state, _verdict, leftovers) => leftovers.closed(event.syncFile),
    end: (event, state, verdict, leftovers) => {
      if (event.waiting.length === 0) leftovers.end(state, verdict);
    },
  }),
};

export const rules: readonly Rule[] = [sync01, sync02, sync03, sync04, sync05, sync10];
