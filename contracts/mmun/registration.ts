import type { Rule } from "../rule.ts";
import { EAGAIN, EINVAL, EOVERFLOW, errnoName } from "../../spec/errno.ts";
import type { CallEvent, CbRetEvent, RetEvent } from "../../spec/event.ts";
import { lastPage } from "../../spec/operations/space.ts";
import { frameOf, type State } from "../../spec/state/state.ts";
import { on, remember, type Verdict } from "../monitor.ts";
import { checked } from "../rule-text.ts";
import { doc, kernel } from "../source.ts";
import { CallbackLocks, callbackOf, entriesIn } from "./lookup.ts";
import { mirroring } from "./situations.ts";

/** Locks of callbacks, and notifiers that were taken out. */
class Removals {
  readonly locks = new CallbackLocks();
  readonly gone = new Map<string, RetEvent<"removeNotifier"> | RetEvent<"unregisterNotifier">>();
}

function judgeRemoval(
  event: CallEvent<"removeNotifier"> | CallEvent<"unregisterNotifier">,
  state: State,
  verdict: Verdict,
  { locks }: Removals,
): void {
  verdict.exercised();
  const callback = callbackOf(state, event.task);
  if (callback !== undefined) verdict.violated(`${event.by} takes ${event.notifier} out in a callback`, callback);
  const [held] = locks.heldBy(state, event.task, event.notifier);
  if (held !== undefined)
    verdict.violated(
      `${event.by} takes ${event.notifier} out with ${held} held, which its callback takes`,
      verdict.since("locks", held, "owner"),
    );
}

function judgeLate(
  event: { readonly notifier: string; readonly task: string },
  _state: State,
  verdict: Verdict,
  { gone }: Removals,
): void {
  const removal = gone.get(event.notifier);
  if (removal !== undefined) verdict.violated(`${event.notifier} is called after it was taken out`, removal);
}

/** First passes of the event that a task is in. */
interface OpenPasses {
  /** Those that wait for their finish. */
  readonly left: Map<string, CbRetEvent<"mmuInvalidate">>;
  /** Those that left nothing to finish. */
  readonly without: Set<string>;
  /** A finish came, and others are still to come. */
  finished: boolean;
}

class Passes {
  private readonly byTask = new Map<string, OpenPasses>();

  of(task: string): OpenPasses {
    let open = this.byTask.get(task);
    if (open === undefined) this.byTask.set(task, (open = { left: new Map(), without: new Set(), finished: false }));
    return open;
  }

  end(task: string): void {
    this.byTask.delete(task);
  }
}

function judgePasses(event: RetEvent, _state: State, verdict: Verdict, passes: Passes): void {
  const [left] = passes.of(event.task).left;
  passes.end(event.task);
  if (left === undefined) return;
  verdict.exercised();
  verdict.violated(`the first pass of ${left[0]} is never finished`, left[1]);
}

/** Whether a callback or a change is still under way anywhere. */
function isInvalidating(state: State): boolean {
  for (const task of state.tasks.values())
    if (
      task.frames.some(
        (frame) =>
          (frame.kind === "call" && (frame.op === "changeRange" || frame.op === "destroyVma")) ||
          (frame.kind === "cb" && (frame.hook === "mmuInvalidate" || frame.hook === "rangeStart")),
      )
    )
      return true;
  return false;
}

/** A live reference of the caller's own; without users nothing is registered. */
function judgeLive(
  event: CallEvent<"insertNotifier"> | CallEvent<"registerNotifier">,
  _state: State,
  verdict: Verdict,
  own: Map<string, number>,
): void {
  verdict.exercised();
  if ((own.get(`${event.task} ${event.space}`) ?? 0) <= 0)
    verdict.violated(`${event.by} adds ${event.notifier} without a reference that keeps ${event.space} alive`);
}

export const mmun06: Rule = {
  id: "MMUN-06",
  level: "MUST",
  obliged: ["importer"],
  statement: "A range listener whose start may refuse has no end callback.",
  intent: "It cannot tell whether the end it gets belongs to a start of its own that succeeded.",
  sources: [
    doc("include/linux/mmu_notifier.h", "invalidate_range_start"),
    kernel("mm/mmu_notifier.c", "mn_hlist_invalidate_range_start", "6.12, 7.2"),
  ],
  needs: ["mirror"],
  hints: ["Does start return an error while the ops also have an end?"],
  status: checked,
  situation: { weights: { ...mirroring, mirror: 12 }, importers: ["mirror"] },
  monitor: on({
    "call registerNotifier"(event, _state, verdict) {
      if (!event.ops.includes("start")) return;
      verdict.exercised();
      if (event.ops.includes("refuses") && event.ops.includes("end"))
        verdict.violated(`${event.by} registers a start that may refuse together with an end`);
    },
    "cbret rangeStart"(event, state, verdict) {
      const row = state.notifiers.get(event.notifier);
      if (event.errno === 0 || row?.ops.includes("end") !== true) return;
      verdict.exercised();
      verdict.violated(
        `${event.to} refuses a start and has an end callback`,
        verdict.since("notifiers", event.notifier, "ops"),
      );
    },
  }),
};

export const mmun10: Rule = {
  id: "MMUN-10",
  level: "MUST",
  obliged: ["importer"],
  statement:
    "Remove and unregister are called neither from a callback nor with a lock that callbacks take, and after they return no callback comes.",
  intent: "Both wait for running callbacks to end, so the caller would wait for itself.",
  sources: [doc("mm/mmu_notifier.c", "kernel-doc of mmu_interval_notifier_remove, mmu_notifier_unregister")],
  needs: ["mirror"],
  hints: ["Which locks are held at the removal?", "Is the last reference ever dropped inside a callback?"],
  status: checked,
  situation: { weights: { ...mirroring, unmirror: 6, changeRange: 14 }, importers: ["mirror"], tasks: 2, pauses: 0.1 },
  monitor: remember(() => new Removals(), {
    lock(event, state, _verdict, { locks }) {
      locks.note(event, state);
    },
    "call removeNotifier": judgeRemoval,
    "call unregisterNotifier": judgeRemoval,
    "ret removeNotifier"(event, _state, _verdict, { gone }) {
      gone.set(event.notifier, event);
    },
    "ret unregisterNotifier"(event, _state, _verdict, { gone }) {
      gone.set(event.notifier, event);
    },
    "cb mmuInvalidate": judgeLate,
    "cb rangeStart": judgeLate,
    "cb rangeEnd": judgeLate,
    "cb spaceRelease": judgeLate,
  }),
};

export const mmun26: Rule = {
  id: "MMUN-26",
  level: "MUST",
  obliged: ["framework"],
  statement:
    "Each first pass that succeeded and left a finish record gets exactly one finish, after all first passes of the event and also when another listener refused; no other gets any.",
  intent: "A missing finish leaves a flush unwaited, and a doubled one uses freed state.",
  sources: [
    kernel("mm/mmu_notifier.c", "mn_itree_invalidate, mn_itree_release, mn_itree_finish_pass", "7.2"),
    doc("include/linux/mmu_notifier.h", "mmu_interval_notifier_finish", "7.2"),
  ],
  from: "K7.1",
  needs: ["mirror"],
  hints: ["Is the list of records walked on the refusal path too?", "Does every event use a record of its own?"],
  status: checked,
  situation: { weights: { ...mirroring, mirror: 12, changeRange: 20 }, importers: ["mirror"], tasks: 2, pauses: 0.1 },
  monitor: remember(() => new Passes(), {
    "cbret mmuInvalidate"(event, _state, verdict, passes) {
      const open = passes.of(event.task);
      if (open.finished && open.left.size > 0) verdict.violated("a first pass comes after a finish of the same event");
      if (event.pass === "first" && event.answer && event.finish) open.left.set(event.notifier, event);
      else if (event.pass === "first") open.without.add(event.notifier);
    },
    "cb mmuFinish"(event, _state, verdict, passes) {
      const open = passes.of(event.task);
      verdict.exercised();
      if (!open.left.delete(event.notifier))
        verdict.violated(
          open.without.has(event.notifier)
            ? `${event.notifier} is finished although its first pass left nothing to finish`
            : `${event.notifier} is finished twice`,
        );
      open.finished = open.left.size > 0;
    },
    "ret changeRange": judgePasses,
    "ret destroyVma": judgePasses,
    "ret exitSpace": judgePasses,
    "ret spacePut": judgePasses,
  }),
};

/** What listeners heard during a change: those that were registered at its call, and calls by notifier. */
interface Heard {
  readonly before: ReadonlySet<string>;
  readonly counts: Map<string, { starts: number; ends: number }>;
}

/** The counts of a callback's listener; of a change that nobody follows they lead nowhere. */
function countsOf(
  under: ReadonlyMap<string, Heard>,
  { task, notifier }: { readonly task: string; readonly notifier: string },
) {
  const counts = under.get(task)?.counts.get(notifier) ?? { starts: 0, ends: 0 };
  under.get(task)?.counts.set(notifier, counts);
  return counts;
}

export const mmun27: Rule = {
  id: "MMUN-27",
  level: "MUST",
  obliged: ["framework", "caller"],
  statement:
    "After a refused non-blocking start the requester calls no end; the framework itself ends all range listeners that have an end and closes the interval sequence.",
  intent: "A range left active blocks every later reader of the sequence for ever.",
  sources: [kernel("mm/mmu_notifier.c", "mn_itree_invalidate, mn_hlist_invalidate_range_start", "6.12, 7.2")],
  needs: ["mirror"],
  hints: ["If interval listeners agreed and a range listener then refuses, who lowers the active count?"],
  status: checked,
  situation: { weights: { ...mirroring, mirror: 12, changeRange: 30 }, importers: ["mirror"], tasks: 3, pauses: 0.3 },
  monitor: remember(() => new Map<string, Heard>(), {
    "call changeRange"(event, state, _verdict, under) {
      under.set(event.task, { before: new Set(state.notifiers.keys()), counts: new Map() });
    },
    "cb rangeStart"(event, _state, _verdict, under) {
      countsOf(under, event).starts += 1;
    },
    "cb rangeEnd"(event, _state, _verdict, under) {
      countsOf(under, event).ends += 1;
    },
    "ret changeRange"(event, state, verdict, under) {
      const heard = under.get(event.task);
      under.delete(event.task);
      if (event.errno !== EAGAIN || heard === undefined) return;
      verdict.exercised();
      for (const [notifier, { starts, ends }] of heard.counts) {
        // Who registers meanwhile hears of the end alone.
        if (starts === 0 && !heard.before.has(notifier)) continue;
        if (state.notifiers.get(notifier)?.ops.includes("end") === true && starts !== ends)
          verdict.violated(`after the refusal ${notifier} was started ${starts} times and ended ${ends} times`);
      }
    },
    end(event, state, verdict) {
      for (const { task } of event.waiting) {
        const read = frameOf(state.tasks.get(task), "readBegin");
        if (read === undefined || isInvalidating(state)) continue;
        verdict.violated(`the sequence of ${read.notifier} is waited for, and no invalidation is under way`, read);
      }
    },
  }),
};

export const mmun28: Rule = {
  id: "MMUN-28",
  level: "MUST",
  obliged: ["importer"],
  statement:
    "Before the last put of a shared notifier all secondary entries are gone and new ones blocked, and the module goes only after the synchronize call.",
  intent: "Put is asynchronous: release may never run, and the free callback may run after the put has returned.",
  sources: [doc("mm/mmu_notifier.c", "kernel-doc of mmu_notifier_put, mmu_notifier_synchronize")],
  needs: ["mirror"],
  hints: ["Is the teardown left to the release callback?", "Does module exit call mmu_notifier_synchronize?"],
  status: checked,
  situation: { weights: { ...mirroring, mirror: 14, unmirror: 6 }, importers: ["mirror"] },
  monitor: remember(() => new Map<string, CallEvent<"putNotifier">>(), {
    "call putNotifier"(event, state, verdict, put) {
      const name = state.notifiers.get(event.notifier)?.mirror ?? "";
      verdict.exercised();
      put.set(name, event);
      const [left] = entriesIn(state, state.mirrors.get(name), { start: 0, pages: Number.MAX_SAFE_INTEGER });
      if (left !== undefined)
        verdict.violated(
          `${event.notifier} is put while ${left.table} has an entry for page ${left.page}`,
          verdict.since("entries", `${left.table}:${left.page}`, "target"),
        );
    },
    "call install"(event, state, verdict, put) {
      const fault = frameOf(state.tasks.get(event.task), "mirrorFault");
      const ended = fault === undefined ? undefined : put.get(fault.mirror);
      if (ended !== undefined) verdict.violated(`${event.by} makes an entry after it has put its notifier`, ended);
    },
  }),
};

export const mmun29: Rule = {
  id: "MMUN-29",
  level: "MUST",
  obliged: ["framework", "importer"],
  statement:
    "The caller holds the address space alive during registration, and an empty or wrapping range fails with EOVERFLOW, a dead address space with EINVAL, without leaving a listener.",
  intent: "A listener on a dying address space misses the release and keeps entries to freed pages.",
  sources: [kernel("mm/mmu_notifier.c", "__mmu_interval_notifier_insert, __mmu_notifier_register", "6.12, 7.2")],
  needs: ["mirror"],
  hints: ["Can the length come from user space unchecked?"],
  status: checked,
  situation: { weights: { ...mirroring, mirror: 16, exitSpace: 2 }, importers: ["mirror"] },
  monitor: remember(() => new Map<string, number>(), {
    "ret spaceGet"(event, _state, _verdict, own) {
      const key = `${event.task} ${event.space}`;
      if (event.answer) own.set(key, (own.get(key) ?? 0) + 1);
    },
    "call spacePut"(event, _state, _verdict, own) {
      const key = `${event.task} ${event.space}`;
      own.set(key, (own.get(key) ?? 0) - 1);
    },
    "call insertNotifier": judgeLive,
    "call registerNotifier": judgeLive,
    "ret insertNotifier"(event, _state, verdict) {
      if (event.pages > 0 && event.start + event.pages - 1 <= lastPage) return;
      verdict.exercised();
      if (event.errno !== EOVERFLOW)
        verdict.violated(
          `an interval of ${event.pages} pages from ${event.start} is answered with ${errnoName(event.errno)}`,
        );
    },
  }),
};

export const mmun35: Rule = {
  id: "MMUN-35",
  level: "MUST",
  obliged: ["importer"],
  statement:
    "A range listener offers the start and end callbacks or the flush callback for shared page tables; with both the registration fails with EINVAL.",
  intent: "The two protocols give different guarantees, and a mix obeys neither.",
  sources: [kernel("mm/mmu_notifier.c", "__mmu_notifier_register", "6.12, 7.2")],
  needs: ["mirror"],
  hints: ["Is one ops table used for devices with and without shared page tables?"],
  status: checked,
  situation: { weights: { ...mirroring, mirror: 14 }, importers: ["mirror"] },
  monitor: on({
    "ret registerNotifier"(event, _state, verdict) {
      verdict.exercised();
      const both = event.ops.includes("flush") && (event.ops.includes("start") || event.ops.includes("end"));
      if (!both) return;
      verdict.violated(
        event.errno === EINVAL
          ? `${event.by} offers a flush for shared page tables together with start and end`
          : `a flush together with start and end is answered with ${errnoName(event.errno)}`,
      );
    },
  }),
};

export const rules: readonly Rule[] = [mmun06, mmun10, mmun26, mmun27, mmun28, mmun29, mmun35];
