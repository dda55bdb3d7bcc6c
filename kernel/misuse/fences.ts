import type { DrawContext } from "../../generators/draw/context.ts";
import { fencesOf, freeLocks, heldBy, isFree, isSignalling, ownContext, withOne, type Misuse } from "./misuse.ts";

const fences = { fenceInit: 10, fencePut: 0.3 } as const;
const signaling = { ...fences, signal: 12 } as const;
const sections = { beginSignalling: 30, endSignalling: 0.2, fenceInit: 10, signal: 0.2 } as const;

function pending(context: DrawContext) {
  return fencesOf(context).filter(([, { signaled }]) => !signaled);
}

function signaled(context: DrawContext) {
  return fencesOf(context).filter(([, row]) => row.signaled);
}

/** Fences of which the program has a reference to give away. */
function spare(context: DrawContext) {
  return fencesOf(context).filter(([, { programRefs }]) => programRefs > 1);
}

/** Whether the task is in a section and holds nothing that would explain a report. */
function isOnlySignalling(context: DrawContext): boolean {
  return isSignalling(context) && heldBy(context).length === 0 && ownContext(context) === undefined;
}

/** Fences, callbacks, containers, and the sections in which they are signaled. */
export const fenceMisuses: readonly Misuse[] = [
  {
    id: "signal-twice",
    statement: "A fence is signaled that has signaled.",
    rules: ["FENCE-02"],
    weights: signaling,
    draw: (context) => withOne(context, signaled(context), ([fence]) => ({ op: "signal", fence })),
  },
  {
    id: "signal-out-of-order",
    statement: "A fence signals while an earlier one of its timeline has not.",
    rules: ["FENCE-19"],
    weights: fences,
    draw: (context) => {
      const all = pending(context);
      const late = all.filter(([, fence]) =>
        all.some(([, { context: line, seqno }]) => line === fence.context && seqno < fence.seqno),
      );
      return withOne(context, late, ([fence]) => ({ op: "signal", fence }));
    },
  },
  {
    id: "error-after-signal",
    statement: "An error is set on a fence that has signaled.",
    rules: ["FENCE-10"],
    weights: signaling,
    draw: (context) => withOne(context, signaled(context), ([fence]) => ({ op: "setError", fence, error: -5 })),
  },
  {
    id: "error-not-negative",
    statement: "An error is set that is none.",
    rules: ["FENCE-10"],
    weights: fences,
    draw: (context) =>
      withOne(context, pending(context), ([fence]) => ({
        op: "setError",
        fence,
        error: context.random.pick([0, 1, 5, -4096]),
      })),
  },
  {
    id: "timestamp-of-pending",
    statement: "The time of a signal is asked that has not come.",
    rules: ["FENCE-30"],
    weights: fences,
    draw: (context) => withOne(context, pending(context), ([fence]) => ({ op: "timestamp", fence })),
  },
  {
    id: "compare-timelines",
    statement: "Fences of two timelines are compared.",
    rules: ["FENCE-20"],
    weights: fences,
    draw: (context) => {
      const all = fencesOf(context);
      return withOne(context, all, ([first, { context: line }]) =>
        withOne(
          context,
          all.filter(([, other]) => other.context !== line),
          ([second]) => ({ op: "isLater", first, second }),
        ),
      );
    },
  },
  {
    id: "callback-to-nothing",
    statement: "A callback is added to no fence.",
    rules: ["FENCE-12"],
    weights: {},
    draw: (context) => ({ op: "addCallback", fence: null, callback: context.name("callback") }),
  },
  {
    id: "callback-twice",
    statement: "A callback is added that is queued already.",
    rules: ["FENCE-14"],
    weights: { ...fences, addCallback: 20, removeCallback: 0.1, signal: 0.1 },
    draw: (context) => {
      // Whose owner is asked, or fails to enable, may have signaled by now.
      const alive = new Set(pending(context).flatMap(([name, { hooks }]) => (hooks.length === 0 ? [name] : [])));
      const all = [...context.state.callbacks];
      const queued = all.filter(([name, { state, by, fence }]) => {
        // Only a neighbour of the place where it is added is looked at.
        const alone = all.every(([other, row]) => other === name || row.fence !== fence);
        return alone && state === "pending" && by === "program" && alive.has(fence);
      });
      return withOne(context, queued, ([callback, { fence }]) => ({ op: "addCallback", fence, callback }));
    },
  },
  {
    id: "put-with-callback",
    statement: "The last reference of a fence is put that has a callback queued and has not signaled.",
    rules: ["FENCE-23"],
    weights: { fenceInit: 10, addCallback: 20, removeCallback: 0.1, signal: 0.1, fencePut: 0.1, fenceGet: 0.1 },
    draw: (context) => {
      const queued = [...context.state.callbacks].filter(
        ([, { state, by }]) => state === "pending" && by === "program",
      );
      const last = pending(context).filter(
        ([name, { refs, programRefs }]) =>
          refs === 1 && programRefs === 1 && queued.some(([, { fence }]) => fence === name),
      );
      return context.inFlight.length === 0 ? withOne(context, last, ([fence]) => ({ op: "fencePut", fence })) : null;
    },
  },
  {
    id: "array-in-array",
    statement: "An array is made of an array or a chain.",
    rules: ["FENCE-25"],
    weights: { fenceInit: 10, fenceGet: 30, createArray: 30, fencePut: 0.1 },
    draw: (context) => {
      const arrays = [...context.state.fences].filter(
        ([, { by, kind, released, programRefs }]) =>
          by === "program" && kind === "array" && !released && programRefs > 1,
      );
      if (!isFree(context)) return null;
      return withOne(context, arrays, ([member]) => ({
        op: "createArray",
        fence: context.name("fence"),
        members: [member],
        timeline: 60,
        seqno: 1,
        signalOnAny: false,
      }));
    },
  },
  {
    id: "chain-in-chain",
    statement: "A chain node is made to hold a chain.",
    rules: ["FENCE-26"],
    weights: { fenceInit: 10, fenceGet: 30, createChain: 30, fencePut: 0.1 },
    draw: (context) => {
      const chains = [...context.state.fences].filter(
        ([, { by, kind, released, programRefs }]) =>
          by === "program" && kind === "chain" && !released && programRefs > 1,
      );
      if (!isFree(context)) return null;
      return withOne(context, chains, ([contained]) => ({
        op: "createChain",
        fence: context.name("fence"),
        previous: null,
        contained,
        seqno: 1,
      }));
    },
  },
  {
    id: "wait-negative",
    statement: "A wait has a negative time limit.",
    rules: ["FENCE-22"],
    weights: fences,
    draw: (context) =>
      isFree(context)
        ? withOne(context, pending(context), ([fence]) => ({
            op: "waitFence",
            fence,
            interruptible: true,
            timeout: -1,
          }))
        : null,
  },
  {
    id: "wait-for-none",
    statement: "A wait for any of several names none.",
    rules: ["FENCE-47"],
    weights: {},
    draw: (context) =>
      isFree(context) ? { op: "waitAny", fences: [], interruptible: true, timeout: 1_000_000 } : null,
  },
  {
    id: "end-section-not-begun",
    statement: "A signalling section ends that has not begun.",
    rules: ["FENCE-09"],
    weights: { beginSignalling: 20, endSignalling: 20 },
    draw: (context) =>
      isFree(context) && context.openSection !== null ? { op: "endSignalling", section: context.openSection } : null,
  },
  {
    id: "wait-in-section",
    statement: "A task waits for a fence in a signalling section.",
    rules: ["FENCE-06", "FENCE-33"],
    weights: sections,
    draw: (context) =>
      isOnlySignalling(context)
        ? withOne(context, pending(context), ([fence]) => ({
            op: "waitFence",
            fence,
            interruptible: true,
            timeout: 1_000_000,
          }))
        : null,
  },
  {
    id: "lock-in-section",
    statement: "A task takes a reservation lock in a signalling section.",
    rules: ["FENCE-06"],
    weights: sections,
    draw: (context) =>
      isOnlySignalling(context)
        ? withOne(context, freeLocks(context), (resv) => ({ op: "lock", resv, acquire: null }))
        : null,
  },
  {
    id: "trylock-in-section",
    statement: "A task tries for a reservation lock in a signalling section.",
    rules: ["FENCE-06"],
    weights: sections,
    draw: (context) =>
      isOnlySignalling(context) ? withOne(context, freeLocks(context), (resv) => ({ op: "trylock", resv })) : null,
  },
  {
    id: "allocate-in-section",
    statement: "A task makes an array, which allocates in a way that may wait, in a signalling section.",
    rules: ["FENCE-07"],
    weights: { ...sections, fenceGet: 20 },
    draw: (context) =>
      isOnlySignalling(context)
        ? withOne(context, spare(context), ([member]) => ({
            op: "createArray",
            fence: context.name("fence"),
            members: [member],
            timeline: 60,
            seqno: 1,
            signalOnAny: false,
          }))
        : null,
  },
];
