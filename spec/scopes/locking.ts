import { EALREADY, EBUSY, EDEADLK, EINTR } from "../errno.ts";
import type { AcquireState, State } from "../state/state.ts";
import { call } from "./call.ts";
import { hidden, layout, plain, refers } from "./layout.ts";
import type { Names } from "./names.ts";
import type { Scope, ScopeOperation, Scratch, StepDraft } from "./scope.ts";
import { scopeSetup } from "./setup.ts";

/** How many there are of each. */
export interface LockingCounts {
  readonly task: number;
  readonly lock: number;
}

/** An acquire context: takes locks, or takes no more; 0: there is none. */
const [acquiring, done] = [1, 2];

type LockForm = Extract<
  StepDraft,
  { readonly op: "lock" | "lockInterruptible" | "lockSlow" | "lockSlowInterruptible" }
>["op"];

/** Reservation locks taken with and without acquire contexts: Wait-Die, queues, interruptions, back-off. */
export function locking(counts: LockingCounts): Scope {
  const ids = { ...counts };
  const { fields, slots } = layout(ids, {
    context: plain(3, "task"),
    /** Rank of its context by age, 1 the oldest. */
    age: plain(counts.task + 1, "task"),
    contended: refers("lock", ids, "task"),
    waitsFor: refers("lock", ids, "task"),
    interruptible: plain(2, "task"),
    /** Place in the queue of the lock it waits for, 1 the first. */
    place: hidden(plain(Math.max(2, counts.task), "task")),
    owner: refers("task", ids, "lock"),
    /** The owner took it with its context. */
    inContext: plain(2, "lock"),
  });
  const { context, age, contended, waitsFor, interruptible, place, owner, inContext } = slots;

  const { task: tasks, lock: locks } = counts;

  const isIdle = (s: Scratch, t: number) => s[waitsFor + t] === 0;
  const hasContext = (s: Scratch, t: number) => s[context + t] !== 0;
  const isFree = (s: Scratch, r: number) => s[owner + r] === 0;
  const holds = (s: Scratch, t: number, r: number) => s[owner + r] === t + 1;
  const holdsInContext = (s: Scratch, t: number, r: number) => holds(s, t, r) && s[inContext + r] === 1;
  /** Locks held, taken with the context (1) or without (0). */
  const held = (s: Scratch, t: number, how: number) => {
    const task = t + 1;
    let count = 0;
    for (let r = 0; r < locks; r += 1) if (s[owner + r] === task && s[inContext + r] === how) count += 1;
    return count;
  };

  /** Who stands at a place of a queue; -1: nobody. */
  const waiterAt = (s: Scratch, r: number, at: number) => {
    for (let t = 0; t < tasks; t += 1) if (s[waitsFor + t] === r + 1 && s[place + t] === at) return t;
    return -1;
  };
  const leave = (s: Scratch, t: number) => {
    const r = s[waitsFor + t];
    const from = s[place + t]!;
    s[waitsFor + t] = s[interruptible + t] = s[place + t] = 0;
    for (let other = 0; other < tasks; other += 1)
      if (s[waitsFor + other] === r && s[place + other]! > from) s[place + other]! -= 1;
  };
  const take = (s: Scratch, t: number, r: number) => {
    s[owner + r] = t + 1;
    s[inContext + r] = hasContext(s, t) ? 1 : 0;
    s[contended + t] = 0;
  };
  const die = (s: Scratch, t: number, r: number) => {
    s[contended + t] = r + 1;
  };

  // One function for the plain forms and one for the slow: the explorer asks each once for all calls that share it.
  const mayLock = (s: Scratch, t: number, r: number) => {
    // A lock taken by trylock has no age: blocking behind it can deadlock for good.
    if (!isIdle(s, t) || held(s, t, 0) > 0) return false;
    return !hasContext(s, t) || (s[contended + t] === 0 ? takesMore(s, t, r) : mayLockSlow(s, t, r));
  };
  const mayLockSlow = (s: Scratch, t: number, r: number) =>
    s[contended + t] === r + 1 && isIdle(s, t) && held(s, t, 0) === 0 && held(s, t, 1) === 0;
  /** Once it is done a context is given no lock but those it holds. */
  const takesMore = (s: Scratch, t: number, r: number) => s[context + t] !== done || holdsInContext(s, t, r);
  /** An older context holds the lock or waits for it, and this one holds another. */
  const mustDie = (s: Scratch, t: number, r: number) => {
    if (!hasContext(s, t) || held(s, t, 1) === 0) return false;
    const own = s[age + t]!;
    if (s[inContext + r] === 1 && s[age + s[owner + r]! - 1]! < own) return true;
    for (let other = 0; other < tasks; other += 1)
      if (s[waitsFor + other] === r + 1 && hasContext(s, other) && s[age + other]! < own) return true;
    return false;
  };
  /** Whether a waiter has to die when this one queues before it. */
  const mustMakeWay = (s: Scratch, other: number, t: number, r: number) =>
    s[waitsFor + other] === r + 1 && hasContext(s, other) && s[age + other]! > s[age + t]! && held(s, other, 1) > 0;
  const killsAny = (s: Scratch, t: number, r: number) => {
    if (!hasContext(s, t)) return false;
    for (let other = 0; other < tasks; other += 1) if (mustMakeWay(s, other, t, r)) return true;
    return false;
  };
  const mustWait = (s: Scratch, t: number, r: number) => !isFree(s, r) && !holdsInContext(s, t, r) && !mustDie(s, t, r);

  /** Contexts queue by age; who has none keeps the place it came to. */
  const queue = (s: Scratch, t: number, r: number) => {
    let last = 0;
    while (waiterAt(s, r, last + 1) >= 0) last += 1;
    let at = last + 1;
    if (hasContext(s, t))
      for (let before = last; before > 0; before -= 1) {
        const other = waiterAt(s, r, before);
        if (!hasContext(s, other)) continue;
        if (s[age + other]! < s[age + t]!) break;
        at = before;
      }
    for (let other = 0; other < tasks; other += 1)
      if (s[waitsFor + other] === r + 1 && s[place + other]! >= at) s[place + other]! += 1;
    s[waitsFor + t] = r + 1;
    s[place + t] = at;
    if (!hasContext(s, t)) return;
    for (let other = 0; other < tasks; other += 1)
      if (other !== t && mustMakeWay(s, other, t, r)) {
        leave(s, other);
        die(s, other, r);
      }
  };

  const lock = (op: LockForm): readonly ScopeOperation[] => {
    const isSlow = op.startsWith("lockSlow");
    const ends = op.endsWith("Interruptible") ? 1 : 0;
    const wait = (s: Scratch, t: number, r: number) => {
      queue(s, t, r);
      s[interruptible + t] = ends;
    };
    return call({
      name: op,
      takes: ["task", "lock"],
      steps: (names, t, r) => [
        {
          task: names.of("task", t),
          op,
          resv: names.of("lock", r),
          // The slow forms take no null: where there is no context they name none that could be.
          acquire: names.find("acquire", t),
        } as StepDraft,
      ],
      may: isSlow ? mayLockSlow : mayLock,
      outcomes: {
        "": { when: (s, _t, r) => isFree(s, r), does: take },
        waits: { when: (s, t, r) => mustWait(s, t, r) && !killsAny(s, t, r), does: wait },
        // The errno is that of the younger one, which waited and held another lock.
        waitsAndKills: {
          errno: EDEADLK,
          when: (s, t, r) => mustWait(s, t, r) && killsAny(s, t, r),
          does: wait,
        },
        ...(isSlow
          ? {}
          : {
              dies: {
                errno: EDEADLK,
                when: (s, t, r) => !isFree(s, r) && !holdsInContext(s, t, r) && mustDie(s, t, r),
                does: die,
              },
              again: { errno: EALREADY, when: holdsInContext },
            }),
      },
    });
  };

  /** A call about the task's own context. */
  const onContext = (
    op: "acquireDone" | "acquireFini",
    when: ScopeOperation["enabled"],
    does: ScopeOperation["apply"],
  ) =>
    call({
      name: op,
      takes: ["task"],
      steps: (names, t) => {
        const acquire = names.of("acquire", t);
        if (op === "acquireFini") names.drop("acquire", t);
        return [{ task: names.of("task", t), op, acquire }];
      },
      outcomes: { "": { when, does } },
    });

  const operations: readonly ScopeOperation[] = [
    ...call({
      name: "acquireInit",
      takes: ["task"],
      steps: (names, t) => [{ task: names.of("task", t), op: "acquireInit", acquire: names.fresh("acquire", t) }],
      outcomes: {
        "": {
          when: (s, t) => isIdle(s, t) && !hasContext(s, t) && held(s, t, 0) === 0,
          does: (s, t) => {
            let younger = 1;
            for (let other = 0; other < tasks; other += 1) if (hasContext(s, other)) younger += 1;
            s[context + t] = acquiring;
            s[age + t] = younger;
          },
        },
      },
    }),
    ...onContext(
      "acquireDone",
      (s, t) => isIdle(s, t) && s[context + t] === acquiring && s[contended + t] === 0,
      (s, t) => {
        s[context + t] = done;
      },
    ),
    ...onContext(
      "acquireFini",
      (s, t) => isIdle(s, t) && hasContext(s, t) && held(s, t, 1) === 0,
      (s, t) => {
        const own = s[age + t]!;
        s[context + t] = s[age + t] = s[contended + t] = 0;
        for (let other = 0; other < tasks; other += 1) if (s[age + other]! > own) s[age + other]! -= 1;
      },
    ),
    ...lock("lock"),
    ...lock("lockInterruptible"),
    ...lock("lockSlow"),
    ...lock("lockSlowInterruptible"),
    ...call({
      name: "trylock",
      takes: ["task", "lock"],
      steps: (names, t, r) => [{ task: names.of("task", t), op: "trylock", resv: names.of("lock", r) }],
      outcomes: {
        "": {
          when: (s, t, r) => isIdle(s, t) && isFree(s, r),
          does: (s, t, r) => {
            s[owner + r] = t + 1;
            s[inContext + r] = 0;
          },
        },
        fails: { errno: EBUSY, when: (s, t, r) => isIdle(s, t) && !isFree(s, r) },
      },
    }),
    ...call({
      name: "unlock",
      takes: ["task", "lock"],
      steps: (names, t, r) => [{ task: names.of("task", t), op: "unlock", resv: names.of("lock", r) }],
      outcomes: {
        "": {
          when: (s, t, r) => isIdle(s, t) && holds(s, t, r) && waiterAt(s, r, 1) < 0,
          does: (s, _t, r) => {
            s[owner + r] = s[inContext + r] = 0;
          },
        },
        handsOver: {
          when: (s, t, r) => isIdle(s, t) && holds(s, t, r) && waiterAt(s, r, 1) >= 0,
          does: (s, _t, r) => {
            const next = waiterAt(s, r, 1);
            leave(s, next);
            take(s, next, r);
          },
        },
      },
    }),
    ...call({
      name: "interrupt",
      takes: ["task"],
      steps: (names, t) => [{ task: "main", op: "interrupt", target: names.of("task", t) }],
      outcomes: { "": { errno: EINTR, when: (s, t) => s[interruptible + t] === 1, does: leave } },
      // It would be remembered for the task's next wait.
      bounded: (s, t) => s[interruptible + t] === 0,
    }),
  ];

  const project = (state: State, names: Names, s: Scratch): void => {
    const ids = (kind: string, count: number, name: string | null) => {
      for (let id = 0; id < count; id += 1) if (names.find(kind, id) === name) return id + 1;
      return 0;
    };
    const active: readonly AcquireState[] = [...state.acquires.values()].filter((row) => row.phase !== "fini");
    for (let t = 0; t < tasks; t += 1) {
      const name = names.of("task", t);
      const own = active.find((row) => row.task === name);
      if (own !== undefined) {
        s[context + t] = own.phase === "done" ? done : acquiring;
        s[age + t] = 1 + active.filter((row) => row.stamp < own.stamp).length;
        s[contended + t] = ids("lock", counts.lock, own.contended);
      }
      const wait = state.tasks.get(name)?.waiting;
      if (wait?.kind !== "lock") continue;
      s[waitsFor + t] = ids("lock", counts.lock, wait.lock);
      s[interruptible + t] = wait.form === "interruptible" || wait.form === "slowInterruptible" ? 1 : 0;
    }
    for (let r = 0; r < locks; r += 1) {
      const row = state.reservations.get(names.of("lock", r));
      if (row === undefined) continue;
      s[owner + r] = ids("task", counts.task, row.owner);
      s[inContext + r] = row.acquire === null ? 0 : 1;
    }
  };

  const lockNames = Array.from({ length: locks }, (_, r) => `r${r + 1}`);
  return {
    name: "locking",
    about: "Reservation locks with and without acquire contexts: Wait-Die, queues, interruptions, back-off.",
    areas: ["RESV"],
    profile: "K7.1",
    setup: scopeSetup({ reservations: lockNames }),
    prelude: [],
    ids,
    fields,
    operations,
    bounds: "one context a task at a time; no interruption ahead of its wait",
    objects: { task: Array.from({ length: tasks }, (_, t) => `t${t + 1}`), lock: lockNames },
    initial: () => undefined,
    project,
  };
}
