import { ENOMEM } from "../../spec/errno.ts";
import { on } from "../monitor.ts";
import { checked } from "../rule-text.ts";
import type { Rule } from "../rule.ts";
import { doc, kernel, run } from "../source.ts";
import { changesBefore, compareWalk, coveredBy } from "./lists.ts";
import { innermost } from "./requests.ts";
import { stillPending, type Watch, watching } from "./watch.ts";

const both = ["6.12.117", "7.2.13"];

function countOf(names: readonly string[], name: string): number {
  return names.filter((other) => other === name).length;
}

/** The object has one unsignaled matching entry and no other. */
function isAlone({ pending, most }: Watch): boolean {
  return pending.size === 1 && [...pending].every((name) => most.get(name) === 1);
}

export const resv35: Rule = {
  id: "RESV-35",
  level: "MUST",
  obliged: ["caller", "framework"],
  statement:
    "A copy needs the destination's lock, not the source's, and replaces the destination's fences by the source's unsignaled ones with their usages; it ends the reserved slots, and on -ENOMEM nothing has changed.",
  intent: "Code that takes it for a merge loses the destination's own fences.",
  sources: [
    kernel("drivers/dma-buf/dma-resv.c", "dma_resv_copy_fences", "6.12, 7.2"),
    run(both, "copies from empty, signaled and own objects, and adds after a copy"),
  ],
  hints: [
    "Can the destination hold fences that are still needed?",
    "Is a new reserve made before the next add to the destination?",
  ],
  status: checked,
  evidence: ["unlock", "signal"],
  situation: {
    weights: {
      lock: 2,
      unlock: 0.7,
      fenceInit: 2,
      signal: 0.3,
      reserveFences: 4,
      addFence: 8,
      copyFences: 16,
      iterateFences: 10,
    },
    tasks: 1,
    failures: [{ site: "resv-list", errno: ENOMEM }],
    buffers: 2,
  },
  monitor: on({
    "call copyFences"(event, state, verdict) {
      if (verdict.misuse) return;
      verdict.exercised();
      if (state.reservations.get(event.destination)?.owner !== event.task)
        verdict.violated(`${event.by} copies fences into ${event.destination} without its lock`);
    },
    lock(event, state, verdict) {
      const frame = innermost(state.tasks.get(event.task));
      if (frame?.op === "copyFences")
        verdict.violated(`the copy from ${frame.source} takes the lock of ${event.lock}`, frame);
    },
    blocked(event, state, verdict) {
      const frame = innermost(state.tasks.get(event.task));
      if (frame?.op === "copyFences") verdict.violated(`the copy from ${frame.source} sleeps`, frame);
    },
    "ret iterateFences"(event, state, verdict) {
      const changes = changesBefore(state, event);
      if (changes.includes("copy")) compareWalk(event, state, verdict, { what: "after a copy" });
      else if (changes.includes("failedCopy")) compareWalk(event, state, verdict, { what: "after a copy that failed" });
    },
  }),
};

export const resv39: Rule = {
  id: "RESV-39",
  level: "MUST",
  obliged: ["caller", "framework"],
  statement:
    "A lockless walk may restart when the list is exchanged, and its user then drops what it has collected; the result contains every matching fence that was unsignaled in the object all the time, and none that never was in it.",
  intent: "Entries kept from before a restart count twice and overflow what was allocated for them.",
  sources: [
    doc("include/linux/dma-resv.h", "struct dma_resv_iter"),
    kernel("drivers/dma-buf/dma-resv.c", "dma_resv_iter_next_unlocked, dma_resv_list_set", "6.12, 7.2"),
    run(both, "an exchange restarts the walk, an overwrite in place does not"),
  ],
  hints: [
    "Is dma_resv_iter_is_restarted asked for each fence?",
    "Are the references collected so far put on a restart?",
  ],
  status: checked,
  evidence: ["lock", "unlock", "signal"],
  situation: {
    weights: { lock: 2, unlock: 2, reserveFences: 6, addFence: 6, getFences: 20, waitFences: 0.2, signal: 0.3 },
    tasks: 2,
    pauses: 0.3,
  },
  monitor: watching("getFences", (event, watch, state, verdict) => {
    if (event.errno !== 0) return;
    if (watch.always.size > 0 || watch.changed) verdict.exercised();
    const missed = stillPending(watch, state).find((name) => !event.fences.includes(name));
    const foreign = event.fences.find((name) => !watch.ever.has(name));
    const repeated = event.fences.find(
      (name) =>
        !watch.uncounted && countOf(event.fences, name) > (watch.most.get(name) ?? 0) && watch.matched.has(name),
    );
    const why =
      missed !== undefined
        ? `misses ${missed}, which was in the object all the time`
        : foreign !== undefined
          ? `gives ${foreign}, which never was in the object`
          : repeated !== undefined
            ? `gives ${repeated} more often than it was in the object`
            : null;
    if (why !== null)
      verdict.violated(
        `asked for ${event.usage}, ${event.resv} ${why}`,
        watch.call,
        verdict.since("reservations", event.resv, "lists"),
      );
  }),
};

export const resv40: Rule = {
  id: "RESV-40",
  level: "MUST",
  obliged: ["framework", "caller"],
  statement:
    "The single fence for a usage is none without unsignaled entries, the fence itself, with a reference, for one entry, and otherwise a combined fence that signals after all of them and is never added back.",
  intent: "Who waits for this one fence must have waited for all the work behind it.",
  sources: [
    kernel("drivers/dma-buf/dma-resv.c", "dma_resv_get_singleton", "6.12, 7.2"),
    run(both, "one fence with two usages gives two equal members; adding the array back is warned about"),
  ],
  hints: [
    "Is the reference of the lone fence dropped by its receiver, exactly once?",
    "Is the result handed to a function that adds it to a reservation object?",
  ],
  status: checked,
  evidence: ["lock", "unlock"],
  monitor: watching(
    "getSingleton",
    (event, watch, state, verdict, { combined }) => {
      if (event.errno !== 0 || watch.pending.size === 0) return;
      verdict.exercised();
      const due = stillPending(watch, state);
      const given = event.fence;
      const single = given !== null && watch.ever.has(given);
      const left = due.find((name) => name !== given);
      if (given === null && due.length > 0)
        verdict.violated(
          `asked for one fence for ${event.usage}, ${event.resv} gives none in spite of ${due.join(", ")}`,
        );
      else if (single && left !== undefined)
        verdict.violated(
          `asked for one fence for ${event.usage}, ${event.resv} gives ${given}, which says nothing of ${left}`,
        );
      else if (given !== null && !single && !watch.changed && due.length === 1 && isAlone(watch))
        verdict.violated(
          `asked for one fence for ${event.usage}, ${event.resv} wraps ${due[0]}, the only one, in ${given}`,
        );
      if (given !== null && !single) combined.set(given, due);
    },
    {
      signal(event, state, verdict, { combined }) {
        const early = combined.get(event.fence)?.find((name) => state.fences.get(name)?.signaled === false);
        if (early !== undefined)
          verdict.violated(
            `${event.fence}, which stands for all of them, signals before ${early}`,
            verdict.since("fences", early, "published"),
          );
      },
      "call addFence"(event, _state, verdict, { combined }) {
        if (combined.has(event.fence) && !verdict.misuse)
          verdict.violated(`${event.by} adds ${event.fence} to ${event.resv}, where it came from`);
      },
    },
  ),
  situation: { weights: { unlock: 0.5, fenceInit: 2, reserveFences: 3, addFence: 6, getSingleton: 8 } },
};

export const resv48: Rule = {
  id: "RESV-48",
  level: "MUST",
  obliged: ["framework"],
  statement:
    "Getting all fences gives one item for each unsignaled entry, each with a reference of its own, a null list and zero if there is none, and nothing at all on failure.",
  intent: "A caller puts exactly what it was told, so a miscount leaks a fence or frees it early.",
  sources: [
    kernel("drivers/dma-buf/dma-resv.c", "dma_resv_get_fences", "6.12, 7.2"),
    run(both, "an empty object, two levels, and all signaled"),
  ],
  hints: ["Are the references put when the allocation fails half way?", "Is the count reset when the walk restarts?"],
  status: checked,
  evidence: ["lock", "unlock", "signal"],
  situation: { weights: { reserveFences: 2, addFence: 4, getFences: 5, fenceInit: 0.5 } },
  monitor: watching("getFences", (event, watch, state, verdict) => {
    if (event.errno !== 0) {
      verdict.exercised();
      if (event.fences.length > 0)
        verdict.violated(`a call that fails gives ${event.fences.length} fences of ${event.resv}`);
      return;
    }
    if (watch.changed || watch.always.size === 0) return;
    verdict.exercised();
    const lists = state.reservations.get(event.resv)?.lists ?? [];
    for (const name of stillPending(watch, state)) {
      const due = Math.min(
        ...lists.map((list) => coveredBy(event.usage, list).filter((entry) => entry.fence === name).length),
      );
      const given = countOf(event.fences, name);
      if (given > 0 && given < due)
        verdict.violated(
          `${name} has ${due} entries in ${event.resv} and is given ${given} time`,
          verdict.since("reservations", event.resv, "lists"),
        );
    }
  }),
};

export const rules: readonly Rule[] = [resv35, resv39, resv40, resv48];
