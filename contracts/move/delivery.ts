import { on, remember } from "../monitor.ts";
import { checked } from "../rule-text.ts";
import { holds, type State } from "../../spec/state/state.ts";
import type { Rule } from "../rule.ts";
import { isMadeBy } from "../shared/fences.ts";
import { resvOf } from "../shared/lookup.ts";
import { derived, doc, kernel, run } from "../source.ts";
import { callbackIn, holdOf, invalidateIn, ownCallback } from "./callback.ts";
import { manyAttachments, repeatedCallbacks } from "./situations.ts";
import { isSignallingPath } from "./signalling-path.ts";

/** Under the lock, or in a context of the framework's own: what overlaps then is the framework's fault. */
function mayCallBack(state: State, task: string, buffer: string): boolean {
  return invalidateIn(state, task, buffer) === undefined || holds(state, task, resvOf(state, buffer));
}

/** The next callback has nothing new to tell: no mapping, or only such as are stale already. */
function isSpurious(state: State, attachment: string): boolean {
  const maps = state.attachments.get(attachment)?.maps ?? [];
  return maps.every((name) => state.mappings.get(name)?.stale === true);
}

function isInnermost(state: State, task: string, depth: number): boolean {
  return state.tasks.get(task)?.frames.length === depth + 1;
}

export const move01: Rule = {
  id: "MOVE-01",
  level: "MUST",
  obliged: ["exporter"],
  statement: "The exporter holds the buffer's reservation lock from the start to the end of an invalidate.",
  intent: "Without the lock the list of attachments changes during the walk and a new map overtakes the notice.",
  sources: [
    doc("drivers/dma-buf/dma-buf.c", "locking convention"),
    kernel("drivers/dma-buf/dma-buf.c", "dma_buf_move_notify (6.12), dma_buf_invalidate_mappings (7.2)", "6.12, 7.2"),
  ],
  hints: [
    "Is the lock you hold the one of the exported buffer, or the one of an inner object?",
    "Does the reset or power path take it as the eviction path does?",
  ],
  status: checked,
  monitor: remember(() => new Map<number, number>(), {
    "call invalidate"(event, state, verdict, holds) {
      const resv = resvOf(state, event.buffer);
      if (resv === "") return;
      verdict.exercised();
      holds.set(event.seq, holdOf(state, resv));
      if (state.reservations.get(resv)?.owner !== event.task)
        verdict.violated(
          `${event.by} invalidates ${event.buffer} in task ${event.task}, which does not hold ${resv}`,
          verdict.since("reservations", resv, "owner"),
        );
    },
    "ret invalidate"(event, state, verdict, holds) {
      const resv = resvOf(state, event.buffer);
      const before = holds.get(event.call) ?? 0;
      holds.delete(event.call);
      if (before !== 0 && holdOf(state, resv) !== before)
        verdict.violated(
          `${resv} was released while ${event.by} was still invalidating ${event.buffer}`,
          verdict.since("reservations", resv, "owner"),
        );
    },
  }),
};

export const move02: Rule = {
  id: "MOVE-02",
  level: "MUST",
  obliged: ["framework"],
  statement:
    "One invalidate calls back every listed attachment that has the callback exactly once, in any order, and no other attachment.",
  intent: "A forgotten importer keeps using the old place; a detached one is called into freed memory.",
  sources: [
    kernel("drivers/dma-buf/dma-buf.c", "dma_buf_move_notify (6.12), dma_buf_invalidate_mappings (7.2)", "6.12, 7.2"),
    run(["6.12.117", "7.2.13"], "one call each, none for a detached attachment or a static one"),
  ],
  needs: ["importerCallback"],
  hints: [
    "Are pinned attachments called as well, and those to a static exporter?",
    "Is ops without a callback skipped and not called through null?",
  ],
  situation: manyAttachments,
  evidence: ["list"],
  status: checked,
  monitor: remember(() => new Map<number, { readonly due: readonly string[]; readonly called: Set<string> }>(), {
    "call invalidate"(event, state, _verdict, walks) {
      const listed = state.buffers.get(event.buffer)?.listed ?? [];
      const due = listed.filter((name) => state.attachments.get(name)?.ops === "callback");
      walks.set(event.seq, { due, called: new Set() });
    },
    "cb invalidate"(event, state, verdict, walks) {
      const attachment = state.attachments.get(event.attachment);
      if (attachment === undefined) return;
      verdict.exercised();
      const call = invalidateIn(state, event.task, attachment.buffer);
      const called = call === undefined ? undefined : walks.get(call.seq)?.called;
      if (!attachment.listed)
        verdict.violated(
          `the callback of ${event.attachment} runs, which is not on the list of ${attachment.buffer}`,
          verdict.since("attachments", event.attachment, "listed"),
        );
      else if (called === undefined)
        verdict.violated(`the callback of ${event.attachment} runs outside an invalidate of ${attachment.buffer}`);
      else if (called.has(event.attachment))
        verdict.violated(`one invalidate of ${attachment.buffer} calls ${event.attachment} a second time`, call);
      called?.add(event.attachment);
    },
    "ret invalidate"(event, state, verdict, walks) {
      const walk = walks.get(event.call);
      walks.delete(event.call);
      if (walk === undefined || walk.due.length === 0) return;
      verdict.exercised();
      const missed = walk.due.find((name) => state.attachments.get(name)?.listed === true && !walk.called.has(name));
      if (missed !== undefined)
        verdict.violated(
          `the invalidate of ${event.buffer} returns without having called ${missed}, which was listed throughout`,
          verdict.since("attachments", missed, "listed"),
        );
    },
  }),
};

export const move03: Rule = {
  id: "MOVE-03",
  level: "MUST",
  obliged: ["framework"],
  provokedBy: ["exporter"],
  statement: "An invalidate returns after its last callback has returned, and callbacks of one buffer never overlap.",
  intent: "The exporter collects the fences right after it, and a callback that still runs has not added its own yet.",
  sources: [
    kernel("drivers/dma-buf/dma-buf.c", "dma_buf_move_notify (6.12), dma_buf_invalidate_mappings (7.2)", "6.12, 7.2"),
    run(["6.12.117", "7.2.13"], "all callbacks lie between call and return"),
  ],
  needs: ["importerCallback"],
  hints: [
    "Are callbacks handed to a worker instead of being called in the loop?",
    "Can two threads invalidate one buffer because one of them lacks the lock?",
  ],
  situation: manyAttachments,
  status: checked,
  monitor: on({
    "cb invalidate"(event, state, verdict) {
      const buffer = state.attachments.get(event.attachment)?.buffer ?? "";
      if (buffer === "" || !mayCallBack(state, event.task, buffer)) return;
      verdict.exercised();
      if (invalidateIn(state, event.task, buffer) === undefined)
        verdict.violated(`the callback of ${event.attachment} runs in task ${event.task}, not inside the invalidate`);
      for (const task of state.tasks.keys()) {
        const other = callbackIn(state, task);
        if (other?.buffer === buffer && mayCallBack(state, task, buffer))
          verdict.violated(
            `the callback of ${event.attachment} begins while that of ${other.event.attachment} for ${buffer} runs`,
            other.event,
          );
      }
    },
    "ret invalidate"(event, state, verdict) {
      if (!mayCallBack(state, event.task, event.buffer)) return;
      verdict.exercised();
      for (const task of state.tasks.keys()) {
        const running = callbackIn(state, task);
        if (running?.buffer === event.buffer && mayCallBack(state, task, event.buffer))
          verdict.violated(
            `the invalidate of ${event.buffer} returns while the callback of ${running.event.attachment} runs`,
            running.event,
          );
      }
    },
  }),
};

export const move23: Rule = {
  id: "MOVE-23",
  level: "MUST",
  obliged: ["importer"],
  statement:
    "An importer takes an invalidate without a live mapping, without a change of place or straight after another one, and does no more than drop its mappings.",
  intent: "Exporters notify more often than they move (unrevoke is one case), and a second teardown is a double free.",
  sources: [
    derived("MOVE-02: the framework calls whether mapped or not"),
    kernel("drivers/infiniband/core/umem_dmabuf.c", "ib_umem_dmabuf_revoke_locked", "7.2"),
    run(["6.12.117", "7.2.13"], "two moves in a row and a move without mappings give callbacks and nothing else"),
  ],
  needs: ["importerCallback"],
  hints: [
    "Does the callback test for a live mapping before it unmaps?",
    "Does it balance a counter or a pin that the first call has dropped already?",
  ],
  situation: repeatedCallbacks,
  status: checked,
  monitor: on({
    "cb invalidate"(event, state, verdict) {
      if (isSpurious(state, event.attachment)) verdict.exercised();
    },
    "call unmap"(event, state, verdict) {
      const callback = ownCallback(state, event);
      if (callback === undefined) return;
      verdict.exercised();
      if (event.mapping !== null) return;
      verdict.violated(
        `the callback of ${callback.event.attachment} unmaps a table that is no live mapping`,
        callback.event,
        verdict.since("attachments", callback.event.attachment, "maps"),
      );
    },
    "call unpin"(event, state, verdict) {
      const callback = ownCallback(state, event);
      if (callback === undefined) return;
      verdict.exercised();
      if ((state.attachments.get(event.attachment)?.pins ?? 1) > 0) return;
      verdict.violated(
        `the callback of ${callback.event.attachment} unpins ${event.attachment}, which has no pin left`,
        callback.event,
        verdict.since("attachments", event.attachment, "pins"),
      );
    },
    "call detach"(event, state, verdict) {
      const callback = ownCallback(state, event);
      if (callback !== undefined)
        verdict.violated(`the callback of ${callback.event.attachment} detaches`, callback.event);
    },
    warn(event, state, verdict) {
      const callback = callbackIn(state, event.task);
      if (callback !== undefined && isInnermost(state, event.task, callback.depth))
        verdict.violated(
          `the callback of ${callback.event.attachment} ends in a warning: ${event.text}`,
          callback.event,
        );
    },
  }),
};

export const move26: Rule = {
  id: "MOVE-26",
  level: "MUST",
  obliged: ["exporter"],
  statement:
    "No invalidate is made in atomic context, in a fence-signalling path, or by someone who waits for fences of the buffer that he has to signal himself.",
  intent: "Importer callbacks sleep and wait for those fences, so the signal would wait for its own consequence.",
  sources: [
    derived("MOVE-01 and the rules for fence-signalling sections"),
    doc("drivers/dma-buf/dma-fence.c", "fence signalling annotations"),
  ],
  hints: [
    "Can eviction start from the job-submission or job-done path of your scheduler?",
    "Does a GPU reset handler invalidate before it has signaled its own jobs?",
  ],
  status: checked,
  monitor: on({
    "call invalidate"(event, state, verdict) {
      verdict.exercised();
      if (event.atomic) verdict.violated(`${event.by} invalidates ${event.buffer} in atomic context`);
      else if (isSignallingPath(state, event.task))
        verdict.violated(
          `${event.by} invalidates ${event.buffer} in a fence-signalling path of task ${event.task}`,
          verdict.since("tasks", event.task, "signalling"),
        );
    },
    end(event, state, verdict) {
      for (const { task, wait } of event.waiting) {
        if (wait.kind !== "fence") continue;
        const callback = callbackIn(state, task);
        const call = callback === undefined ? undefined : invalidateIn(state, task, callback.buffer);
        if (call !== undefined && isMadeBy(state, wait.fence, call.by))
          verdict.violated(
            `${call.by} invalidates ${call.buffer} and with that waits for ${wait.fence}, which he has to signal himself`,
            call,
          );
      }
    },
  }),
};

export const rules: readonly Rule[] = [move01, move02, move03, move23, move26];
