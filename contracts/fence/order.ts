import { EINVAL, errnoName } from "../../spec/errno.ts";
import type { RetEvent } from "../../spec/event.ts";
import { isLaterSeqno } from "../../spec/state/observe/entries.ts";
import type { FenceState, State } from "../../spec/state/state.ts";
import { on, remember } from "../monitor.ts";
import type { Rule } from "../rule.ts";
import { checked } from "../rule-text.ts";
import { kernel, doc, run } from "../source.ts";
import { openCall, signalCall } from "./frames.ts";
import { partsPending, pendingParts } from "./parts.ts";

/** FENCE-27: the node of a chain that covers a point, as it was before any walk unlinked nodes. */
function coveringNode(state: State, head: string, context: number, point: number): string {
  let name = head;
  for (;;) {
    const fence = state.fences.get(name);
    const previous = fence?.previous == null ? undefined : state.fences.get(fence.previous);
    const shared = fence?.kind === "chain" && fence.context === context && previous?.context === context;
    if (!shared || previous.kind !== "chain" || previous.seqno < point) return name;
    name = fence.previous!;
  }
}

/** FENCE-27: what is wrong with the answer of a look-up, null if nothing is. */
function wrongFind(event: RetEvent<"findSeqno">, fence: FenceState, state: State): string | null {
  const { found, errno, seqno } = event;
  if (seqno === 0) return errno === 0 && found === event.fence ? null : "point 0 changes nothing";
  if (fence.kind !== "chain" || fence.seqno < seqno)
    return errno === EINVAL ? null : fence.kind === "chain" ? `the chain ends at ${fence.seqno}` : "it is no chain";
  if (errno !== 0) return `the chain reaches to ${fence.seqno}`;
  const covered = found === null ? new Set<string>() : pendingParts(state, found);
  const missed = [...pendingParts(state, coveringNode(state, event.fence, fence.context, seqno))].find(
    (name) => !covered.has(name),
  );
  return missed === undefined ? null : `${missed}, which belongs to that point, is pending`;
}

/** FENCE-45: what is wrong with the timeline and number of a new node, null if nothing is. */
function wrongPlace(event: RetEvent<"createChain">, previous: FenceState | undefined, state: State): string | null {
  const { context, number, seqno } = event;
  const chain = previous?.kind === "chain" ? previous : undefined;
  if (chain !== undefined && seqno > chain.seqno)
    return context === chain.context && number === seqno ? null : "it does not go on with its predecessor's timeline";
  const expected = Math.max(seqno, chain?.seqno ?? 0);
  if (number !== expected) return `it gets number ${number}, expected ${expected}`;
  for (const fence of state.fences.values()) if (fence.context === context) return "it starts no timeline of its own";
  return null;
}

export const fence19: Rule = {
  id: "FENCE-19",
  level: "MUST",
  obliged: ["fenceOwner"],
  statement:
    "Within one context a signaled fence implies that the work of every fence with a smaller number is complete too (the shared stub context 0 is exempt).",
  intent:
    "Reservation objects and merges keep only the newest fence of a context, and so forget earlier work that is still running.",
  sources: [
    doc("drivers/dma-buf/dma-fence.c", "dma_fence_init"),
    run(["6.12.117", "7.2.13"], "the framework does not check; an earlier unsignaled fence is hidden by RESV-21"),
  ],
  hints: [
    "Can two rings or engines share a context?",
    "Does a skipped or cancelled job signal ahead of an earlier one still on the hardware?",
  ],
  status: checked,
  situation: { weights: { import: 3, submit: 8, complete: 4 }, importers: ["subject"] },
  monitor: on({
    signal: (event, state, verdict) => {
      const fence = state.fences.get(event.fence);
      const call = signalCall(state, event);
      if (fence?.kind !== "plain" || fence.context === 0 || call === undefined) return;
      for (const [name, other] of state.fences) {
        // A number that was given out later and is smaller is a fault of numbering, not of signaling.
        if (name === event.fence) return;
        if (other.kind !== "plain" || other.context !== fence.context || other.seqno >= fence.seqno) continue;
        verdict.exercised();
        if (other.signaled || other.released || !isLaterSeqno(fence.seqno, other.seqno, fence.seqno64)) continue;
        verdict.violated(
          `${call.by} signals ${event.fence}, number ${fence.seqno} of its timeline, while ${name}, number ${other.seqno}, is pending`,
          verdict.since("fences", name, "seqno"),
        );
      }
    },
  }),
};

export const fence20: Rule = {
  id: "FENCE-20",
  level: "MUST",
  obliged: ["caller"],
  statement: "No decision rests on comparing sequence numbers of fences from different contexts.",
  intent: "Numbers of different timelines are unrelated, so the comparison drops a fence that is still needed.",
  sources: [kernel("include/linux/dma-fence.h", "dma_fence_is_later", "6.12, 7.2")],
  hints: [
    "Are the contexts compared before the numbers?",
    "Does a per-buffer 'last fence' mix fences of several queues?",
  ],
  status: checked,
  monitor: on({
    "call isLater": (event, state, verdict) => {
      const [first, second] = [state.fences.get(event.first), state.fences.get(event.second)];
      if (first === undefined || second === undefined) return;
      verdict.exercised();
      if (first.context !== second.context)
        verdict.violated(
          `${event.by} compares ${event.first} of timeline ${first.context} with ${event.second} of timeline ${second.context}`,
        );
    },
  }),
};

export const fence21: Rule = {
  id: "FENCE-21",
  level: "MUST",
  obliged: ["framework"],
  provokedBy: ["fenceOwner"],
  statement:
    "32-bit numbers compare by the low words with wrap-around (exactly half the range apart counts as not later both ways), 64-bit numbers compare as plain integers.",
  intent: "A compare that is wrong at the wrap makes a busy buffer look idle after 2^32 jobs.",
  sources: [
    kernel("include/linux/dma-fence.h", "__dma_fence_is_later", "6.12, 7.2"),
    run(["6.12.117", "7.2.13"], "1 against 2^32-1, 2^31 against 0, 2^32+1 against 1, in both modes"),
  ],
  hints: [
    "Is the difference taken as a signed 32-bit value?",
    "Do all fences of a context declare the same numbering mode?",
  ],
  status: checked,
  situation: { weights: { isLater: 10, fenceInit: 3 } },
  monitor: on({
    "ret isLater": (event, state, verdict) => {
      const [first, second] = [state.fences.get(event.first), state.fences.get(event.second)];
      if (first === undefined || second === undefined || first.context !== second.context) return;
      verdict.exercised();
      if (event.answer !== isLaterSeqno(first.seqno, second.seqno, first.seqno64))
        verdict.violated(
          `${first.seqno} is ${event.answer ? "" : "not "}found later than ${second.seqno} as ${first.seqno64 ? "64" : "32"}-bit numbers`,
          verdict.since("fences", event.first, "seqno"),
          verdict.since("fences", event.second, "seqno"),
        );
    },
  }),
};

export const fence26: Rule = {
  id: "FENCE-26",
  level: "MUST",
  obliged: ["framework"],
  provokedBy: ["caller"],
  statement:
    "A chain node holds a fence that is no chain itself (an array is fine) and is not signaled before that fence and every one still linked ahead of it are; a walk may unlink nodes whose own fence is signaled.",
  intent:
    "A timeline point promises that everything up to it is done, and finished nodes must go or the chain grows without limit.",
  sources: [
    kernel("drivers/dma-buf/dma-fence-chain.c", "dma_fence_chain_init", "6.12, 7.2"),
    kernel("drivers/dma-buf/dma-fence-chain.c", "dma_fence_chain_signaled", "6.12, 7.2"),
    kernel("drivers/dma-buf/dma-fence-chain.c", "dma_fence_chain_walk", "6.12, 7.2"),
  ],
  hints: [
    "Does the signaled test stop at the node's own fence?",
    "Does unlinking a node skip an earlier one that is unsignaled?",
  ],
  status: checked,
  situation: { weights: { createChain: 10, fenceGet: 6, signal: 4, isSignaled: 6 } },
  monitor: on({
    "call createChain": (event, state, verdict) => {
      if (verdict.misuse) return;
      verdict.exercised();
      if (state.fences.get(event.contained)?.kind === "chain")
        verdict.violated(`${event.by} puts ${event.contained}, a chain node itself, into the new node ${event.fence}`);
    },
    signal: (event, state, verdict) => {
      const fence = state.fences.get(event.fence);
      if (fence?.kind !== "chain" || signalCall(state, event) !== undefined) return;
      verdict.exercised();
      const [pending] = partsPending(state, fence);
      if (pending !== undefined)
        verdict.violated(
          `the chain node ${event.fence} signals while ${pending} is pending`,
          verdict.since("fences", event.fence, "members"),
          verdict.since("fences", pending, "context"),
        );
    },
  }),
};

export const fence27: Rule = {
  id: "FENCE-27",
  level: "MUST",
  obliged: ["framework"],
  statement:
    "Looking up point 0 succeeds and changes nothing; a point past the end or a non-chain fence gives -EINVAL and keeps the caller's pointer; otherwise the result signals after everything pending up to that point, or is null when nothing is.",
  intent: "User space waits for points, and a result that is too early lets it read an unfinished frame.",
  sources: [
    kernel("drivers/dma-buf/dma-fence-chain.c", "dma_fence_chain_find_seqno", "6.12, 7.2"),
    kernel("drivers/gpu/drm/drm_syncobj.c", "drm_syncobj_find_fence", "6.12, 7.2"),
    run(
      ["6.12.117", "7.2.13"],
      "points around 1, 5, 9 before and after signals; a collected node gives a smaller number",
    ),
  ],
  hints: [
    "Is a null result treated as already signaled and not as an error?",
    "Is the returned node's number assumed to be at least the point?",
  ],
  status: checked,
  situation: { weights: { createChain: 10, fenceGet: 6, signal: 3, findSeqno: 10 } },
  monitor: on({
    "ret findSeqno": (event, state, verdict) => {
      const fence = state.fences.get(event.fence);
      if (fence === undefined) return;
      verdict.exercised();
      const wrong = wrongFind(event, fence, state);
      if (wrong !== null)
        verdict.violated(
          `looking up point ${event.seqno} from ${event.fence} gives ${event.errno === 0 ? (event.found ?? "nothing to wait for") : errnoName(event.errno)}: ${wrong}`,
          verdict.since("fences", event.fence, "members"),
        );
    },
  }),
};

export const fence45: Rule = {
  id: "FENCE-45",
  level: "MUST",
  obliged: ["framework"],
  statement:
    "Appending a chain node never fails: a number not above the predecessor chain node's starts a new context with the larger of both, after a plain fence the given number stays in a new context, and the node still waits for its predecessor.",
  intent:
    "User space chooses timeline points freely, and a non-increasing one must neither break ordering nor be refused.",
  sources: [
    kernel("drivers/dma-buf/dma-fence-chain.c", "dma_fence_chain_init", "6.12, 7.2"),
    run(["6.12.117", "7.2.13"], "5, 3, 5, 6 and a plain predecessor numbered 100"),
  ],
  hints: [
    "Is the dependency on the predecessor kept when the context changes?",
    "Is the maximum also taken, wrongly, when the predecessor is a plain fence?",
  ],
  status: checked,
  monitor: remember(() => new Set<number>(), {
    alloc: (event, state, _verdict, refused) => {
      const call = openCall(state, event.task);
      if (event.errno !== 0 && call?.op === "createChain") refused.add(call.seq);
    },
    "ret createChain": (event, state, verdict, refused) => {
      const previous = event.previous === null ? undefined : state.fences.get(event.previous);
      verdict.exercised();
      const wrong = event.created ? wrongPlace(event, previous, state) : refused.has(event.call) ? null : "refused";
      if (wrong !== null)
        verdict.violated(
          `the node ${event.fence} with number ${event.seqno} behind ${previous === undefined ? "nothing" : `number ${previous.seqno}`}: ${wrong}`,
          event.previous === null ? undefined : verdict.since("fences", event.previous, "seqno"),
        );
    },
  }),
};

export const rules: readonly Rule[] = [fence19, fence20, fence21, fence26, fence27, fence45];
