import { since } from "../../spec/profile.ts";
import type { fenceOperations } from "../../spec/operations/fence.ts";
import { pickFence, pickRow, type DrawContext, type Draws } from "./context.ts";

const farSeqnos = [2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 32 + 1];

function withFence(context: DrawContext): { readonly fence: string } | null {
  const fence = pickFence(context);
  return fence === null ? null : { fence };
}

function unsignaled(context: DrawContext): { readonly fence: string } | null {
  const fence = pickFence(context, (row) => row.kind === "plain" && row.signaled === context.refused);
  return fence === null ? null : { fence };
}

/** A number on a timeline: mostly the next one, at times earlier, equal, or far away. */
function drawSeqno({ state, random }: DrawContext): number {
  if (random.chance(0.03)) return random.pick(farSeqnos);
  let highest = 0;
  for (const { seqno } of state.fences.values()) if (seqno < 2 ** 30 && seqno > highest) highest = seqno;
  return random.chance(0.8) ? highest + 1 : random.between(1, highest + 1);
}

function several(context: DrawContext, count: number, passes: Parameters<typeof pickFence>[1]): readonly string[] {
  const found = new Set<string>();
  for (let index = 0; index < count; index += 1) {
    const fence = pickFence(context, passes);
    if (fence !== null) found.add(fence);
  }
  return [...found];
}

const timeouts = [0, 0, 50, 1_000_000];

/** Draws for fences, callbacks, waits, containers. */
export const fenceDraws: Draws<keyof typeof fenceOperations> = {
  fenceInit: (context) => {
    const { random } = context;
    const all = ["enableSignaling", "enableFails", "signaled", "wait", "release", "setDeadline"] as const;
    const hooks = random.chance(0.5) ? [] : all.filter(() => random.chance(0.3));
    return {
      fence: context.name("fence"),
      timeline: random.between(1, 3),
      seqno: drawSeqno(context),
      seqno64: random.chance(0.15),
      hooks: hooks.includes("enableFails") ? hooks.filter((hook) => hook !== "enableSignaling") : hooks,
    };
  },
  fenceGet: withFence,
  fenceGetLive: (context) => {
    const fence = pickRow(context.random, context.state.fences, (row) => row.by === "program");
    return fence === null ? null : { fence };
  },
  fencePut: (context) => {
    // Misuse drops the last reference of a fence that somebody counts on.
    const fence = pickFence(context, (row) => !context.misuse || (!row.signaled && row.refs === 1));
    return fence === null ? null : { fence };
  },
  finishWork: unsignaled,
  signal: unsignaled,
  signalTimestamp: (context) => {
    const fence = unsignaled(context);
    return fence === null ? null : { fence: fence.fence, timestamp: context.random.pick([-5, 0, 12345]) };
  },
  checkAndSignal: (context) => (since(context.profile.series, "K7.0") ? unsignaled(context) : null),
  setError: (context) => {
    const fence = pickFence(context, (row) => row.kind === "plain" && row.signaled === context.misuse);
    return fence === null ? null : { fence, error: context.random.pick([-5, -62, -125]) };
  },
  getStatus: withFence,
  isSignaled: withFence,
  timestamp: (context) => {
    const fence = pickFence(context, (row) => row.signaled !== context.misuse);
    return fence === null ? null : { fence };
  },
  isLater: (context) => {
    const first = pickFence(context);
    if (first === null) return null;
    const row = context.state.fences.get(first)!;
    const second = pickFence(context, (other) => (other.context === row.context) !== context.misuse);
    return second === null ? null : { first, second };
  },
  addCallback: (context) => {
    if (context.refused && context.random.chance(0.3)) return { fence: null, callback: context.name("callback") };
    const fence = pickFence(context, (row) => row.signaled === context.refused);
    if (fence === null) return null;
    const used = pickRow(
      context.random,
      context.state.callbacks,
      (row) => row.by === "program" && (row.state === "ran" || row.state === "removed"),
    );
    return { fence, callback: used !== null && context.random.chance(0.3) ? used : context.name("callback") };
  },
  removeCallback: (context) => {
    const callback = pickRow(context.random, context.state.callbacks, (row) => row.by === "program");
    return callback === null ? null : { fence: context.state.callbacks.get(callback)!.fence, callback };
  },
  enableSignaling: withFence,
  setFenceDeadline: (context) => {
    const fence = withFence(context);
    return fence === null ? null : { fence: fence.fence, deadline: context.random.pick([-5, 500, 1000, 2000]) };
  },
  waitFence: (context) => {
    const fence = withFence(context);
    if (fence === null) return null;
    const { random } = context;
    return {
      fence: fence.fence,
      interruptible: random.chance(0.5),
      timeout: context.refused ? -1 : random.pick(timeouts),
    };
  },
  waitAny: (context) => {
    const { random } = context;
    if (context.refused && random.chance(0.5)) return { fences: [], interruptible: false, timeout: 0 };
    const fences = several(context, random.between(1, 3), undefined);
    if (fences.length === 0) return null;
    return { fences, interruptible: random.chance(0.5), timeout: context.refused ? -1 : random.pick(timeouts) };
  },
  beginSignalling: (context) => ({ section: context.name("signalling") }),
  endSignalling: ({ openSection }) => (openSection === null ? null : { section: openSection }),
  createArray: (context) => {
    const { random } = context;
    const members = several(
      context,
      random.between(1, 3),
      (row) => (row.kind === "plain" || context.misuse) && row.programRefs > 1,
    );
    if (members.length === 0) return null;
    return {
      fence: context.name("fence"),
      members,
      timeline: random.between(4, 5),
      seqno: random.between(1, 50),
      signalOnAny: context.profile.arraySignalOnAny && random.chance(0.3),
    };
  },
  createChain: (context) => {
    const { random } = context;
    const contained = pickFence(context, (row) => row.kind !== "chain" && row.programRefs > 1);
    if (contained === null) return null;
    const previous = random.chance(0.7)
      ? pickFence(context, (row) => row.kind === "chain" && row.programRefs > 1)
      : null;
    return { fence: context.name("fence"), previous, contained, seqno: random.between(1, 20) };
  },
  findSeqno: (context) => {
    const fence = pickFence(context, (row) => (row.kind === "chain") !== context.refused);
    return fence === null ? null : { fence, seqno: context.random.between(0, 22) };
  },
  merge: (context) => {
    const fences = several(context, context.random.between(1, 3), undefined);
    return fences.length === 0 ? null : { fence: context.name("fence"), fences };
  },
};
