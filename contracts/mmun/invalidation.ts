import type { Rule } from "../rule.ts";
import type { CbEvent, CbRetEvent, HistoryEvent } from "../../spec/event.ts";
import type { State } from "../../spec/state/state.ts";
import { on, remember, type Verdict } from "../monitor.ts";
import { checked, untested } from "../rule-text.ts";
import { doc, kernel } from "../source.ts";
import {
  callbackOf,
  entriesIn,
  faultAtWork,
  isOwnMove,
  mirrorOf,
  overlap,
  privateLocks,
  type Notice,
} from "./lookup.ts";
import { mirroring } from "./situations.ts";

/** Invalidations that were accepted: which saved their sequence, and which have a second pass. */
class Accepted {
  readonly saved = new Set<number>();
  readonly finishing = new Map<string, CbRetEvent<"mmuInvalidate">>();
}

/** Nothing in the range leads to pages that are about to go. */
function judgeWithdrawn(event: HistoryEvent, notice: Notice, state: State, verdict: Verdict): void {
  if (notice.change === "protect" || notice.change === "migrate" || notice.change === "exclusive") return;
  const [left] = entriesIn(state, mirrorOf(state, notice.notifier), notice);
  if (left !== undefined)
    verdict.violated(
      `${left.table} still leads to ${left.target ?? "nothing"} for page ${left.page}, whose ${notice.change} was accepted`,
      notice === event ? undefined : notice,
      verdict.since("entries", `${left.table}:${left.page}`, "target"),
    );
}

function judgeRefusal(event: Notice, refused: boolean, changed: Set<number>, verdict: Verdict): void {
  verdict.exercised();
  const touched = changed.delete(event.cb);
  if (!refused) return;
  if (event.blockable) verdict.violated(`${event.to} refuses an invalidation in which it may block`);
  else if (touched) verdict.violated(`${event.to} refuses an invalidation after it has changed something`);
}

function isMove({ change }: Notice): boolean {
  return change === "migrate" || change === "exclusive";
}

function judgeMove(event: HistoryEvent, notice: Notice, state: State, verdict: Verdict): void {
  verdict.exercised();
  const [left] = entriesIn(state, mirrorOf(state, notice.notifier), notice);
  if (left !== undefined)
    verdict.violated(
      `${notice.to} keeps ${left.target ?? "nothing"}, which ${notice.owner ?? "the kernel"} moves (${notice.change})`,
      notice === event ? undefined : notice,
    );
}

function isEnd(callback: CbEvent): boolean {
  return callback.hook === "spaceRelease" || (callback.hook === "mmuInvalidate" && callback.change === "release");
}

function judgeEnd(
  event: CbRetEvent<"mmuInvalidate"> | CbRetEvent<"spaceRelease">,
  state: State,
  verdict: Verdict,
  over: Map<string, HistoryEvent>,
): void {
  verdict.exercised();
  const name = state.notifiers.get(event.notifier)?.mirror ?? "";
  over.set(name, event);
  const [left] = entriesIn(state, state.mirrors.get(name), { start: 0, pages: Number.MAX_SAFE_INTEGER });
  if (left !== undefined)
    verdict.violated(
      `${left.table} still has an entry for page ${left.page} at the end of its address space`,
      verdict.since("entries", `${left.table}:${left.page}`, "target"),
    );
}

export const mmun03: Rule = {
  id: "MMUN-03",
  level: "MUST",
  obliged: ["importer"],
  statement:
    "An accepted invalidate saves the given sequence under the lock of the re-check, and on its return, or that of its finish call, no secondary entry of the range grants what was withdrawn.",
  intent: "Right after it the kernel gives the pages to someone else.",
  sources: [
    doc("include/linux/mmu_notifier.h", "mmu_interval_set_seq, mmu_interval_notifier_ops"),
    doc("Documentation/mm/hmm.rst", "invalidate callback"),
  ],
  needs: ["mirror"],
  hints: [
    "Is the sequence stored before any early return?",
    "Is the device TLB flush complete when the callback returns?",
  ],
  status: checked,
  situation: { weights: mirroring, importers: ["mirror"] },
  monitor: remember(() => new Accepted(), {
    "call setSequence"(event, state, _verdict, accepted) {
      const callback = callbackOf(state, event.task);
      if (callback !== undefined && privateLocks(state, event.task).length > 0) accepted.saved.add(callback.seq);
    },
    "cbret mmuInvalidate"(event, state, verdict, accepted) {
      if (!event.answer || isOwnMove(event)) return;
      verdict.exercised();
      if (!accepted.saved.delete(event.cb))
        verdict.violated(`${event.to} accepts an invalidation of ${event.notifier} and saves no sequence under a lock`);
      if (event.finish) accepted.finishing.set(event.notifier, event);
      else judgeWithdrawn(event, event, state, verdict);
    },
    "cbret mmuFinish"(event, state, verdict, accepted) {
      const first = accepted.finishing.get(event.notifier);
      accepted.finishing.delete(event.notifier);
      if (first !== undefined) judgeWithdrawn(event, first, state, verdict);
    },
  }),
};

export const mmun04: Rule = {
  id: "MMUN-04",
  level: "MUST",
  obliged: ["importer"],
  statement:
    "A callback that may not block sleeps nowhere and, if it would have to, refuses before it changed anything; one that may block never refuses.",
  intent: "Non-blocking calls come from the out-of-memory killer, which must not get stuck in a driver.",
  sources: [
    doc("include/linux/mmu_notifier.h", "mmu_notifier_range_blockable and the callbacks"),
    kernel("mm/mmu_notifier.c", "mn_itree_invalidate, mn_hlist_invalidate_range_start", "6.12, 7.2"),
  ],
  needs: ["mirror"],
  hints: ["Is a trylock used when blocking is not allowed?", "Is the sequence saved before the refusal?"],
  status: checked,
  situation: { weights: { ...mirroring, changeRange: 16 }, importers: ["mirror"], tasks: 3, pauses: 0.3 },
  monitor: remember(() => new Set<number>(), {
    blocked(event, state, verdict) {
      const callback = callbackOf(state, event.task);
      if (callback === undefined || !("blockable" in callback) || callback.blockable) return;
      verdict.violated(`${callback.to} sleeps in a callback that may not block`, callback);
    },
    "call zap"(event, state, _verdict, changed) {
      const callback = callbackOf(state, event.task);
      if (callback !== undefined) changed.add(callback.seq);
    },
    "call setSequence"(event, state, _verdict, changed) {
      const callback = callbackOf(state, event.task);
      if (callback !== undefined) changed.add(callback.seq);
    },
    "cbret mmuInvalidate"(event, _state, verdict, changed) {
      judgeRefusal(event, !event.answer, changed, verdict);
    },
    "cbret rangeStart"(event, _state, verdict, changed) {
      judgeRefusal(event, event.errno !== 0, changed, verdict);
    },
  }),
};

export const mmun05: Rule = {
  id: "MMUN-05",
  level: "MUST",
  obliged: ["importer"],
  statement:
    "As long as any event that covers a range has started and not ended, no new secondary entry is made in it.",
  intent: "Page tables of the range are changing, and an entry taken from them is stale at once.",
  sources: [doc("include/linux/mmu_notifier.h", "invalidate_range_start and invalidate_range_end")],
  needs: ["mirror"],
  temporal: ["T-31"],
  hints: ["Are nested and parallel events counted, or does the first end clear a flag?"],
  status: checked,
  situation: { weights: { ...mirroring, mirror: 10 }, importers: ["mirror"], tasks: 3, pauses: 0.3 },
  monitor: remember(() => new Map<string, CbRetEvent<"rangeStart">[]>(), {
    "cbret rangeStart"(event, _state, _verdict, open) {
      if (event.errno !== 0) return;
      const known = open.get(event.notifier) ?? [];
      open.set(event.notifier, [...known, event]);
    },
    "cb rangeEnd"(event, state, verdict, open) {
      const mirror = mirrorOf(state, event.notifier);
      const known = open.get(event.notifier) ?? [];
      const at = known.findIndex(({ start, pages }) => start === event.start && pages === event.pages);
      open.set(event.notifier, known.toSpliced(Math.max(at, 0), at < 0 ? 0 : 1));
      for (const [task] of state.tasks)
        if (task !== event.task && faultAtWork(state, task)?.mirror === mirror) verdict.exercised();
    },
    "call install"(event, state, verdict, open) {
      const notifier = faultAtWork(state, event.task)?.mirror.notifier ?? "";
      const under = open.get(notifier)?.find((range) => overlap(range, { start: event.page, pages: 1 }));
      if (under === undefined) return;
      verdict.exercised();
      verdict.violated(
        `${event.by} makes an entry for page ${event.page} while an event that covers it is under way`,
        under,
      );
    },
  }),
};

export const mmun09: Rule = {
  id: "MMUN-09",
  level: "MUST",
  obliged: ["importer"],
  statement:
    "When the callback for the end of the address space returns, every secondary entry is gone and no install is accepted any more.",
  intent: "All pages of the process are freed next, whatever the device is doing.",
  sources: [
    doc("include/linux/mmu_notifier.h", "release"),
    kernel("mm/mmu_notifier.c", "mn_itree_release, mn_hlist_release", "6.12, 7.2"),
  ],
  needs: ["mirror"],
  hints: ["Can a queued fault worker install after the release?"],
  status: checked,
  situation: { weights: { ...mirroring, exitSpace: 6 }, importers: ["mirror"], tasks: 2, pauses: 0.1 },
  monitor: remember(() => new Map<string, HistoryEvent>(), {
    "cbret mmuInvalidate"(event, state, verdict, over) {
      if (event.change === "release" && !event.finish) judgeEnd(event, state, verdict, over);
    },
    "cbret spaceRelease"(event, state, verdict, over) {
      judgeEnd(event, state, verdict, over);
    },
    "call install"(event, state, verdict, over) {
      const fault = faultAtWork(state, event.task);
      const end = fault === undefined ? undefined : over.get(fault.call.mirror);
      if (end !== undefined) verdict.violated(`${event.by} makes an entry after the end of the address space`, end);
    },
    end(event, state, verdict) {
      for (const { task } of event.waiting) {
        const callback = callbackOf(state, task);
        if (callback === undefined || !isEnd(callback)) continue;
        verdict.violated(`the callback for the end of the address space never returns`, callback);
      }
    },
  }),
};

export const mmun13: Rule = {
  id: "MMUN-13",
  level: "MUST",
  obliged: ["framework", "importer"],
  statement:
    "A device that walks the CPU's page tables is flushed under the page-table lock before a replacing page becomes visible, by a callback that does not sleep.",
  intent: "The device would read the old page from its own TLB while the CPU already writes the new one.",
  sources: [
    doc("Documentation/mm/mmu_notifier.rst", "when to notify under the page-table lock"),
    doc("include/linux/mmu_notifier.h", "arch_invalidate_secondary_tlbs"),
  ],
  needs: ["mirror"],
  hints: ["Is the flush waited for by spinning rather than by sleeping?"],
  status: checked,
  situation: { weights: { ...mirroring, mirror: 14, touch: 12, changeRange: 16 }, importers: ["mirror"] },
  monitor: on({
    "call primaryEntry"(event, state, verdict) {
      if (event.target === null) return;
      for (const mirror of state.mirrors.values()) {
        if (mirror.form !== "shared" || mirror.phase !== "live" || mirror.space !== event.space) continue;
        if (!overlap(mirror, { start: event.page, pages: 1 })) continue;
        verdict.exercised();
        const [old] = entriesIn(state, mirror, { start: event.page, pages: 1 });
        if (old !== undefined && old.target !== event.target)
          verdict.violated(
            `${event.target} shows in page ${event.page} of ${event.space} while the device still has ${old.target ?? ""}`,
            verdict.since("entries", `${old.table}:${old.page}`, "target"),
          );
      }
    },
    blocked(event, state, verdict) {
      const callback = callbackOf(state, event.task);
      if (callback?.hook === "flushShared") verdict.violated(`${callback.to} sleeps in its flush`, callback);
    },
    "cb flushShared"(event, _state, verdict) {
      verdict.exercised();
      if (!event.atomic) verdict.violated("shared page tables are flushed from where others can get in between");
    },
  }),
};

export const mmun14: Rule = {
  id: "MMUN-14",
  level: "MUST",
  obliged: ["importer", "fenceOwner"],
  statement:
    "A fence that a notifier callback waits for completes without any allocation that can block, and only drivers under the GPU fence contract wait there.",
  intent: "Reclaim calls the notifier, so an allocation behind the fence waits for itself.",
  sources: [doc("drivers/dma-buf/dma-fence.c", "DOC: fence cross-driver contract")],
  needs: ["mirror"],
  hints: ["Does the path that signals the fence allocate with a flag that allows reclaim?"],
  status: untested("no operation of a role says which of its allocations may block, and nothing here reclaims"),
};

export const mmun33: Rule = {
  id: "MMUN-33",
  level: "MUST",
  obliged: ["importer"],
  statement:
    "A mirror obeys every event in its range; only a migrate or exclusive event that names the mirror itself as owner may be skipped.",
  intent: "Skipping a stranger's migration leaves entries to pages that have moved.",
  sources: [
    doc("include/linux/mmu_notifier.h", "enum mmu_notifier_event, mmu_notifier_range_init_owner"),
    doc("Documentation/mm/hmm.rst", "migration steps"),
  ],
  needs: ["mirror"],
  hints: ["Is the owner pointer compared, or only the kind of the event?"],
  status: checked,
  situation: { weights: { ...mirroring, changeRange: 16 }, importers: ["mirror", "mirror"] },
  monitor: remember(() => new Map<string, CbRetEvent<"mmuInvalidate">>(), {
    "cbret mmuInvalidate"(event, state, verdict, finishing) {
      if (!event.answer || !isMove(event) || isOwnMove(event)) return;
      if (event.finish) finishing.set(event.notifier, event);
      else judgeMove(event, event, state, verdict);
    },
    "cbret mmuFinish"(event, state, verdict, finishing) {
      const first = finishing.get(event.notifier);
      finishing.delete(event.notifier);
      if (first !== undefined) judgeMove(event, first, state, verdict);
    },
    "cbret rangeStart"(event, state, verdict) {
      if (event.errno === 0 && isMove(event) && !isOwnMove(event)) judgeMove(event, event, state, verdict);
    },
  }),
};

export const rules: readonly Rule[] = [mmun03, mmun04, mmun05, mmun09, mmun13, mmun14, mmun33];
