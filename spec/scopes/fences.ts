import { EINVAL, EIO, ENOENT, ERESTARTSYS } from "../errno.ts";
import { frameOf, type State } from "../state/state.ts";
import { call, type Outcome, type ScopeCall } from "./call.ts";
import { hidden, layout, plain, refers } from "./layout.ts";
import type { Names } from "./names.ts";
import { scopeSetup } from "./setup.ts";
import type { Scope, ScopeOperation, Scratch, StepDraft } from "./scope.ts";

/** How many there are of each. */
export interface FenceCounts {
  readonly fence: number;
  readonly callback: number;
  /** Tasks that wait. All other calls come from one more. */
  readonly waiter: number;
}

/** What becomes of a fence; 0: it was never made. */
const [live, released] = [1, 2];
/** Its owner: has no hook; 1: has one that enables; has one that finds the work done already. */
const [plainOwner, enableFails] = [0, 2];

const ownerHooks = [[], ["enableSignaling"], ["enableFails"]] as const;

type FenceOnly = Extract<
  StepDraft,
  {
    readonly op:
      | "signal"
      | "fenceGet"
      | "fenceGetLive"
      | "fencePut"
      | "getStatus"
      | "isSignaled"
      | "timestamp"
      | "enableSignaling";
  }
>["op"];

/** References that the program may hold to one fence. */
const mostReferences = 2;

/** Ends no wait within a program. */
const longTime = 1_000_000;

/** Fences from init to release: enable, callbacks, waits, errors, references. */
export function fences(counts: FenceCounts): Scope {
  const ids = { ...counts };
  const { fields, slots } = layout(ids, {
    life: plain(3, "fence"),
    owner: hidden(plain(3, "fence")),
    refs: plain(mostReferences + 1, "fence"),
    signaled: plain(2, "fence"),
    failed: plain(2, "fence"),
    enabled: plain(2, "fence"),
    /** The fence a callback was last added to, while that lives. */
    on: refers("fence", ids, "callback"),
    pending: plain(2, "callback"),
    waitsFor: refers("fence", ids, "waiter"),
    interruptible: plain(2, "waiter"),
  });

  const isLive = (s: Scratch, f: number) => s[slots.life + f] === live;
  const isUnsignaled = (s: Scratch, f: number) => isLive(s, f) && s[slots.signaled + f] === 0;
  const isSignaled = (s: Scratch, f: number) => isLive(s, f) && s[slots.signaled + f] === 1;
  const asksOwner = (s: Scratch, f: number) => isUnsignaled(s, f) && s[slots.enabled + f] === 0;
  /** The next one to need the signal finds the work done. */
  const endsAtOnce = (s: Scratch, f: number) => asksOwner(s, f) && s[slots.owner + f] === enableFails;
  const staysOpen = (s: Scratch, f: number) => isUnsignaled(s, f) && !endsAtOnce(s, f);

  const enable = (s: Scratch, f: number) => {
    if (s[slots.owner + f] !== plainOwner) s[slots.enabled + f] = 1;
  };
  const signal = (s: Scratch, f: number) => {
    s[slots.signaled + f] = 1;
    for (let k = 0; k < counts.callback; k += 1) if (s[slots.on + k] === f + 1) s[slots.pending + k] = 0;
    for (let w = 0; w < counts.waiter; w += 1) if (s[slots.waitsFor + w] === f + 1) stopWaiting(s, w);
  };
  const enableAndSignal = (s: Scratch, f: number) => {
    enable(s, f);
    signal(s, f);
  };
  const stopWaiting = (s: Scratch, w: number) => {
    s[slots.waitsFor + w] = 0;
    s[slots.interruptible + w] = 0;
  };
  const release = (s: Scratch, f: number) => {
    for (const field of [slots.owner, slots.refs, slots.signaled, slots.failed, slots.enabled]) s[field + f] = 0;
    s[slots.life + f] = released;
    for (let k = 0; k < counts.callback; k += 1) if (s[slots.on + k] === f + 1) s[slots.on + k] = 0;
  };
  const isAnybodyWaiting = (s: Scratch) => {
    for (let w = 0; w < counts.waiter; w += 1) if (s[slots.waitsFor + w] !== 0) return true;
    return false;
  };
  const hasPending = (s: Scratch, f: number) => {
    for (let k = 0; k < counts.callback; k += 1)
      if (s[slots.on + k] === f + 1 && s[slots.pending + k] === 1) return true;
    return false;
  };
  const mayGo = (s: Scratch, f: number) => !isAnybodyWaiting(s) && (s[slots.signaled + f] === 1 || !hasPending(s, f));

  const nameOf = (names: Names, f: number) => names.of("fence", f);
  const mayWait = (s: Scratch, w: number, f: number) => s[slots.waitsFor + w] === 0 && isLive(s, f);

  /** A call of the main task with a fence as its only argument. */
  const onFence = (
    op: FenceOnly,
    outcomes: Readonly<Record<string, Outcome>>,
    rest: Pick<ScopeCall, "may" | "bounded"> = {},
  ): readonly ScopeOperation[] =>
    call({
      name: op,
      takes: ["fence"],
      steps: (names, f) => [{ task: "main", op, fence: nameOf(names, f) }],
      outcomes,
      ...rest,
    });
  const ofLive = { may: isLive };

  /** A wait of the main task, which must not block. */
  const waitNow = (name: string, timeout: number, outcomes: Readonly<Record<string, Outcome>>) =>
    call({
      name,
      takes: ["fence"],
      steps: (names, f) => [{ task: "main", op: "waitFence", fence: nameOf(names, f), interruptible: false, timeout }],
      may: isLive,
      outcomes,
    });

  const wait = (name: string, interruptible: boolean): readonly ScopeOperation[] =>
    call({
      name,
      takes: ["waiter", "fence"],
      steps: (names, w, f) => [
        { task: names.of("waiter", w), op: "waitFence", fence: nameOf(names, f), interruptible, timeout: longTime },
      ],
      may: mayWait,
      outcomes: {
        signaled: { when: (s, _w, f) => isSignaled(s, f) },
        finds: { when: (s, _w, f) => endsAtOnce(s, f), does: (s, _w, f) => enableAndSignal(s, f) },
        blocks: {
          when: (s, _w, f) => staysOpen(s, f),
          does: (s, w, f) => {
            enable(s, f);
            s[slots.waitsFor + w] = f + 1;
            s[slots.interruptible + w] = interruptible ? 1 : 0;
          },
        },
      },
    });

  const init = (hooks: (typeof ownerHooks)[number], owner: number): readonly ScopeOperation[] =>
    call({
      name: ["fenceInit", "fenceInitEnables", "fenceInitEnableFails"][owner]!,
      takes: ["fence"],
      steps: (names, f) => {
        const fence = names.fresh("fence", f);
        return [
          { task: "main", op: "fenceInit", fence, timeline: f + 1, seqno: names.number(), seqno64: false, hooks },
        ];
      },
      outcomes: {
        "": {
          when: (s, f) => !isLive(s, f),
          does: (s, f) => {
            s[slots.life + f] = live;
            s[slots.refs + f] = 1;
            s[slots.owner + f] = owner;
          },
        },
      },
      // One more fence than there are ids.
      bounded: isLive,
    });

  const take: Outcome = {
    when: (s, f) => isLive(s, f) && s[slots.refs + f]! < mostReferences,
    does: (s, f) => {
      s[slots.refs + f]! += 1;
    },
  };
  const isFull = (s: Scratch, f: number) => s[slots.refs + f] === mostReferences;

  const references: readonly ScopeOperation[] = [
    ...onFence("fenceGet", { "": take }, { bounded: isFull }),
    ...onFence(
      "fenceGetLive",
      { "": take, late: { when: (s, f) => s[slots.life + f] === released } },
      { bounded: isFull },
    ),
    ...onFence("fencePut", {
      "": {
        when: (s, f) => s[slots.refs + f]! > 1,
        does: (s, f) => {
          s[slots.refs + f]! -= 1;
        },
      },
      last: { when: (s, f) => s[slots.refs + f] === 1 && mayGo(s, f), does: release },
    }),
  ];

  const callbacks: readonly ScopeOperation[] = [
    ...call({
      name: "addCallback",
      takes: ["callback", "fence"],
      steps: (names, k, f) => [
        { task: "main", op: "addCallback", fence: nameOf(names, f), callback: names.fresh("callback", k) },
      ],
      may: (s, k, f) => s[slots.pending + k] === 0 && isLive(s, f),
      outcomes: {
        "": {
          when: (s, _k, f) => staysOpen(s, f),
          does: (s, k, f) => {
            enable(s, f);
            s[slots.on + k] = f + 1;
            s[slots.pending + k] = 1;
          },
        },
        finds: {
          errno: ENOENT,
          when: (s, _k, f) => endsAtOnce(s, f),
          does: (s, k, f) => {
            s[slots.on + k] = f + 1;
            enableAndSignal(s, f);
          },
        },
        late: {
          errno: ENOENT,
          when: (s, _k, f) => isSignaled(s, f),
          does: (s, k, f) => {
            s[slots.on + k] = f + 1;
          },
        },
      },
      // One more callback than there are ids.
      bounded: (s, k) => s[slots.pending + k] === 1,
    }),
    ...call({
      name: "addCallbackToNothing",
      takes: [],
      steps: (names) => [{ task: "main", op: "addCallback", fence: null, callback: names.fresh("unused") }],
      outcomes: { "": { errno: EINVAL, when: () => true } },
    }),
    ...call({
      name: "removeCallback",
      takes: ["callback", "fence"],
      steps: (names, k, f) => [
        { task: "main", op: "removeCallback", fence: nameOf(names, f), callback: names.of("callback", k) },
      ],
      outcomes: {
        "": {
          when: (s, k, f) => s[slots.on + k] === f + 1 && s[slots.pending + k] === 1,
          does: (s, k) => {
            s[slots.pending + k] = 0;
          },
        },
        late: { when: (s, k, f) => s[slots.on + k] === f + 1 && s[slots.pending + k] === 0 },
      },
    }),
  ];

  const operations: readonly ScopeOperation[] = [
    ...ownerHooks.flatMap(init),
    ...references,
    ...call({
      name: "setError",
      takes: ["fence"],
      steps: (names, f) => [{ task: "main", op: "setError", fence: nameOf(names, f), error: -EIO }],
      outcomes: {
        "": {
          when: isUnsignaled,
          does: (s, f) => {
            s[slots.failed + f] = 1;
          },
        },
      },
    }),
    ...onFence("signal", { "": { when: isUnsignaled, does: signal }, again: { when: isSignaled } }, ofLive),
    ...onFence("getStatus", { before: { when: isUnsignaled }, after: { when: isSignaled } }, ofLive),
    ...onFence("isSignaled", { before: { when: isUnsignaled }, after: { when: isSignaled } }, ofLive),
    ...onFence("timestamp", { "": { when: isSignaled } }, ofLive),
    ...onFence(
      "enableSignaling",
      {
        "": { when: staysOpen, does: enable },
        finds: { when: endsAtOnce, does: enableAndSignal },
        late: { when: isSignaled },
      },
      ofLive,
    ),
    ...callbacks,
    ...wait("wait", false),
    ...wait("waitInterruptible", true),
    ...waitNow("poll", 0, {
      "": { when: staysOpen, does: enable },
      finds: { when: endsAtOnce, does: enableAndSignal },
      signaled: { when: isSignaled },
    }),
    ...waitNow("waitNegative", -1, { "": { errno: EINVAL, when: isLive } }),
    ...call({
      name: "interrupt",
      takes: ["waiter"],
      steps: (names, w) => [{ task: "main", op: "interrupt", target: names.of("waiter", w) }],
      outcomes: { "": { errno: ERESTARTSYS, when: (s, w) => s[slots.interruptible + w] === 1, does: stopWaiting } },
      // It would be remembered for the task's next wait.
      bounded: (s, w) => s[slots.interruptible + w] === 0,
    }),
  ];

  const project = (state: State, names: Names, s: Scratch): void => {
    for (let f = 0; f < counts.fence; f += 1) {
      const row = state.fences.get(names.find("fence", f) ?? "");
      if (row === undefined) continue;
      s[slots.life + f] = row.released ? released : live;
      if (row.released) continue;
      s[slots.refs + f] = row.programRefs;
      s[slots.signaled + f] = row.signaled ? 1 : 0;
      s[slots.failed + f] = row.error === 0 ? 0 : 1;
      s[slots.enabled + f] = row.enabled ? 1 : 0;
    }
    const liveFence = (name: string) => {
      for (let f = 0; f < counts.fence; f += 1)
        if (names.find("fence", f) === name && state.fences.get(name)?.released === false) return f + 1;
      return 0;
    };
    for (let k = 0; k < counts.callback; k += 1) {
      const row = state.callbacks.get(names.find("callback", k) ?? "");
      if (row === undefined) continue;
      s[slots.on + k] = liveFence(row.fence);
      s[slots.pending + k] = row.state === "pending" ? 1 : 0;
    }
    for (let w = 0; w < counts.waiter; w += 1) {
      const task = state.tasks.get(names.of("waiter", w));
      if (task?.waiting?.kind !== "fence") continue;
      s[slots.waitsFor + w] = liveFence(task.waiting.fence);
      s[slots.interruptible + w] = frameOf(task, "waitFence")?.interruptible === true ? 1 : 0;
    }
  };

  return {
    name: "fences",
    about: "Fences from init to release: enable, signal, errors, callbacks, waits, references.",
    areas: ["FENCE"],
    profile: "K7.1",
    setup: scopeSetup(),
    prelude: [],
    ids,
    fields,
    operations,
    bounds: `${mostReferences} references to a fence; a released fence is made anew; one error number; no interruption ahead of its wait`,
    objects: { waiter: Array.from({ length: counts.waiter }, (_, w) => `w${w + 1}`) },
    initial: () => undefined,
    project,
  };
}
