import type { CallEvent, CbRetEvent, HistoryEvent, RetEvent } from "../../spec/event.ts";
import type { State } from "../../spec/state/state.ts";
import { remember, type Verdict } from "../monitor.ts";
import { checked } from "../rule-text.ts";
import type { Rule } from "../rule.ts";
import { doc, thread } from "../source.ts";
import { entriesIn, listenersOf, mirrorOf, type Notice } from "./lookup.ts";
import { mirroring } from "./situations.ts";

/** A change of an address space and who has still to hear of it before its pages may go. */
interface Change {
  readonly call: CallEvent;
  readonly all: ReadonlySet<string>;
  readonly left: Set<string>;
}

/** Changes under way, by task. */
class Told {
  readonly changes = new Map<string, Change>();

  begin(call: CallEvent, state: State, space: string, start: number, pages: number): void {
    const all = listenersOf(state, space, { start, pages });
    this.changes.set(call.task, { call, all: new Set(all), left: new Set(all) });
  }
}

const told = {
  "ret changeRange"(event: RetEvent<"changeRange">, _state: State, _verdict: Verdict, { changes }: Told) {
    changes.delete(event.task);
  },
  "ret destroyVma"(event: RetEvent<"destroyVma">, _state: State, _verdict: Verdict, { changes }: Told) {
    changes.delete(event.task);
  },
  "call changeRange"(event: CallEvent<"changeRange">, state: State, _verdict: Verdict, memory: Told) {
    memory.begin(event, state, event.space, event.start, event.pages);
  },
  "call destroyVma"(event: CallEvent<"destroyVma">, state: State, _verdict: Verdict, memory: Told) {
    const vma = state.vmas.get(event.vma);
    if (vma !== undefined) memory.begin(event, state, vma.space, vma.start, vma.pages);
  },
  "cbret mmuInvalidate"(event: CbRetEvent<"mmuInvalidate">, _state: State, _verdict: Verdict, { changes }: Told) {
    changes.get(event.task)?.left.delete(event.notifier);
  },
  "cbret rangeStart"(event: CbRetEvent<"rangeStart">, _state: State, _verdict: Verdict, { changes }: Told) {
    changes.get(event.task)?.left.delete(event.notifier);
  },
  "call removeNotifier"(event: CallEvent<"removeNotifier">, _state: State, _verdict: Verdict, { changes }: Told) {
    for (const { left } of changes.values()) left.delete(event.notifier);
  },
  "call unregisterNotifier"(
    event: CallEvent<"unregisterNotifier">,
    _state: State,
    _verdict: Verdict,
    { changes }: Told,
  ) {
    for (const { left } of changes.values()) left.delete(event.notifier);
  },
  "call putNotifier"(event: CallEvent<"putNotifier">, _state: State, _verdict: Verdict, { changes }: Told) {
    for (const { left } of changes.values()) left.delete(event.notifier);
  },
} as const;

/** Whether a table belongs to a mirror whose notifier was there all the time. */
function hasListener(state: State, table: string): boolean {
  for (const mirror of state.mirrors.values())
    if (mirror.table === table && mirror.form !== "shared")
      return state.notifiers.get(mirror.notifier ?? "")?.sure === true;
  return false;
}

/** No entry of the range may write any more. */
function judgeRights(event: HistoryEvent, notice: Notice, state: State, verdict: Verdict): void {
  verdict.exercised();
  const left = entriesIn(state, mirrorOf(state, notice.notifier), notice).find((entry) => entry.write);
  if (left !== undefined)
    verdict.violated(
      `${left.table} may still write to ${left.target ?? "nothing"}, which is being made read-only`,
      notice === event ? undefined : notice,
      verdict.since("entries", `${left.table}:${left.page}`, "write"),
    );
}

export const mmun07: Rule = {
  id: "MMUN-07",
  level: "MUST",
  obliged: ["framework", "importer"],
  statement:
    "Pages of the range are freed only after all start callbacks returned, and a listener that lets go only at end holds page references of its own until then.",
  intent: "The kernel is free to reuse the pages between the two calls, below a device that still uses them.",
  sources: [doc("include/linux/mmu_notifier.h", "invalidate_range_start and invalidate_range_end")],
  needs: ["mirror"],
  temporal: ["T-31"],
  hints: ["Does the listener stop access in start, or does it rely on end?"],
  status: checked,
  situation: { weights: mirroring, importers: ["mirror"] },
  monitor: remember(() => new Told(), {
    ...told,
    free(event, state, verdict, { changes }) {
      const change = event.what === "page" ? changes.get(event.task) : undefined;
      if (change === undefined || change.all.size === 0) return;
      verdict.exercised();
      const [untold] = change.left;
      if (untold !== undefined) verdict.violated(`page ${event.id} is freed before ${untold} was told`, change.call);
      for (const entry of state.entries.values())
        if (entry.target === event.id && hasListener(state, entry.table))
          verdict.violated(
            `page ${event.id} is freed while ${entry.table} leads to it and nobody but its space holds it`,
            verdict.since("entries", `${entry.table}:${entry.page}`, "target"),
          );
    },
  }),
};

export const mmun08: Rule = {
  id: "MMUN-08",
  level: "MUST",
  obliged: ["framework", "importer"],
  statement:
    "Taking away a permission is notified as an invalidation, and no mirrored entry of the range grants more than the CPU's page table once the callback has returned.",
  intent: "Otherwise the device keeps writing to memory that was just made read-only.",
  sources: [
    doc("include/linux/mmu_notifier.h", "enum mmu_notifier_event, protection events"),
    doc("Documentation/mm/hmm.rst", "invalidate callback"),
    thread("004", "bugs with access attributes, and places where mm did not notify"),
  ],
  needs: ["mirror"],
  hints: ["Does the callback skip protection events as if nothing had moved?"],
  status: checked,
  situation: { weights: { ...mirroring, changeRange: 16 }, importers: ["mirror"] },
  monitor: remember(() => new Told(), {
    ...told,
    "ret primaryEntry"(event, state, verdict, { changes }) {
      const before = state.primaries.get(`${event.space}:${event.page}`);
      const change = changes.get(event.task);
      if (before === undefined || before.target !== event.target || !before.write || event.write) return;
      if (change !== undefined && change.all.size === 0) return;
      verdict.exercised();
      const untold = change === undefined ? "anybody" : [...change.left][0];
      if (untold !== undefined)
        verdict.violated(`page ${event.page} of ${event.space} is made read-only before ${untold} was told`);
    },
    "cbret mmuInvalidate"(event, state, verdict, memory) {
      told["cbret mmuInvalidate"](event, state, verdict, memory);
      if (event.change === "protect" && event.answer && !event.finish) judgeRights(event, event, state, verdict);
    },
    "cbret rangeStart"(event, state, verdict, memory) {
      told["cbret rangeStart"](event, state, verdict, memory);
      if (event.change === "protect" && event.errno === 0) judgeRights(event, event, state, verdict);
    },
  }),
};

export const rules: readonly Rule[] = [mmun07, mmun08];
