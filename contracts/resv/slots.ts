import { EINVAL, ENOMEM } from "../../spec/errno.ts";
import type { CallEvent } from "../../spec/event.ts";
import { replacesForSure } from "../../spec/state/observe/entries.ts";
import type { Situation } from "../../spec/situation.ts";
import type { State } from "../../spec/state/state.ts";
import { type Handlers, on, remember } from "../monitor.ts";
import { checked } from "../rule-text.ts";
import type { Rule } from "../rule.ts";
import { doc, kernel, run } from "../source.ts";
import { changesBefore, compareWalk, dueFences, onlyAfter } from "./lists.ts";

const both = ["6.12.117", "7.2.13"];

/** Objects that fill up, and walks that show them. */
const busy: NonNullable<Situation["weights"]> = {
  lock: 2,
  unlock: 0.7,
  fenceInit: 2,
  signal: 0.5,
  reserveFences: 4,
  addFence: 6,
  iterateFences: 10,
};

/** What was reserved and used up in one hold of an object's lock. */
interface Hold {
  readonly hold: number;
  reserves: number;
  sum: number;
  used: number;
}

type Holds = Map<string, Hold>;

/** The count of the hold under way, from zero in each hold. */
function holdOf(holds: Holds, state: State, resv: string): Hold {
  const hold = state.reservations.get(resv)?.hold ?? 0;
  const known = holds.get(resv);
  if (known?.hold === hold) return known;
  const fresh = { hold, reserves: 0, sum: 0, used: 0 };
  holds.set(resv, fresh);
  return fresh;
}

/** An add that may need a slot, made under the lock: what was reserved for it, before it is counted itself. */
function slotFor(holds: Holds, state: State, event: CallEvent<"addFence">): (Hold & { readonly slots: number }) | null {
  const resv = state.reservations.get(event.resv);
  if (resv === undefined || resv.owner !== event.task) return null;
  if (replacesForSure(state, resv, event.fence, event.usage)) return null;
  const hold = holdOf(holds, state, event.resv);
  const before = { ...hold, slots: resv.slots };
  hold.used += 1;
  return before;
}

const countReserves: Handlers<Holds> = {
  "ret reserveFences"(event, state, _verdict, holds) {
    if (event.errno !== 0) return;
    const hold = holdOf(holds, state, event.resv);
    hold.reserves += 1;
    hold.sum += event.count;
  },
};

/** Adds under way that cannot fail: the lock is held, and an entry is replaced or a slot is left. */
function sureAdds(needs: "replaces" | "slot"): Handlers<{ readonly sure: Set<number> }> {
  return {
    warn(event, state, verdict, { sure }) {
      const frame = state.tasks.get(event.task)?.frames.at(-1);
      if (frame?.kind !== "call" || frame.op !== "addFence" || !sure.has(frame.seq)) return;
      if (event.text.startsWith("kernel stops"))
        verdict.violated(
          needs === "slot"
            ? `the add of ${frame.fence} to ${frame.resv} fails with a reserved slot left`
            : `the add of ${frame.fence} to ${frame.resv} fails although it replaces an entry`,
          frame,
          verdict.since("reservations", frame.resv, needs === "slot" ? "slots" : "lists"),
        );
    },
  };
}

export const resv15: Rule = {
  id: "RESV-15",
  level: "MUST",
  obliged: ["caller", "framework"],
  statement: "Slots are reserved with the lock held and for at least one fence; a count of zero answers -EINVAL.",
  intent: "A reserve without the lock swaps the fence list under its real holder.",
  sources: [kernel("drivers/dma-buf/dma-resv.c", "dma_resv_reserve_fences", "6.12, 7.2")],
  hints: [
    "Can the computed number of fences be zero?",
    "Is the reserve made before the object is locked, to keep allocations outside?",
  ],
  status: checked,
  evidence: ["lock", "unlock"],
  monitor: on({
    "call reserveFences"(event, state, verdict) {
      if (verdict.misuse) return;
      verdict.exercised();
      if (state.reservations.get(event.resv)?.owner !== event.task)
        verdict.violated(`${event.by} reserves slots of ${event.resv} without its lock`);
      else if (event.count === 0 && event.by !== "program")
        verdict.violated(`${event.by} reserves no slot at all of ${event.resv}`);
    },
    "ret reserveFences"(event, _state, verdict) {
      if (event.count !== 0) return;
      verdict.exercised();
      if (event.errno !== EINVAL)
        verdict.violated(`reserving no slot of ${event.resv} answers ${event.errno}, not EINVAL`);
    },
  }),
};

export const resv16: Rule = {
  id: "RESV-16",
  level: "MUST",
  obliged: ["framework"],
  statement: "A reserve that fails with -ENOMEM leaves the unsignaled fences and their usages as they were.",
  intent: "The caller drops its job and has nothing in hand to repair the list with.",
  sources: [
    kernel("drivers/dma-buf/dma-resv.c", "dma_resv_reserve_fences", "6.12, 7.2"),
    run(both, "a reserve too large to succeed"),
  ],
  hints: ["Is the old list changed before the new one is allocated?"],
  status: checked,
  evidence: ["call", "lock", "unlock", "signal"],
  situation: {
    weights: { ...busy, reserveFences: 10, addFence: 10, iterateFences: 20, export: 0.5 },
    failures: [{ site: "resv-list", errno: ENOMEM }],
  },
  monitor: on({
    "ret iterateFences"(event, state, verdict) {
      if (!onlyAfter(changesBefore(state, event), "failedReserve")) return;
      compareWalk(event, state, verdict, { what: "after a reserve that failed", unsignaledOnly: true });
    },
  }),
};

export const resv17: Rule = {
  id: "RESV-17",
  level: "MUST",
  obliged: ["framework"],
  statement: "A reserve keeps all unsignaled fences in their order and adds none; signaled ones may go.",
  intent: "A fence lost while the list grows means memory freed under a running job.",
  sources: [
    kernel("drivers/dma-buf/dma-resv.c", "dma_resv_reserve_fences", "6.12, 7.2"),
    run(both, "a signaled fence in the middle leaves only when the list grows"),
  ],
  hints: ["Does the copy to the larger list test each fence, or cut at the first signaled one?"],
  status: checked,
  evidence: ["call", "lock", "unlock", "signal"],
  situation: { weights: busy },
  monitor: remember(() => new Map<string, readonly string[]>(), {
    "ret reserveFences"(event, state, _verdict, before) {
      if (event.errno === 0) before.set(event.resv, dueFences(state, event.resv, "bookkeep"));
    },
    "ret iterateFences"(event, state, verdict, before) {
      const changes = changesBefore(state, event);
      const due = dueFences(state, event.resv, event.usage);
      const kept = changes.includes("reserve") ? due.filter((name) => before.get(event.resv)?.includes(name)) : [];
      if (kept.length > 0) verdict.exercised();
      const lost = kept.find((name) => event.entries.every((entry) => entry.fence !== name));
      if (lost !== undefined)
        verdict.violated(
          `${lost} has not signaled and is gone from ${event.resv} after a reserve`,
          verdict.since("reservations", event.resv, "lists"),
        );
      if (onlyAfter(changes, "reserve", "failedReserve"))
        compareWalk(event, state, verdict, { what: "after a reserve", unsignaledOnly: true });
    },
  }),
};

export const resv18: Rule = {
  id: "RESV-18",
  level: "MUST",
  obliged: ["caller"],
  statement: "Slots last until the lock is released: every lock hold that appends fences has reserved for them itself.",
  intent: "The next holder may have used up the room, and an add to a full list stops the kernel.",
  sources: [
    doc("drivers/dma-buf/dma-resv.c", "dma_resv_reserve_fences"),
    kernel("drivers/dma-buf/dma-resv.c", "dma_resv_reset_max_fences", "6.12, 7.2"),
    run(both, "reserve, unlock, lock, add: stops with a BUG in a debug build"),
  ],
  temporal: ["T-19"],
  hints: [
    "Is the object unlocked between reserve and add, for example by a back-off and retry?",
    "Is the reserve skipped on the retry because it was already done once?",
  ],
  status: checked,
  evidence: ["lock", "unlock", "signal"],
  monitor: remember(() => new Map<string, Hold>(), {
    ...countReserves,
    "call addFence"(event, state, verdict, holds) {
      const slot = slotFor(holds, state, event);
      if (slot === null) return;
      verdict.exercised();
      if (slot.reserves === 0)
        verdict.violated(
          `${event.by} adds ${event.fence} to ${event.resv} and has reserved nothing since it took the lock`,
          verdict.since("reservations", event.resv, "hold"),
        );
    },
  }),
};

export const resv19: Rule = {
  id: "RESV-19",
  level: "MUST",
  obliged: ["caller", "framework"],
  statement:
    "A fence is added with the lock held and, unless it replaces an entry (RESV-21), with a slot left; then the add cannot fail.",
  intent: "The add stands after the job was handed to the hardware, where no error can be undone.",
  sources: [
    kernel("drivers/dma-buf/dma-resv.c", "dma_resv_add_fence", "6.12, 7.2"),
    run(both, "replacing adds into a full list without a reserve are accepted"),
  ],
  hints: [
    "Is one slot reserved for each fence of the job, also for an additional one of another usage?",
    "Was an object without any reserve ever given a list at all?",
  ],
  status: checked,
  evidence: ["lock", "unlock", "signal"],
  situation: {
    weights: { import: 4, submit: 8, lock: 3, interrupt: 8 },
    importers: ["pageTable"],
    tasks: 2,
    interrupts: true,
  },
  monitor: remember(() => ({ holds: new Map<string, Hold>(), sure: new Set<number>() }), {
    ...sureAdds("replaces"),
    "ret reserveFences"(event, state, verdict, { holds }) {
      countReserves["ret reserveFences"]!(event, state, verdict, holds);
    },
    "call addFence"(event, state, verdict, { holds, sure }) {
      const held = state.reservations.get(event.resv)?.owner === event.task;
      const slot = slotFor(holds, state, event);
      if (held && slot === null) sure.add(event.seq);
      verdict.exercised();
      if (verdict.misuse) return;
      if (!held) verdict.violated(`${event.by} adds ${event.fence} to ${event.resv} without its lock`);
      else if (slot !== null && slot.reserves > 0 && slot.slots === 0 && slot.used >= slot.sum)
        verdict.violated(
          `${event.by} adds ${event.fence} to ${event.resv} after the ${slot.sum} slots that were reserved are used up`,
          verdict.since("reservations", event.resv, "slots"),
        );
    },
  }),
};

export const resv44: Rule = {
  id: "RESV-44",
  level: "MUST",
  obliged: ["caller", "framework"],
  statement:
    "A reserve of n promises room for n more appends and does not add to an earlier one: after two reserves in one hold only the larger of the rest and the new count is safe.",
  intent: "Two helpers that each reserve for themselves overflow the list as soon as its spare room is gone.",
  sources: [
    kernel("drivers/dma-buf/dma-resv.c", "dma_resv_reserve_fences, dma_resv_add_fence", "6.12, 7.2"),
    run(both, "two reserves of three: the sixth append stops with a BUG"),
  ],
  hints: [
    "Who else reserves in this hold, and does anybody reserve for the sum?",
    "Is a slot counted back after an add that only replaced an entry?",
  ],
  status: checked,
  evidence: ["lock", "unlock", "signal"],
  situation: { weights: { reserveFences: 4, addFence: 3 } },
  monitor: remember(() => ({ holds: new Map<string, Hold>(), sure: new Set<number>() }), {
    ...sureAdds("slot"),
    "ret reserveFences"(event, state, verdict, { holds }) {
      countReserves["ret reserveFences"]!(event, state, verdict, holds);
    },
    "call addFence"(event, state, verdict, { holds, sure }) {
      const slot = slotFor(holds, state, event);
      if (slot === null) return;
      if (slot.slots > 0) sure.add(event.seq);
      if (slot.slots > 0 || slot.reserves > 1) verdict.exercised();
      if (!verdict.misuse && slot.slots === 0 && slot.used < slot.sum)
        verdict.violated(
          `${event.by} adds ${event.fence} to ${event.resv} as if ${slot.reserves} reserves added up to ${slot.sum} slots`,
          verdict.since("reservations", event.resv, "slots"),
        );
    },
  }),
};

export const rules: readonly Rule[] = [resv15, resv16, resv17, resv18, resv19, resv44];
