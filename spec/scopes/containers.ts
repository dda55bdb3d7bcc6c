import { EINVAL } from "../errno.ts";
import type { State } from "../state/state.ts";
import { call, type Outcome } from "./call.ts";
import { hidden, layout, plain, refers, setOf } from "./layout.ts";
import type { Names } from "./names.ts";
import { scopeSetup } from "./setup.ts";
import type { Scope, ScopeOperation, Scratch, StepDraft } from "./scope.ts";

/** What becomes of a fence or a container; 0: it was never made. */
const [unsignaled, signaled] = [1, 2];

type Container = "array" | "first" | "second";
const containerNames: readonly Container[] = ["array", "first", "second"];

/** An array and a chain of two nodes over plain fences: who signals whom, and who is only found signaled when asked. */
export function containers(counts: { readonly fence: number }): Scope {
  const ids = { fence: counts.fence };
  const { fields, slots } = layout(ids, {
    life: plain(3, "fence"),
    array: plain(3),
    /** Whether it waits for its parts: a history does not show it. */
    arrayEnabled: hidden(plain(2)),
    members: setOf("fence", ids),
    first: plain(3),
    firstEnabled: hidden(plain(2)),
    inFirst: refers("fence", ids),
    second: plain(3),
    secondEnabled: hidden(plain(2)),
    inSecond: refers("fence", ids),
  });

  const isMade = (s: Scratch, f: number) => s[slots.life + f] !== 0;
  const isSignaled = (s: Scratch, f: number) => s[slots.life + f] === signaled;
  const isUsed = (s: Scratch, f: number) =>
    ((s[slots.members]! >> f) & 1) === 1 || s[slots.inFirst] === f + 1 || s[slots.inSecond] === f + 1;
  const isOpen = (s: Scratch, container: Container) => s[slots[container]] === unsignaled;
  const isDone = (s: Scratch, container: Container) => s[slots[container]] === signaled;

  /** Whether all that the container stands for has signaled. */
  const isOver = (s: Scratch, container: Container): boolean => {
    if (container === "array") {
      for (let f = 0; f < counts.fence; f += 1)
        if (((s[slots.members]! >> f) & 1) === 1 && !isSignaled(s, f)) return false;
      return true;
    }
    const inFirst = isSignaled(s, s[slots.inFirst]! - 1);
    return container === "first" ? inFirst : inFirst && isSignaled(s, s[slots.inSecond]! - 1);
  };
  const finish = (s: Scratch, container: Container) => {
    s[slots[container]] = signaled;
    s[slots[`${container}Enabled`]] = 0;
  };
  const enable = (s: Scratch, container: Container) => {
    s[slots[`${container}Enabled`]] = 1;
  };

  const step = (
    name: string,
    takes: readonly string[],
    steps: ScopeOperation["steps"],
    outcomes: Readonly<Record<string, Outcome>>,
    bounded?: ScopeOperation["bounded"],
  ): readonly ScopeOperation[] => call({ name, takes, steps, outcomes, ...(bounded === undefined ? {} : { bounded }) });

  /** Creation takes a reference of each part over; the program keeps its own. */
  const withParts = (parts: readonly string[], create: StepDraft): readonly StepDraft[] => [
    ...parts.map((fence): StepDraft => ({ task: "main", op: "fenceGet", fence })),
    create,
  ];

  const createArray = (name: string, takes: readonly string[], when: Outcome["when"]): readonly ScopeOperation[] =>
    step(
      name,
      takes,
      (names, f, g) => {
        const members = [...new Set(takes.length === 1 ? [f] : [f, g])].map((id) => names.of("fence", id));
        const fence = names.fresh("array");
        return withParts(members, {
          task: "main",
          op: "createArray",
          fence,
          members,
          timeline: counts.fence + 1,
          seqno: names.number(),
          signalOnAny: false,
        });
      },
      {
        "": {
          when: (s, f, g, c) => s[slots.array] !== unsignaled && when(s, f, g, c),
          does: (s, f, g) => {
            s[slots.array] = unsignaled;
            s[slots.arrayEnabled] = 0;
            s[slots.members] = takes.length === 1 ? 1 << f : (1 << f) | (1 << g);
          },
        },
      },
      // A second array, or one that takes the same fence twice.
      (s, f, g) => isOpen(s, "array") || (takes.length > 1 && f === g),
    );

  const createNode = (container: "first" | "second"): readonly ScopeOperation[] =>
    step(
      container === "first" ? "createChain" : "extendChain",
      ["fence"],
      (names, f) => {
        const contained = names.of("fence", f);
        const previous = container === "first" ? null : names.of("first");
        const fence = names.fresh(container);
        const parts = previous === null ? [contained] : [contained, previous];
        return withParts(parts, { task: "main", op: "createChain", fence, previous, contained, seqno: names.number() });
      },
      {
        "": {
          when: (s, f) =>
            isMade(s, f) &&
            (container === "first"
              ? s[slots.first] === 0 || (isDone(s, "first") && s[slots.second] !== unsignaled)
              : s[slots.first] !== 0 && s[slots.second] === 0),
          does: (s, f) => {
            s[slots[container]] = unsignaled;
            s[slots[`${container}Enabled`]] = 0;
            s[container === "first" ? slots.inFirst : slots.inSecond] = f + 1;
            if (container === "second") return;
            s[slots.second] = 0;
            s[slots.secondEnabled] = 0;
            s[slots.inSecond] = 0;
          },
        },
      },
      // A third node, or a second chain beside an unfinished one.
      (s, f) => isMade(s, f) && (container === "first" ? s[slots.first] !== 0 : s[slots.second] !== 0),
    );

  const onContainer = (container: Container): readonly ScopeOperation[] => {
    const suffix = capitalized(container);
    const on =
      (draft: (fence: string) => StepDraft): ScopeOperation["steps"] =>
      (names) => [draft(names.of(container))];
    const finds: Outcome = {
      when: (s) => isOpen(s, container) && isOver(s, container),
      does: (s) => finish(s, container),
    };
    const asked: Readonly<Record<string, Outcome>> = {
      before: { when: (s) => isOpen(s, container) && !isOver(s, container) },
      finds,
      after: { when: (s) => isDone(s, container) },
    };
    const enabling: Readonly<Record<string, Outcome>> = {
      "": { when: (s) => isOpen(s, container) && !isOver(s, container), does: (s) => enable(s, container) },
      finds,
      after: { when: (s) => isDone(s, container) },
    };
    return [
      ...step(
        `isSignaled${suffix}`,
        [],
        on((fence) => ({ task: "main", op: "isSignaled", fence })),
        asked,
      ),
      ...step(
        `getStatus${suffix}`,
        [],
        on((fence) => ({ task: "main", op: "getStatus", fence })),
        asked,
      ),
      ...step(
        `enable${suffix}`,
        [],
        on((fence) => ({ task: "main", op: "enableSignaling", fence })),
        enabling,
      ),
    ];
  };

  /** What follows by itself: containers that were enabled signal with the last of their parts. */
  const signal = (s: Scratch, f: number) => {
    s[slots.life + f] = signaled;
    for (const container of containerNames)
      if (isOpen(s, container) && s[slots[`${container}Enabled`]] === 1 && isOver(s, container)) finish(s, container);
  };

  const nameOf = (names: Names, f: number) => names.of("fence", f);
  const operations: readonly ScopeOperation[] = [
    ...step(
      "fenceInit",
      ["fence"],
      (names, f) => [
        {
          task: "main",
          op: "fenceInit",
          fence: names.fresh("fence", f),
          timeline: f + 1,
          seqno: names.number(),
          seqno64: false,
          hooks: [],
        },
      ],
      {
        "": {
          when: (s, f) => !isMade(s, f) || (isSignaled(s, f) && !isUsed(s, f)),
          does: (s, f) => {
            s[slots.life + f] = unsignaled;
          },
        },
      },
      // One more fence than there are ids.
      isMade,
    ),
    ...step("signal", ["fence"], (names, f) => [{ task: "main", op: "signal", fence: nameOf(names, f) }], {
      "": { when: (s, f) => s[slots.life + f] === unsignaled, does: signal },
      again: { when: isSignaled },
    }),
    ...step(
      "findSeqnoInPlain",
      ["fence"],
      (names, f) => [{ task: "main", op: "findSeqno", fence: nameOf(names, f), seqno: 1 }],
      { "": { errno: EINVAL, when: isMade } },
    ),
    ...createArray("createArrayOfOne", ["fence"], isMade),
    ...createArray("createArray", ["fence", "fence"], (s, f, g) => f !== g && isMade(s, f) && isMade(s, g)),
    ...createNode("first"),
    ...createNode("second"),
    ...containerNames.flatMap(onContainer),
  ];

  const project = (state: State, names: Names, s: Scratch): void => {
    const idOf = new Map<string, number>();
    for (let f = 0; f < counts.fence; f += 1) {
      const name = names.find("fence", f) ?? "";
      const row = state.fences.get(name);
      if (row === undefined) continue;
      s[slots.life + f] = row.signaled ? signaled : unsignaled;
      idOf.set(name, f);
    }
    for (const container of containerNames) {
      const row = state.fences.get(names.find(container) ?? "");
      if (row === undefined) continue;
      s[slots[container]] = row.signaled ? signaled : unsignaled;
      const parts = row.members.map((name) => idOf.get(name) ?? -1);
      if (container === "array") s[slots.members] = parts.reduce((set, id) => set | (1 << id), 0);
      else s[container === "first" ? slots.inFirst : slots.inSecond] = parts[0]! + 1;
    }
    // A chain begun anew leaves the old second node behind.
    const second = state.fences.get(names.find("second") ?? "");
    if (second === undefined || second.previous === names.find("first")) return;
    for (const slot of [slots.second, slots.inSecond]) s[slot] = 0;
  };

  return {
    name: "containers",
    about:
      "An array and a chain of two nodes over plain fences: who signals whom, and who is only found signaled when asked.",
    areas: ["FENCE"],
    profile: "K7.1",
    setup: scopeSetup(),
    prelude: [],
    ids,
    fields,
    operations,
    bounds: "one array and one chain of two nodes at a time, made anew once they have signaled",
    objects: {},
    initial: () => undefined,
    project,
  };
}

function capitalized(word: string): string {
  return `${word.charAt(0).toUpperCase()}${word.slice(1)}`;
}
