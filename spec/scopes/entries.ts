import { EINVAL } from "../errno.ts";
import { usages, type Usage } from "../roles/handles.ts";
import type { State } from "../state/state.ts";
import { call, type Outcome } from "./call.ts";
import { layout, plain, refers } from "./layout.ts";
import type { Names } from "./names.ts";
import { scopeSetup } from "./setup.ts";
import type { Scope, ScopeOperation, Scratch, StepDraft } from "./scope.ts";

/** How many there are of each. */
export interface EntriesCounts {
  readonly fence: number;
  /** Entries that the list may have. */
  readonly entry: number;
}

/** What becomes of a fence; 0: it was never made. */
const [unsignaled, signaled] = [1, 2];

/** Slots that a hold may reserve. */
const mostSlots = 2;

const resv = "r1";

/** The list of a reservation object: reserve, add with each usage, what an add replaces, walks and queries. */
export function entries(counts: EntriesCounts): Scope {
  const ids = { fence: counts.fence };
  const places = Array.from({ length: counts.entry }, (_, place) => place);
  const { fields, slots } = layout(ids, {
    locked: plain(2),
    reserved: plain(mostSlots + 1),
    length: plain(counts.entry + 1),
    life: plain(3, "fence"),
    ...Object.fromEntries(places.map((place) => [`at${place}`, refers("fence", ids)])),
    ...Object.fromEntries(places.map((place) => [`usage${place}`, plain(usages.length)])),
  });
  const slotOf = slots as Readonly<Record<string, number>>;
  const at = places.map((place) => slotOf[`at${place}`]!);
  const usageAt = places.map((place) => slotOf[`usage${place}`]!);

  const isLocked = (s: Scratch) => s[slots.locked] === 1;
  const isMade = (s: Scratch, f: number) => s[slots.life + f] !== 0;
  const isSignaled = (s: Scratch, f: number) => s[slots.life + f] === signaled;
  const lengthOf = (s: Scratch) => s[slots.length]!;
  const isListed = (s: Scratch, f: number) => at.some((slot) => s[slot] === f + 1);
  /** Growing may throw signaled entries out, or not: the list would not be known. */
  const hasSignaled = (s: Scratch) => at.some((slot) => s[slot] !== 0 && isSignaled(s, s[slot]! - 1));

  /** The first entry that an add replaces, -1 if it needs a slot. Each fence is the only one of its timeline. */
  const replaced = (s: Scratch, f: number, usage: number) => {
    for (let place = 0; place < lengthOf(s); place += 1) {
      const old = s[at[place]!]! - 1;
      if (isSignaled(s, old) || (old === f && s[usageAt[place]!]! >= usage)) return place;
    }
    return -1;
  };

  const onFence = (
    name: string,
    draft: (names: Names, f: number) => StepDraft,
    outcomes: Readonly<Record<string, Outcome>>,
    bounded?: ScopeOperation["bounded"],
  ): readonly ScopeOperation[] =>
    call({
      name,
      takes: ["fence"],
      steps: (names, f) => [draft(names, f)],
      outcomes,
      ...(bounded === undefined ? {} : { bounded }),
    });

  const plainly = (
    name: string,
    step: StepDraft,
    outcome: Outcome,
    bounded?: ScopeOperation["bounded"],
  ): readonly ScopeOperation[] =>
    call({
      name,
      takes: [],
      steps: () => [step],
      outcomes: { "": outcome },
      ...(bounded === undefined ? {} : { bounded }),
    });

  const add = (usage: Usage, index: number): readonly ScopeOperation[] => {
    const put = (s: Scratch, place: number, f: number) => {
      s[at[place]!] = f + 1;
      s[usageAt[place]!] = index;
    };
    return onFence(
      `add${capitalized(usage)}`,
      (names, f) => ({ task: "main", op: "addFence", resv, fence: names.of("fence", f), usage }),
      {
        appends: {
          when: (s, f) => isLocked(s) && isMade(s, f) && s[slots.reserved]! > 0 && replaced(s, f, index) < 0,
          does: (s, f) => {
            put(s, lengthOf(s), f);
            s[slots.length]! += 1;
            s[slots.reserved]! -= 1;
          },
        },
        replaces: {
          when: (s, f) => isLocked(s) && isMade(s, f) && replaced(s, f, index) >= 0,
          does: (s, f) => put(s, replaced(s, f, index), f),
        },
      },
    );
  };

  const reserve = (count: number): readonly ScopeOperation[] =>
    plainly(
      `reserve${count}`,
      { task: "main", op: "reserveFences", resv, count },
      {
        when: (s) => isLocked(s) && !hasSignaled(s) && lengthOf(s) + count <= counts.entry,
        does: (s) => {
          s[slots.reserved] = Math.max(s[slots.reserved]!, count);
        },
      },
      isLocked,
    );

  const query = (op: "testSignaled" | "getFences", usage: Usage): readonly ScopeOperation[] =>
    plainly(`${op}${capitalized(usage)}`, { task: "main", op, resv, usage }, { when: () => true });

  const operations: readonly ScopeOperation[] = [
    ...plainly(
      "lock",
      { task: "main", op: "lock", resv, acquire: null },
      {
        when: (s) => !isLocked(s),
        does: (s) => {
          s[slots.locked] = 1;
        },
      },
    ),
    ...plainly(
      "unlock",
      { task: "main", op: "unlock", resv },
      {
        when: isLocked,
        does: (s) => {
          s[slots.locked] = 0;
          s[slots.reserved] = 0;
        },
      },
    ),
    ...onFence(
      "fenceInit",
      (names, f) => ({
        task: "main",
        op: "fenceInit",
        fence: names.fresh("fence", f),
        timeline: f + 1,
        seqno: names.number(),
        seqno64: false,
        hooks: [],
      }),
      {
        "": {
          when: (s, f) => !isMade(s, f) || (isSignaled(s, f) && !isListed(s, f)),
          does: (s, f) => {
            s[slots.life + f] = unsignaled;
          },
        },
      },
      // One more fence than there are ids.
      isMade,
    ),
    ...onFence("signal", (names, f) => ({ task: "main", op: "signal", fence: names.of("fence", f) }), {
      "": {
        when: (s, f) => s[slots.life + f] === unsignaled,
        does: (s, f) => {
          s[slots.life + f] = signaled;
        },
      },
      again: { when: isSignaled },
    }),
    ...reserve(1),
    ...reserve(mostSlots),
    ...plainly("reserveNone", { task: "main", op: "reserveFences", resv, count: 0 }, { errno: EINVAL, when: isLocked }),
    ...usages.flatMap(add),
    ...plainly("walk", { task: "main", op: "iterateFences", resv, usage: "bookkeep" }, { when: isLocked }),
    ...plainly("walkWrite", { task: "main", op: "iterateFences", resv, usage: "write" }, { when: isLocked }),
    ...query("testSignaled", "kernel"),
    ...query("testSignaled", "bookkeep"),
    ...query("getFences", "read"),
  ];

  const project = (state: State, names: Names, s: Scratch): void => {
    const row = state.reservations.get(resv);
    const idOf = new Map<string, number>();
    for (let f = 0; f < counts.fence; f += 1) {
      const name = names.find("fence", f) ?? "";
      const fence = state.fences.get(name);
      if (fence === undefined) continue;
      s[slots.life + f] = fence.signaled ? signaled : unsignaled;
      idOf.set(name, f);
    }
    if (row === undefined) return;
    s[slots.locked] = row.owner === "main" ? 1 : 0;
    s[slots.reserved] = row.slots;
    s[slots.length] = row.entries.length;
    for (const [place, entry] of row.entries.entries()) {
      s[at[place]!] = (idOf.get(entry.fence) ?? counts.fence) + 1;
      s[usageAt[place]!] = usages.indexOf(entry.usage);
    }
  };

  return {
    name: "entries",
    about: "The list of a reservation object: reserve, add with each usage, what an add replaces, walks and queries.",
    areas: ["RESV", "FENCE"],
    profile: "K7.1",
    setup: scopeSetup({ reservations: [resv] }),
    prelude: [],
    ids,
    fields,
    operations,
    bounds: `${counts.entry} entries, ${mostSlots} slots in a hold; no reserve while a listed fence has signaled; a fence is the only one of its timeline`,
    objects: {},
    initial: () => undefined,
    project,
  };
}

function capitalized(word: string): string {
  return `${word.charAt(0).toUpperCase()}${word.slice(1)}`;
}
