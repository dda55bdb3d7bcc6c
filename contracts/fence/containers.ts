import { ENOMEM } from "../../spec/errno.ts";
import type { HistoryEvent, RetEvent } from "../../spec/event.ts";
import { on, remember } from "../monitor.ts";
import type { Rule } from "../rule.ts";
import { isOver } from "../shared/fences.ts";
import { checked } from "../rule-text.ts";
import { kernel, doc, run } from "../source.ts";
import { ArrayErrors } from "./array-errors.ts";
import { holderOf, isContainer, isKept } from "./container-state.ts";
import { openCall, signalCall } from "./frames.ts";
import { isFlat, MergeMemory, wrongMerge } from "./merging.ts";
import { failedParts, partsPending } from "./parts.ts";

export const fence25: Rule = {
  id: "FENCE-25",
  level: "MUST",
  obliged: ["framework", "caller"],
  statement:
    "An array built from non-container fences signals when all its members have (where a series offers the 'any' mode and it is chosen, when the first one has); allocation failure gives null.",
  intent:
    "A job that depends on several buffers waits for one fence, and a nested container would recurse in interrupt context.",
  sources: [
    kernel("drivers/dma-buf/dma-fence-array.c", "dma_fence_array_init", "6.12, 7.2"),
    run(["6.12.117", "7.2.13"], "all mode on both; any mode only on 6.12; containers as members warn"),
  ],
  hints: [
    "Are containers unwrapped before they become members?",
    "Is the pending count set from the member count before any member callback can run?",
  ],
  status: checked,
  monitor: remember(() => new Set<number>(), {
    "call createArray": (event, state, verdict) => {
      if (verdict.misuse) return;
      verdict.exercised();
      const container = event.members.find((name) => (state.fences.get(name)?.kind ?? "plain") !== "plain");
      if (container !== undefined)
        verdict.violated(
          `${event.by} makes ${container}, a container itself, a member of ${event.fence}`,
          verdict.since("fences", container, "kind"),
        );
    },
    alloc: (event, state, _verdict, refused) => {
      const call = openCall(state, event.task);
      if (event.errno !== 0 && call?.op === "createArray") refused.add(call.seq);
    },
    "ret createArray": (event, _state, verdict, refused) => {
      if (event.created || refused.has(event.call)) return;
      verdict.exercised();
      verdict.violated(`no array of ${event.members.length} members is made although memory was there`);
    },
    signal: (event, state, verdict) => {
      const fence = state.fences.get(event.fence);
      if (fence?.kind !== "array" || signalCall(state, event) !== undefined) return;
      verdict.exercised();
      const [pending] = partsPending(state, fence);
      if (pending !== undefined)
        verdict.violated(
          `the array ${event.fence} signals while its member ${pending} is pending`,
          verdict.since("fences", event.fence, "members"),
          verdict.since("fences", pending, "context"),
        );
    },
  }),
};

export const fence28: Rule = {
  id: "FENCE-28",
  level: "MUST",
  obliged: ["framework"],
  statement:
    "Merging flattens containers, leaves out signaled members, keeps the newest pending fence of each context, and returns a signaled stub with the newest timestamp for none left, that fence itself for one, and an array for more (null without memory).",
  intent: "Merges are merged again for every frame, so anything not dropped piles up without end.",
  sources: [
    kernel("drivers/dma-buf/dma-fence-unwrap.c", "__dma_fence_unwrap_merge", "6.12, 7.2"),
    run(["6.12.117", "7.2.13"], "none, one, duplicates, two of one context, array with chain"),
  ],
  hints: [
    "Are entries sorted by context before duplicates are dropped?",
    "Is the timestamp for the empty case the maximum over the members?",
  ],
  status: checked,
  monitor: remember(() => new MergeMemory(), {
    "call merge": (event, state, _verdict, memory) => memory.begin(event, state),
    alloc: (event, state, _verdict, { refused }) => {
      const call = openCall(state, event.task);
      if (event.errno !== 0 && call?.op === "merge") refused.add(call.seq);
    },
    signal: (event, state, _verdict, { stubs }) => {
      if (openCall(state, event.task)?.op === "merge") stubs.set(event.fence, event);
    },
    "ret merge": (event, state, verdict, memory) => {
      if (!isFlat(state, event.fences)) return;
      verdict.exercised();
      const wrong = wrongMerge(event, state, memory);
      if (wrong !== null)
        verdict.violated(
          `merging ${event.fences.join(", ")} gives ${event.merged ?? "nothing"}: ${wrong}`,
          ...event.fences.map((name) => verdict.since("fences", name, "signaled")),
        );
    },
  }),
};

export const fence42: Rule = {
  id: "FENCE-42",
  level: "MUST",
  obliged: ["framework"],
  statement:
    "An array enabled before it signals ends with the first error seen (members already signaled when it is enabled by index, the others by time of signal); one that was only queried ends with status 1, and its error field means nothing before the signal.",
  intent: "Consumers cancel dependent work on that error, so which one they get must not depend on chance.",
  sources: [
    kernel("drivers/dma-buf/dma-fence-array.c", "dma_fence_array_enable_signaling", "6.12, 7.2"),
    kernel("drivers/dma-buf/dma-fence-array.c", "dma_fence_array_set_pending_error", "6.12, 7.2"),
    kernel("drivers/dma-buf/dma-fence-array.c", "dma_fence_array_signaled", "6.12, 7.2"),
    run(["6.12.117", "7.2.13"], "member 1 fails -7, then member 0 -5: -7, 1 or -5 by who looked first"),
  ],
  hints: [
    "Is the first error kept by compare-and-exchange, so that later ones lose?",
    "Is the placeholder error cleared when all members succeeded?",
  ],
  status: checked,
  situation: { weights: { createArray: 8, fenceGet: 4, setError: 12, enableSignaling: 6, addCallback: 4, signal: 4 } },
  monitor: remember(() => new ArrayErrors(), {
    call: (event, state, _verdict, arrays) => arrays.enabling(event, state),
    signal: (event, state, verdict, arrays) => {
      const fence = state.fences.get(event.fence);
      if (fence?.kind !== "array") {
        arrays.memberSignals(event, state);
        return;
      }
      const expected = arrays.expected(event.fence, fence, state);
      if (expected === null || signalCall(state, event) !== undefined) return;
      verdict.exercised();
      if (event.error !== expected)
        verdict.violated(
          `the array ${event.fence} ends with the error ${event.error}, expected ${expected}`,
          ...fence.members.map((name) => verdict.since("fences", name, "signaled")),
        );
    },
    "ret getStatus": (event, state, verdict) => {
      const fence = state.fences.get(event.fence);
      if (fence?.kind !== "array" || !fence.signaled) return;
      verdict.exercised();
      if (event.status !== (fence.error || 1))
        verdict.violated(
          `the status of the array ${event.fence} is ${event.status}; it signaled with the error ${fence.error}`,
          verdict.since("fences", event.fence, "signaled"),
        );
    },
  }),
};

export const fence43: Rule = {
  id: "FENCE-43",
  level: "MUST",
  obliged: ["framework", "caller"],
  statement:
    "A signaled chain node has status 1 even if fences in it failed, and whoever needs the error asks the contained fence.",
  intent: "A consumer that trusts the node's status takes a failed frame for a good one.",
  sources: [
    kernel("drivers/dma-buf/dma-fence-chain.c", "dma_fence_chain_irq_work", "6.12, 7.2"),
    kernel("drivers/dma-buf/dma-fence-chain.c", "dma_fence_chain_enable_signaling", "6.12, 7.2"),
    run(["6.12.117", "7.2.13"], "failed members, by query and by callback: 1"),
  ],
  hints: ["Does the consumer unwrap the chain before it reads errors?"],
  status: checked,
  situation: { weights: { createChain: 8, fenceGet: 4, setError: 12, enableSignaling: 6, addCallback: 4, signal: 4 } },
  monitor: on({
    signal: (event, state, verdict) => {
      if (state.fences.get(event.fence)?.kind !== "chain") return;
      const [failed] = failedParts(state, event.fence);
      if (failed === undefined) return;
      verdict.exercised();
      if (event.error !== 0)
        verdict.violated(
          `the chain node ${event.fence} signals with the error ${event.error}, as ${failed} did`,
          verdict.since("fences", failed, "error"),
        );
    },
    "ret getStatus": (event, state, verdict) => {
      const fence = state.fences.get(event.fence);
      // An error of its own comes from its signal, which is judged above, or from somebody's misuse of it since.
      if (fence?.kind !== "chain" || !fence.signaled || fence.error !== 0) return;
      verdict.exercised();
      if (event.status !== 1)
        verdict.violated(
          `the status of the signaled chain node ${event.fence} is ${event.status}`,
          verdict.since("fences", event.fence, "signaled"),
        );
    },
  }),
};

export const fence44: Rule = {
  id: "FENCE-44",
  level: "MUST",
  obliged: ["framework"],
  statement:
    "The last needed member's signal alone gets all waiters and callbacks of an array or chain served, never before it, possibly some time after it.",
  intent:
    "The signal travels through deferred work; if that work is lost the waiter sleeps for ever, and if it runs early data is unfinished.",
  sources: [
    kernel("drivers/dma-buf/dma-fence-array.c", "irq_dma_fence_array_work", "6.12, 7.2"),
    kernel("drivers/dma-buf/dma-fence-chain.c", "dma_fence_chain_irq_work", "6.12, 7.2"),
  ],
  hints: [
    "Does the deferred work hold a reference to the container until it ran?",
    "Does a chain re-arm on the next unsignaled member after each signal?",
  ],
  status: checked,
  situation: { weights: { createArray: 8, createChain: 8, fenceGet: 4, addCallback: 6, signal: 3 } },
  monitor: remember(() => new Map<string, HistoryEvent>(), {
    "ret addCallback": (event, state, _verdict, served) => {
      if (event.fence !== null && event.errno === 0 && isContainer(state, event.fence)) served.set(event.fence, event);
    },
    "call enableSignaling": (event, state, _verdict, served) => {
      if (isContainer(state, event.fence)) served.set(event.fence, event);
    },
    "call waitFence": (event, state, _verdict, served) => {
      if (isContainer(state, event.fence) && event.timeout >= 0) served.set(event.fence, event);
    },
    "cb callback": (event, state, verdict) => {
      const fence = state.fences.get(event.fence);
      if (fence === undefined || fence.kind === "plain") return;
      verdict.exercised();
      const [pending] = partsPending(state, fence);
      if (pending !== undefined && !fence.signaled)
        verdict.violated(`${event.callback} of ${event.fence} runs while ${pending} is pending`);
    },
    end: (_event, state, verdict, served) => {
      for (const [name, event] of served) {
        const fence = state.fences.get(name);
        if (fence === undefined || fence.released || !isOver(state, name)) continue;
        verdict.exercised();
        if (!fence.signaled)
          verdict.violated(`${name} was enabled and never signals, although all it stands for is over`, event);
      }
    },
  }),
};

export const fence46: Rule = {
  id: "FENCE-46",
  level: "MUST",
  obliged: ["framework", "caller"],
  statement:
    "A merge carries no error of members that had already signaled, so merging only failed signaled fences yields status 1, and callers who care read the members' status first.",
  intent: "A pipeline that merges late silently turns a GPU reset into success.",
  sources: [
    kernel("drivers/dma-buf/dma-fence-unwrap.c", "__dma_fence_unwrap_merge", "6.12, 7.2"),
    kernel("drivers/dma-buf/dma-fence.c", "dma_fence_allocate_private_stub", "6.12, 7.2"),
    run(["6.12.117", "7.2.13"], "two failed signaled fences merge to status 1"),
  ],
  hints: ["Is each input's status read before the merge where the outcome matters?"],
  status: checked,
  situation: { weights: { setError: 12, merge: 8, getStatus: 6, signal: 4 } },
  monitor: remember(() => new Map<string, string>(), {
    signal: (event, state, verdict) => {
      const call = openCall(state, event.task);
      if (call?.op !== "merge" || call.fence !== event.fence) return;
      const [failed] = call.fences.flatMap((name) => failedParts(state, name));
      if (failed === undefined) return;
      verdict.exercised();
      if (event.error !== 0)
        verdict.violated(`the merge ${event.fence} carries the error ${event.error} of ${failed}, which had signaled`);
    },
    "ret merge": (event, state, _verdict, stubs) => {
      const [failed] = event.fences.flatMap((name) => failedParts(state, name));
      if (event.merged !== null && event.time !== null && failed !== undefined) stubs.set(event.merged, failed);
    },
    // Misuse of a signaled fence, but from then on the error is the caller's own.
    "call setError": (event, _state, _verdict, stubs) => stubs.delete(event.fence),
    "ret getStatus": (event, _state, verdict, stubs) => {
      const failed = stubs.get(event.fence);
      if (failed === undefined) return;
      verdict.exercised();
      if (event.status !== 1)
        verdict.violated(
          `the merge ${event.fence} has the status ${event.status}; ${failed} had signaled before it`,
          verdict.since("fences", failed, "signaled"),
        );
    },
  }),
};

export const fence49: Rule = {
  id: "FENCE-49",
  level: "MUST",
  obliged: ["framework", "caller"],
  statement:
    "Successful creation of an array or chain node takes over the caller's references (and the array's member list) and drops each once when it is destroyed, while a failed array creation takes nothing.",
  intent: "One put too many frees a fence under other users, one too few leaks the job behind it.",
  sources: [
    doc("drivers/dma-buf/dma-fence-array.c", "dma_fence_array_create"),
    kernel("drivers/dma-buf/dma-fence-chain.c", "dma_fence_chain_init", "6.12, 7.2"),
    kernel("drivers/dma-buf/dma-fence-chain.c", "dma_fence_chain_release", "6.12, 7.2"),
    run(["6.12.117", "7.2.13"], "references counted for array and chain, idle and enabled"),
  ],
  hints: [
    "Is a fence put after it was handed to a successful create?",
    "Does the error path free both the members and their list?",
  ],
  status: checked,
  situation: {
    weights: { createArray: 8, createChain: 6, fenceGet: 4 },
    failures: [{ site: "fence-array", errno: ENOMEM }],
  },
  monitor: remember(() => new Map<string, RetEvent<"createArray" | "createChain">>(), {
    "call fencePut": (event, state, verdict, handed) => {
      const given = handed.get(event.fence);
      if (given === undefined || verdict.misuse) return;
      verdict.exercised();
      if ((state.fences.get(event.fence)?.refs ?? 1) <= 0)
        verdict.violated(`${event.by} drops a reference of ${event.fence} that it gave to ${given.fence}`, given);
    },
    "ret createArray": (event, _state, _verdict, handed) => {
      for (const name of event.members) handed.set(name, event);
    },
    "ret createChain": (event, _state, _verdict, handed) => {
      handed.set(event.contained, event);
      if (event.previous !== null) handed.set(event.previous, event);
    },
    free: (event, state, verdict, handed) => {
      const fence = event.what === "fence" ? state.fences.get(event.id) : undefined;
      const given = handed.get(event.id);
      if (fence === undefined || given === undefined) return;
      verdict.exercised();
      const holder = holderOf(state, event.id);
      if (holder !== undefined) verdict.violated(`${event.id} is freed while ${holder} still holds it`, given);
      else if (fence.refs > 0)
        verdict.violated(`${event.id} is freed while callers hold ${fence.refs} of its references`, given);
    },
    end: (_event, state, verdict, handed) => {
      for (const [name, given] of handed) {
        const fence = state.fences.get(name);
        if (fence === undefined || fence.released || fence.refs > 0 || isKept(state, name)) continue;
        verdict.exercised();
        verdict.violated(
          `${name} is never freed: ${given.fence}, which took it over, is gone or was never made`,
          given,
        );
      }
    },
  }),
};

export const rules: readonly Rule[] = [fence25, fence28, fence42, fence43, fence44, fence46, fence49];
