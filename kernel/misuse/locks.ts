import {
  fencesOf,
  freeLocks,
  heldBy,
  isFree,
  isSignalling,
  ownContext,
  withOne,
  type Misuse,
  type MisuseContext,
  type WrongStep,
} from "./misuse.ts";

const locking = { export: 0.5, lock: 10, unlock: 0.3 } as const;
const backingOff = { acquireInit: 12, lock: 8, lockSlow: 1, unlock: 0.3 } as const;
const filling = { fenceInit: 6, lock: 8, reserveFences: 12, addFence: 14, unlock: 2 } as const;

/** Whether the list was made larger since the lock was taken: the kernel then has some room to spare. */
function grewInHold({ steps }: MisuseContext, resv: string): boolean {
  // Since the last unlock: whoever has a lock may have tried once more to take it.
  return steps
    .slice(steps.findLastIndex((step) => step.op === "unlock" && step.resv === resv) + 1)
    .some(
      (step) =>
        (step.op === "reserveFences" && step.resv === resv) || (step.op === "copyFences" && step.destination === resv),
    );
}

/** Adds a fence, for which no slot is left and none of whose place it can take, to one of these objects. */
function addTo(context: MisuseContext, names: readonly string[]): WrongStep | null {
  const { state } = context;
  const full = names.filter((name) => {
    const row = state.reservations.get(name);
    if (row === undefined || row.slots > 0 || row.entries.length === 0) return false;
    return row.entries.every(({ fence }) => state.fences.get(fence)?.signaled === false);
  });
  return withOne(context, full, (resv) => {
    const lines = new Set(state.reservations.get(resv)!.entries.map(({ fence }) => state.fences.get(fence)?.context));
    const others = fencesOf(context).filter(([, { context: line }]) => !lines.has(line));
    return withOne(context, others, ([fence]) => ({ op: "addFence", resv, fence, usage: "bookkeep" }));
  });
}

/** Locks of reservation objects, acquire contexts, and lists of fences. */
export const lockMisuses: readonly Misuse[] = [
  {
    id: "lock-again",
    statement: "A task locks, without a context, an object that it holds.",
    rules: ["RESV-03"],
    weights: locking,
    draw: (context) =>
      ownContext(context) === undefined
        ? withOne(context, heldBy(context), (resv) => ({ op: "lock", resv, acquire: null }))
        : null,
  },
  {
    id: "second-lock-without-context",
    statement: "A task that holds a lock takes another, without a context.",
    rules: ["RESV-03"],
    weights: locking,
    draw: (context) =>
      heldBy(context).length > 0 && ownContext(context) === undefined && !isSignalling(context)
        ? withOne(context, freeLocks(context), (resv) => ({ op: "lock", resv, acquire: null }))
        : null,
  },
  {
    id: "unlock-unlocked",
    statement: "A lock is given up that nobody holds.",
    rules: ["RESV-02"],
    weights: locking,
    draw: (context) => withOne(context, freeLocks(context), (resv) => ({ op: "unlock", resv })),
  },
  {
    id: "unlock-of-another",
    statement: "A task gives up a lock that another task holds.",
    rules: ["RESV-02"],
    weights: locking,
    draw: (context) => {
      const others = [...context.state.reservations].filter(
        ([, { owner }]) => owner !== null && owner !== context.task && context.tasks.includes(owner),
      );
      return isFree(context) ? withOne(context, others, ([resv]) => ({ op: "unlock", resv })) : null;
    },
  },
  {
    id: "slow-lock-uncontended",
    statement: "The slow form is used though no deadlock was reported.",
    rules: ["RESV-10"],
    weights: backingOff,
    draw: (context) => {
      const own = ownContext(context);
      if (own === undefined || own[1].contended !== null || own[1].phase !== "acquiring") return null;
      return withOne(context, freeLocks(context), (resv) => ({ op: "lockSlow", resv, acquire: own[0] }));
    },
  },
  {
    id: "lock-after-done",
    statement: "A lock is taken with a context that was marked done.",
    rules: ["RESV-12"],
    weights: { ...backingOff, acquireDone: 20 },
    draw: (context) => {
      const own = ownContext(context);
      if (own?.[1].phase !== "done") return null;
      return withOne(context, freeLocks(context), (resv) => ({ op: "lock", resv, acquire: own[0] }));
    },
  },
  {
    id: "other-lock-after-deadlock",
    statement: "After a deadlock was reported, and all locks given up, another lock than the contended one is taken.",
    rules: ["RESV-09"],
    weights: { ...backingOff, unlock: 3, lockSlow: 0.01, lock: 20 },
    draw: (context) => {
      const own = ownContext(context);
      if (own === undefined || own[1].contended === null || own[1].held.length > 0) return null;
      const others = freeLocks(context).filter((name) => name !== own[1].contended);
      return withOne(context, others, (resv) => ({ op: "lock", resv, acquire: own[0] }));
    },
  },
  {
    id: "no-back-off",
    statement: "After a deadlock was reported the task takes a lock, and gives none up.",
    rules: ["RESV-08"],
    weights: { acquireInit: 30, lock: 60, unlock: 0.01, acquireFini: 0.01, trylock: 0.01, interrupt: 0.01 },
    draw: (context) => {
      const own = ownContext(context);
      if (own === undefined || own[1].contended === null || own[1].held.length === 0) return null;
      return withOne(context, freeLocks(context), (resv) => ({ op: "lock", resv, acquire: own[0] }));
    },
  },
  {
    id: "second-context",
    statement: "A task begins a context while it has one.",
    rules: ["RESV-03", "RESV-12"],
    weights: backingOff,
    draw: (context) =>
      ownContext(context) === undefined ? null : { op: "acquireInit", acquire: context.name("acquire") },
  },
  {
    id: "done-twice",
    statement: "A context is marked done a second time.",
    rules: ["RESV-12"],
    weights: { ...backingOff, acquireDone: 20 },
    draw: (context) => {
      const own = ownContext(context);
      return own?.[1].phase === "done" ? { op: "acquireDone", acquire: own[0] } : null;
    },
  },
  {
    id: "fini-with-locks",
    statement: "A context ends while its task holds locks that were taken with it.",
    rules: ["RESV-12"],
    weights: backingOff,
    draw: (context) => {
      const own = ownContext(context);
      return own !== undefined && own[1].held.length > 0 ? { op: "acquireFini", acquire: own[0] } : null;
    },
  },
  {
    id: "reserve-without-lock",
    statement: "Slots are reserved in an object whose lock the task does not hold.",
    rules: ["RESV-15"],
    weights: filling,
    draw: (context) =>
      isFree(context)
        ? withOne(context, freeLocks(context), (resv) => ({ op: "reserveFences", resv, count: 1 }))
        : null,
  },
  {
    id: "reserve-nothing",
    statement: "No slot at all is reserved.",
    rules: ["RESV-15"],
    weights: filling,
    draw: (context) => withOne(context, heldBy(context), (resv) => ({ op: "reserveFences", resv, count: 0 })),
  },
  {
    id: "add-without-lock",
    statement: "A fence is added to an object whose lock the task does not hold.",
    rules: ["RESV-19"],
    weights: { ...filling, unlock: 8 },
    draw: (context) => (isFree(context) ? addTo(context, freeLocks(context)) : null),
  },
  {
    id: "add-without-slot",
    statement: "A fence is added, lock held, and no slot was reserved in this hold.",
    rules: ["RESV-18", "RESV-19"],
    weights: { ...filling, reserveFences: 4 },
    draw: (context) =>
      addTo(
        context,
        heldBy(context).filter((name) => !grewInHold(context, name)),
      ),
  },
  {
    id: "add-to-no-list",
    statement: "A fence is added, lock held, to an object in which no slot was ever reserved.",
    rules: ["RESV-19"],
    weights: { fenceInit: 6, lock: 12, unlock: 0.3, reserveFences: 0.01 },
    draw: (context) => {
      const bare = heldBy(context).filter((name) => {
        const row = context.state.reservations.get(name);
        return row === undefined || (row.slots === 0 && row.entries.length === 0 && row.changes.length === 0);
      });
      return withOne(context, bare, (resv) =>
        withOne(context, fencesOf(context), ([fence]) => ({ op: "addFence", resv, fence, usage: "write" })),
      );
    },
  },
  {
    id: "add-container",
    statement: "An array or a chain is added to an object.",
    rules: ["RESV-20"],
    weights: { ...filling, fenceGet: 20, createArray: 40, createChain: 40 },
    draw: (context) => {
      const containers = [...context.state.fences].filter(
        ([, { by, kind, released, programRefs }]) =>
          by === "program" && kind !== "plain" && !released && programRefs > 0,
      );
      const ready = heldBy(context).filter((name) => (context.state.reservations.get(name)?.slots ?? 0) > 0);
      return withOne(context, ready, (resv) =>
        withOne(context, containers, ([fence]) => ({ op: "addFence", resv, fence, usage: "write" })),
      );
    },
  },
  {
    id: "replace-without-lock",
    statement: "Fences are replaced in an object whose lock the task does not hold.",
    rules: ["RESV-45"],
    weights: { ...filling, unlock: 8 },
    draw: (context) =>
      isFree(context)
        ? withOne(context, freeLocks(context), (resv) =>
            withOne(context, fencesOf(context), ([fence]) => ({
              op: "replaceFences",
              resv,
              old: fence,
              fence,
              usage: "write",
            })),
          )
        : null,
  },
  {
    id: "copy-without-lock",
    statement: "Fences are copied into an object whose lock the task does not hold.",
    rules: ["RESV-35"],
    weights: filling,
    draw: (context) => {
      const [destination, source] = freeLocks(context);
      if (destination === undefined || source === undefined || !isFree(context)) return null;
      return { op: "copyFences", destination, source };
    },
  },
  {
    id: "walk-without-lock",
    statement: "The locked walk is used without the lock.",
    rules: ["RESV-46"],
    weights: { ...filling, unlock: 8 },
    draw: (context) => {
      const filled = freeLocks(context).filter(
        (name) => (context.state.reservations.get(name)?.entries.length ?? 0) > 0,
      );
      return isFree(context)
        ? withOne(context, filled, (resv) => ({ op: "iterateFences", resv, usage: "bookkeep" }))
        : null;
    },
  },
];
