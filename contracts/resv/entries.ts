import type { State } from "../../spec/state/state.ts";
import type { Entry } from "../../spec/state/fence-tables.ts";
import { on, remember, type Verdict } from "../monitor.ts";
import { checked, untested } from "../rule-text.ts";
import type { Rule } from "../rule.ts";
import { derived, doc, kernel, run } from "../source.ts";
import { changesBefore, compareWalk, dueFences, onlyAfter } from "./lists.ts";

const both = ["6.12.117", "7.2.13"];

/** The object died with its buffer. A shared one lives on. */
function isDead(state: State, resv: string): boolean {
  for (const [name, buffer] of state.buffers) if (buffer.released && resv === `${name}.resv`) return true;
  return false;
}

/** A living object that has the fence as an entry, whatever its list is exactly. */
function objectWith(state: State, fence: string): string | undefined {
  for (const [name, { lists }] of state.reservations)
    if (lists.length > 0 && lists.every((list) => list.some((entry) => entry.fence === fence)) && !isDead(state, name))
      return name;
  return undefined;
}

/** Some living object may still have the fence as an entry. */
function mayBeEntry(state: State, fence: string): boolean {
  for (const [name, { lists }] of state.reservations)
    if (
      !isDead(state, name) &&
      (lists.length === 0 || lists.some((list) => list.some((entry) => entry.fence === fence)))
    )
      return true;
  return false;
}

/** Freed fences must not be entries. */
function findFreed(state: State, verdict: Verdict, freed: Set<string>): void {
  for (const name of freed) {
    const resv = objectWith(state, name);
    if (resv !== undefined)
      verdict.violated(
        `${name} is freed while it is an entry of ${resv}`,
        verdict.since("fences", name, "released"),
        verdict.since("reservations", resv, "lists"),
      );
  }
  freed.clear();
}

export const resv20: Rule = {
  id: "RESV-20",
  level: "MUST",
  obliged: ["caller"],
  statement: "Only plain fences are added: arrays and chains are taken apart and their members added one by one.",
  intent: "Replacing by context and number makes no sense for a container and would drop work that still runs.",
  sources: [
    kernel("drivers/dma-buf/dma-resv.c", "dma_resv_add_fence", "6.12, 7.2"),
    kernel("include/linux/dma-fence.h", "dma_fence_is_container", "6.12, 7.2"),
    run(both, "an array and a chain: warned about and stored"),
  ],
  hints: [
    "Does the fence come from a sync file or a timeline point, and is it unwrapped?",
    "Is a merged fence of dma_resv_get_singleton put back?",
  ],
  status: checked,
  evidence: ["ret"],
  monitor: on({
    "call addFence"(event, state, verdict) {
      verdict.exercised();
      const kind = state.fences.get(event.fence)?.kind ?? "plain";
      if (kind !== "plain")
        verdict.violated(
          `${event.by} adds ${event.fence} to ${event.resv}, which is ${kind === "array" ? "an array" : "a chain"}`,
          verdict.since("fences", event.fence, "kind"),
        );
    },
  }),
};

export const resv21: Rule = {
  id: "RESV-21",
  level: "MUST",
  obliged: ["framework"],
  statement:
    "An add overwrites the first entry in list order that is signaled, or that has the fence's context, a usage at least as weak and the same fence or an earlier number; if there is none the fence is appended.",
  intent: "A looser test hides unfinished work of the same context, a stricter one lets the list grow without end.",
  sources: [
    kernel("drivers/dma-buf/dma-resv.c", "dma_resv_add_fence", "6.12, 7.2"),
    kernel("include/linux/dma-fence.h", "dma_fence_is_later_or_same", "6.12, 7.2"),
    run(both, "same context with all orders of number and usage, wrapped numbers, signaled entries"),
  ],
  hints: [
    "Is the direction of the usage comparison right, so that a READ never pushes out a WRITE?",
    "Does an equal number of another fence object count as later?",
    "Does the walk stop at the first entry it can overwrite?",
  ],
  status: checked,
  evidence: ["call", "lock", "unlock", "signal"],
  situation: { weights: { reserveFences: 2, addFence: 4, iterateFences: 4, fenceInit: 2 } },
  monitor: on({
    "ret iterateFences"(event, state, verdict) {
      if (!onlyAfter(changesBefore(state, event), "add", "reserve", "failedReserve")) return;
      compareWalk(event, state, verdict, { what: "after what was added" });
    },
  }),
};

export const resv22: Rule = {
  id: "RESV-22",
  level: "MUST",
  obliged: ["framework"],
  statement:
    "An unsignaled fence leaves the object only through an add allowed by RESV-21, an explicit replace of its context, or a copy into the object.",
  intent: "Every user of the memory waits for what is in the list, and nobody waits for a fence that fell out.",
  sources: [
    derived("RESV-17, RESV-21, RESV-35 and RESV-45"),
    doc("drivers/dma-buf/dma-resv.c", "DOC: Reservation Object Overview"),
    run(both, "even a signaled entry stays until it is overwritten or the list is rebuilt"),
  ],
  temporal: ["T-20"],
  hints: ["Which operation exchanged the list last, and did it carry over this entry?"],
  status: checked,
  evidence: ["call", "lock", "unlock", "signal"],
  monitor: on({
    "ret iterateFences"(event, state, verdict) {
      if (changesBefore(state, event).length === 0) return;
      const due = dueFences(state, event.resv, event.usage);
      if (due.length === 0) return;
      verdict.exercised();
      const lost = due.find((name) => event.entries.every((entry) => entry.fence !== name));
      if (lost !== undefined)
        verdict.violated(
          `${lost} has not signaled and is no longer in ${event.resv}`,
          verdict.since("reservations", event.resv, "lists"),
        );
    },
  }),
};

export const resv23: Rule = {
  id: "RESV-23",
  level: "MUST",
  obliged: ["framework"],
  statement:
    "Adding a fence again with a stronger usage promotes it, adding it with a weaker one leaves the strong entry and takes a slot for a second; only an explicit replace weakens a usage.",
  intent: "A weakened write fence is no longer seen by implicit sync, and readers start too early.",
  sources: [
    doc("include/linux/dma-resv.h", "enum dma_resv_usage"),
    kernel("drivers/dma-buf/dma-resv.c", "dma_resv_add_fence", "6.12, 7.2"),
    run(both, "one fence added as BOOKKEEP, WRITE, READ and KERNEL"),
  ],
  hints: [
    "Does the add write the new usage into an entry of the same fence without comparing?",
    "Was a slot reserved for the weaker second entry?",
  ],
  status: checked,
  evidence: ["lock", "unlock", "signal"],
  situation: { weights: { reserveFences: 2, addFence: 5, iterateFences: 4, fenceInit: 0.4 } },
  monitor: remember(() => new Map<string, Set<string>>(), {
    "call addFence"(event, state, _verdict, repeated) {
      const lists = state.reservations.get(event.resv)?.lists ?? [];
      if (!lists.some((list) => list.some((entry) => entry.fence === event.fence))) return;
      const known = repeated.get(event.resv) ?? new Set();
      repeated.set(event.resv, known.add(event.fence));
    },
    "ret iterateFences"(event, state, verdict, repeated) {
      if (event.usage !== "bookkeep" || changesBefore(state, event).length === 0) return;
      for (const name of repeated.get(event.resv) ?? []) {
        if (state.fences.get(name)?.signaled === true) continue;
        verdict.exercised();
        const usages = (list: readonly Entry[]) =>
          list.flatMap((entry) => (entry.fence === name ? entry.usage : [])).join(" and ");
        const lawful = state.reservations.get(event.resv)?.lists.map(usages) ?? [];
        const seen = usages(event.entries);
        if (!lawful.includes(seen))
          verdict.violated(
            `${name} was added to ${event.resv} again and is there as ${seen === "" ? "nothing" : seen} instead of ${lawful[0]}`,
            verdict.since("reservations", event.resv, "lists"),
          );
      }
      repeated.delete(event.resv);
    },
  }),
};

export const resv34: Rule = {
  id: "RESV-34",
  level: "MUST",
  obliged: ["caller"],
  statement:
    "The fences of a context are replaced by another fence only if their work no longer touches the memory once that fence has signaled.",
  intent: "Eviction fences are swapped for a page table update, and memory still in use would be handed on.",
  sources: [doc("drivers/dma-buf/dma-resv.c", "dma_resv_replace_fences")],
  hints: [
    "Does the new fence wait for the old work, or for taking its access away?",
    "Can the old job still be running when the update has finished?",
  ],
  status: untested("no importer here swaps the fences of work under way for those of a page table update"),
};

export const resv45: Rule = {
  id: "RESV-45",
  level: "MUST",
  obliged: ["framework"],
  statement:
    "An explicit replace puts the new fence and usage into every entry of the given context and touches nothing else; it runs under the lock, uses no slot and cannot fail.",
  intent: "An old entry left behind blocks the memory for ever, and a foreign one hit by mistake loses a wait.",
  sources: [
    kernel("drivers/dma-buf/dma-resv.c", "dma_resv_replace_fences", "6.12, 7.2"),
    run(both, "several entries of one context, a foreign one, an unknown context, a full list"),
  ],
  hints: [
    "Does the loop stop after the first entry it replaced?",
    "Is one reference taken for each entry the new fence fills?",
  ],
  status: checked,
  evidence: ["call", "lock", "unlock", "signal"],
  situation: { weights: { reserveFences: 2, addFence: 3, replaceFences: 6, iterateFences: 4, fenceInit: 2 } },
  monitor: on({
    "ret iterateFences"(event, state, verdict) {
      if (!onlyAfter(changesBefore(state, event), "replace", "add", "reserve", "failedReserve")) return;
      compareWalk(event, state, verdict, { what: "after a replace" });
    },
    warn(event, state, verdict) {
      const frame = state.tasks.get(event.task)?.frames.at(-1);
      if (frame?.kind === "call" && frame.op === "replaceFences" && event.text.startsWith("kernel stops"))
        verdict.violated(`the replace by ${frame.fence} in ${frame.resv} fails`, frame);
    },
  }),
};

export const resv46: Rule = {
  id: "RESV-46",
  level: "MUST",
  obliged: ["framework"],
  statement:
    "The object holds a reference of its own for each entry until the entry leaves or the object dies, so a fence seen in a locked walk is valid until the unlock.",
  intent: "A submitter drops its reference right after the add.",
  sources: [
    kernel("drivers/dma-buf/dma-resv.c", "dma_resv_add_fence, dma_resv_list_free", "6.12, 7.2"),
    doc("include/linux/dma-resv.h", "dma_resv_for_each_fence"),
    run(both, "a signaled fence without other references lives until the object is put"),
  ],
  hints: [
    "Is the reference to the overwritten fence dropped, and only after the new one is in place?",
    "Does a fence with two entries have two references?",
  ],
  status: checked,
  evidence: ["ret", "lock", "signal"],
  monitor: remember(() => ({ freed: new Set<string>(), contained: new Set<string>() }), {
    "call fencePut"(event, state, verdict) {
      if (state.fences.get(event.fence)?.refs === 1 && objectWith(state, event.fence) !== undefined)
        verdict.exercised();
    },
    free(event, _state, _verdict, { freed }) {
      if (event.what === "fence") freed.add(event.id);
    },
    // Later than the free: whatever drops an entry puts the fence before it has returned.
    call(_event, state, verdict, { freed }) {
      if (freed.size > 0) findFreed(state, verdict, freed);
    },
    unlock(_event, state, verdict, { freed }) {
      if (freed.size > 0) findFreed(state, verdict, freed);
    },
    "call createArray"(event, _state, _verdict, { contained }) {
      for (const name of event.members) contained.add(name);
    },
    "call createChain"(event, _state, _verdict, { contained }) {
      contained.add(event.contained);
    },
    "call merge"(event, _state, _verdict, { contained }) {
      for (const name of event.fences) contained.add(name);
    },
    "call getSingleton"(event, state, _verdict, { contained }) {
      for (const entry of state.reservations.get(event.resv)?.lists.flat() ?? []) contained.add(entry.fence);
    },
    end(event, state, verdict, { freed, contained }) {
      findFreed(state, verdict, freed);
      if (event.waiting.length > 0) return;
      for (const [name, fence] of state.fences) {
        if (!fence.published || fence.released || fence.refs > 0 || fence.kind !== "plain" || !fence.signaled) continue;
        if (contained.has(name) || mayBeEntry(state, name)) continue;
        verdict.violated(
          `nobody holds ${name} and no object has it as an entry, and it is not freed: an object has kept its reference`,
          verdict.since("fences", name, "refs"),
        );
      }
    },
  }),
};

export const rules: readonly Rule[] = [resv20, resv21, resv22, resv23, resv34, resv45, resv46];
