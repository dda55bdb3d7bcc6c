import { EINVAL, EMFILE, ENOENT, ENOMEM, ENOTTY, errnoName } from "../../spec/errno.ts";
import type { CallEvent, RetEvent } from "../../spec/event.ts";
import { leavesOf } from "../../spec/state/observe/sync.ts";
import type { State, SyncFileState } from "../../spec/state/state.ts";
import { isFlat, MergeMemory, wrongMerge } from "../fence/merging.ts";
import { on, remember, type Verdict } from "../monitor.ts";
import type { Rule } from "../rule.ts";
import { checked } from "../rule-text.ts";
import { isOver } from "../shared/fences.ts";
import { kernel, run } from "../source.ts";
import { hidesContainers, statusOf } from "./files.ts";
import { isHeld } from "./leftovers.ts";
import { asking, exporting, merging, pollingFiles } from "./situations.ts";

type Merged = CallEvent<"mergeSyncFiles"> | RetEvent<"mergeSyncFiles">;

/** The fences of the two files; null where one of them is no open sync file. */
function inputs(event: Merged, state: State): readonly [string, string] | null {
  const first = state.syncFiles.get(event.first);
  const second = event.second === null ? undefined : state.syncFiles.get(event.second);
  return first?.open === true && second?.open === true ? [first.fence, second.fence] : null;
}

/** SYNC-11: as of any merge (FENCE-28). */
function asMerge(event: RetEvent<"mergeSyncFiles">, fences: readonly string[]): RetEvent<"merge"> {
  const { seq, task, step, atomic, by, call, context, number, members, time } = event;
  const result = { merged: event.fence, context, number, members, time };
  return {
    seq,
    task,
    step,
    atomic,
    kind: "ret",
    op: "merge",
    by,
    call,
    errno: 0,
    fence: event.fence ?? "",
    fences,
    ...result,
  };
}

/** SYNC-12: what the own fence of a file may answer. */
function ownStatuses(state: State, file: SyncFileState): readonly number[] {
  const row = state.fences.get(file.fence);
  if (row === undefined) return [];
  if (!isOver(state, file.fence)) return [0];
  if (row.kind === "plain") return [statusOf(state, file.fence)];
  // Its members' errors only if it was watched while one was pending.
  return [1, ...leavesOf(state, file.fence).map((member) => statusOf(state, member))];
}

function wrongRecords(event: RetEvent<"syncFileInfo">, state: State, file: SyncFileState): string | null {
  const leaves = leavesOf(state, file.fence);
  const named = event.records.map(({ fence }) => fence);
  const isChain = state.fences.get(file.fence)?.kind === "chain";
  if (!isChain && named.join() !== leaves.join()) return `its fences are ${leaves.join(" ")}`;
  const left = leaves.find((fence) => !isOver(state, fence) && !named.includes(fence));
  if (left !== undefined) return `${left} is pending and not among them`;
  const wrong = event.records.find(({ fence, status }) => status !== statusOf(state, fence));
  if (wrong !== undefined)
    return `the status of ${wrong.fence} is ${statusOf(state, wrong.fence)}, not ${wrong.status}`;
  const total = event.records.find(({ status }) => status !== 1)?.status ?? 1;
  return event.status === total ? null : `the total is ${total}, not ${event.status}`;
}

function answersInfo(event: RetEvent<"syncFileInfo">, state: State, verdict: Verdict): void {
  const file = state.syncFiles.get(event.syncFile);
  if (file === undefined || !state.fences.has(file.fence) || hidesContainers(state, file)) return;
  verdict.exercised();
  const fail = (why: string) =>
    verdict.violated(
      `info of ${event.syncFile} with room for ${event.count} answers ${errnoName(event.errno)}, ${event.fences} fences, status ${event.status}: ${why}`,
      verdict.since("syncFiles", event.syncFile, "fence"),
    );
  if (event.flags !== 0 || event.pad !== 0) {
    if (event.errno !== EINVAL) fail("flags and padding have to be zero");
    return;
  }
  const leaves = leavesOf(state, file.fence);
  const isChain = state.fences.get(file.fence)?.kind === "chain";
  if (event.count > 0 && event.errno === EINVAL) {
    if (event.count >= leaves.length) fail("there is room for all of them");
    return;
  }
  if (event.errno !== 0) {
    if (event.errno < ENOMEM || event.count === 0) fail("nothing is wrong with the request");
    return;
  }
  if (event.count > 0 && event.count < event.fences) return fail("there is not room for all of them");
  if (isChain ? event.fences > leaves.length : event.fences !== leaves.length)
    return fail(`there are ${leaves.length}`);
  if (event.count > 0) {
    const wrong = wrongRecords(event, state, file);
    if (wrong !== null) fail(wrong);
  } else if (!ownStatuses(state, file).includes(event.status))
    fail(`the status of ${file.fence} is ${ownStatuses(state, file).join(" or ")}`);
}

/** SYNC-28. */
function isCloseOnExec(event: RetEvent<"exportSyncFile" | "mergeSyncFiles">, _state: State, verdict: Verdict): void {
  if (event.errno !== 0) return;
  verdict.exercised();
  if (!event.closeOnExec) verdict.violated(`${event.syncFile} stays open in whatever program is executed`);
}

export const sync11: Rule = {
  id: "SYNC-11",
  level: "MUST",
  obliged: ["framework"],
  statement:
    "Merge needs two sync file fds (-ENOENT) and zero flags and padding (-EINVAL); its result signals after both, holds each fence once and the newest per context, and drops members already signaled together with their errors (none left: one signaled fence).",
  intent: "Compositors merge per frame, so an extra member grows without end and a missing one tears the picture.",
  sources: [
    kernel("drivers/dma-buf/sync_file.c", "sync_file_merge", "6.12, 7.2"),
    kernel("drivers/dma-buf/sync_file.c", "sync_file_ioctl_merge", "6.12, 7.2"),
    run(
      ["6.12.117", "7.2.13"],
      "bad fd, other file type, flags, padding, same file twice, one context, failed members",
    ),
  ],
  needs: ["syncFile"],
  hints: ["Is a failed member's status read before the merge if it matters?"],
  status: checked,
  situation: merging,
  monitor: remember(() => new MergeMemory(), {
    "call mergeSyncFiles"(event, state, _verdict, memory) {
      const fences = inputs(event, state);
      if (fences !== null) memory.beginWith(event.seq, fences, state);
    },
    signal(event, state, _verdict, memory) {
      const frame = state.tasks.get(event.task)?.frames.at(-1);
      if (frame?.kind === "call" && frame.op === "mergeSyncFiles" && !state.fences.has(event.fence))
        memory.stubs.set(event.fence, event);
    },
    "ret mergeSyncFiles"(event, state, verdict, memory) {
      verdict.exercised();
      const fences = inputs(event, state);
      const wanted = event.flags !== 0 || event.pad !== 0 ? EINVAL : fences === null ? ENOENT : 0;
      if (wanted !== 0) {
        if (event.errno !== wanted && event.errno !== EMFILE && event.errno !== ENOMEM)
          verdict.violated(`a merge answers ${errnoName(event.errno)}, not ${errnoName(wanted)}`);
        return;
      }
      if (event.errno === EINVAL || event.errno === ENOENT) verdict.violated(`a merge of two sync files is refused`);
      if (event.errno !== 0 || fences === null || !isFlat(state, fences)) return;
      const wrong = wrongMerge(asMerge(event, fences), state, memory);
      if (wrong !== null)
        verdict.violated(
          `the merge of ${event.first} and ${event.second ?? "?"} is ${event.fence ?? "nothing"}: ${wrong}`,
        );
    },
  }),
};

export const sync12: Rule = {
  id: "SYNC-12",
  level: "MUST",
  obliged: ["framework"],
  statement:
    "Info needs zero flags and padding; count 0 yields how many fences there are and the own fence's status, a too small array gives -EINVAL, and otherwise one record per unwrapped fence is filled and the total is the first status other than 1 (for failed members of a merged file the two totals may differ).",
  intent: "Tools and compositors size the second call by the first and report errors from the total.",
  sources: [
    kernel("drivers/dma-buf/sync_file.c", "sync_file_ioctl_fence_info", "6.12, 7.2"),
    run(
      ["6.12.117", "7.2.13"],
      "count 0, too small, exact, larger; flags and padding; failed members polled early, late and never",
    ),
  ],
  needs: ["syncFile"],
  hints: ["Is the padding checked in the count-0 form too?", "Is the zero-count status taken for the members' errors?"],
  status: checked,
  situation: asking,
  monitor: on({ "ret syncFileInfo": answersInfo }),
};

export const sync13: Rule = {
  id: "SYNC-13",
  level: "MUST",
  obliged: ["framework"],
  statement:
    "The sync file deadline request refuses non-zero padding with -EINVAL and changes no result or order of signals.",
  intent: "The padding is the room for later extensions, and a hint must never decide what is correct.",
  sources: [
    kernel("drivers/dma-buf/sync_file.c", "sync_file_ioctl_set_deadline", "6.12, 7.2"),
    run(["6.12.117", "7.2.13"], "ok, padding set, signaled file"),
  ],
  needs: ["syncFile"],
  hints: ["Is a deadline on a signaled file still a success?"],
  status: checked,
  situation: asking,
  monitor: on({
    "ret syncFileDeadline"(event, _state, verdict) {
      verdict.exercised();
      const wanted = event.pad === 0 ? 0 : EINVAL;
      if (event.errno !== wanted)
        verdict.violated(
          `a deadline for ${event.syncFile} with padding ${event.pad} answers ${errnoName(event.errno)}`,
        );
    },
  }),
};

export const sync14: Rule = {
  id: "SYNC-14",
  level: "MUST",
  obliged: ["framework"],
  provokedBy: ["fenceOwner"],
  statement: "A sync file polls readable exactly when it is signaled, and a sleeping poller is woken by the signal.",
  intent: "Event loops sleep on this alone.",
  sources: [kernel("drivers/dma-buf/sync_file.c", "sync_file_poll", "6.12, 7.2")],
  needs: ["syncFile"],
  hints: ["Is the state asked again after the callback was armed?"],
  status: checked,
  situation: pollingFiles,
  monitor: on({
    "ret pollSyncFile"(event, state, verdict) {
      const file = state.syncFiles.get(event.syncFile);
      if (file === undefined || !state.fences.has(file.fence)) return;
      verdict.exercised();
      if (event.answer !== isOver(state, file.fence))
        verdict.violated(
          `${event.syncFile} is ${event.answer ? "" : "not "}ready, and ${file.fence} is ${event.answer ? "not " : ""}signaled`,
          verdict.since("fences", file.fence, "signaled"),
        );
    },
    end(event, state, verdict) {
      for (const { task, wait } of event.waiting) {
        if (wait.kind !== "other" || !wait.what.startsWith("poll of ") || !state.syncFiles.has(wait.what.slice(8)))
          continue;
        verdict.exercised();
        verdict.violated(`${task} sleeps in a ${wait.what} for ever, although its fence has signaled`);
      }
    },
  }),
};

export const sync23: Rule = {
  id: "SYNC-23",
  level: "MUST",
  obliged: ["framework"],
  statement:
    "A sync file answers poll, info and merge after the dma-buf, the exporter's fd or its merge inputs are closed, and its fence is released with the last close.",
  intent: "User space passes sync files between processes and closes everything else at once.",
  sources: [
    kernel("drivers/dma-buf/sync_file.c", "sync_file_create", "6.12, 7.2"),
    kernel("drivers/dma-buf/sync_file.c", "sync_file_merge", "6.12, 7.2"),
    kernel("drivers/dma-buf/sync_file.c", "sync_file_release", "6.12, 7.2"),
    run(["6.12.117", "7.2.13"], "inputs and buffer closed: status, info and poll work; freed at the last close"),
  ],
  needs: ["syncFile"],
  hints: ["Does the file own a reference, or borrow the one of the object?"],
  status: checked,
  situation: { ...merging, weights: { ...merging.weights, closeSyncFile: 8, fencePut: 4 } },
  monitor: on({
    free(event, state, verdict) {
      if (event.what !== "fence") return;
      for (const [name, file] of state.syncFiles) {
        if (file.fence !== event.id) continue;
        verdict.exercised();
        if (file.open)
          verdict.violated(
            `${event.id} is released while ${name} stands for it`,
            verdict.since("syncFiles", name, "open"),
          );
      }
    },
    end(event, state, verdict) {
      if (event.waiting.length > 0) return;
      for (const [name, file] of state.syncFiles) {
        const fence = state.fences.get(file.fence);
        if (file.open || fence?.by !== "framework" || fence.refs > 0) continue;
        verdict.exercised();
        if (!fence.released && isOver(state, file.fence) && !isHeld(state, file.fence))
          verdict.violated(
            `${file.fence} outlives ${name}, the last that stood for it`,
            verdict.since("syncFiles", name, "open"),
          );
      }
    },
  }),
};

export const sync27: Rule = {
  id: "SYNC-27",
  level: "MUST",
  obliged: ["framework"],
  statement: "An unknown sync file request, and either bridge request in a build without sync files, gives -ENOTTY.",
  intent: "User space takes this code, and no other, for missing support.",
  sources: [
    kernel("drivers/dma-buf/sync_file.c", "sync_file_ioctl", "6.12, 7.2"),
    kernel("drivers/dma-buf/dma-buf.c", "dma_buf_ioctl", "6.12, 7.2"),
    run(["6.12.117", "7.2.13"], "unknown request and dma-buf request on a sync file"),
  ],
  hints: ["Is a default branch with -EINVAL left anywhere?"],
  status: checked,
  situation: asking,
  monitor: on({
    "ret syncFileIoctl"(event, _state, verdict) {
      verdict.exercised();
      if (event.errno !== ENOTTY)
        verdict.violated(`request ${event.command} on ${event.syncFile} answers ${errnoName(event.errno)}, not ENOTTY`);
    },
  }),
};

export const sync28: Rule = {
  id: "SYNC-28",
  level: "MUST",
  obliged: ["framework"],
  statement: "The fds that export and merge return have close-on-exec set from the start.",
  intent: "A fence fd inherited by a child process keeps the job's memory alive unnoticed.",
  sources: [
    kernel("drivers/dma-buf/dma-buf.c", "dma_buf_export_sync_file", "6.12, 7.2"),
    kernel("drivers/dma-buf/sync_file.c", "sync_file_ioctl_merge", "6.12, 7.2"),
    run(["6.12.117", "7.2.13"], "flag seen on files of both"),
  ],
  needs: ["syncFile"],
  hints: ["Is the flag given when the fd is reserved, not set afterwards?"],
  status: checked,
  situation: exporting,
  monitor: on({ "ret exportSyncFile": isCloseOnExec, "ret mergeSyncFiles": isCloseOnExec }),
};

export const rules: readonly Rule[] = [sync11, sync12, sync13, sync14, sync23, sync27, sync28];
