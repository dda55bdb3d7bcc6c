import { ERESTARTSYS } from "../../spec/errno.ts";
import { frameOf } from "../../spec/state/state.ts";
import { checked } from "../rule-text.ts";
import type { Rule } from "../rule.ts";
import { doc, kernel, run } from "../source.ts";
import { innermost } from "./requests.ts";
import { anyOwnWait, stillPending, watchedBy, watching } from "./watch.ts";

const both = ["6.12.117", "7.2.13"];

export const resv36: Rule = {
  id: "RESV-36",
  level: "MUST",
  obliged: ["framework"],
  provokedBy: ["fenceOwner"],
  statement:
    "A wait with a timeout, locked or not, enables each fence before it sleeps on it and answers a positive rest only when all matching fences of its start, or what lawfully replaced them, have signaled; otherwise 0 or -ERESTARTSYS.",
  intent: "Its caller frees or reuses the memory on a positive answer.",
  sources: [
    kernel("drivers/dma-buf/dma-resv.c", "dma_resv_wait_timeout", "6.12, 7.2"),
    kernel("drivers/dma-buf/dma-fence.c", "dma_fence_default_wait", "6.12, 7.2"),
    run(both, "fences replaced and appended during the wait, pending signals, an owner's own wait"),
  ],
  hints: [
    "Is the rest of the timeout carried from one fence to the next?",
    "Does the owner of a fence have a wait operation that answers a positive value too early?",
  ],
  status: checked,
  evidence: ["lock", "unlock", "signal", "cb"],
  situation: { weights: { reserveFences: 2, addFence: 3, waitFences: 4 }, tasks: 2 },
  monitor: watching(
    "waitFences",
    (event, watch, state, verdict) => {
      if (event.timeout === 0 || watch.pending.size === 0) return;
      verdict.exercised();
      const left = stillPending(watch, state).filter((name) => !anyOwnWait(state, [name]));
      if (event.result > 0 && left.length > 0)
        verdict.violated(
          `the wait for ${event.usage} on ${event.resv} answers ${event.result} while ${left[0]} has not signaled`,
          watch.call,
          verdict.since("reservations", event.resv, "lists"),
        );
      if (
        event.result < 0 &&
        !(event.interruptible && event.result === -ERESTARTSYS) &&
        !anyOwnWait(state, watch.matched)
      )
        verdict.violated(`the wait for ${event.usage} on ${event.resv} answers ${event.result}`, watch.call);
    },
    {
      blocked(event, state, verdict) {
        const { wait } = event;
        if (wait.kind !== "fence" || frameOf(state.tasks.get(event.task), "waitFences") === undefined) return;
        const fence = state.fences.get(wait.fence);
        if (fence === undefined || !fence.hooks.includes("enableSignaling")) return;
        verdict.exercised();
        if (!fence.enabled)
          verdict.violated(`${event.task} sleeps on ${wait.fence}, whose owner was never asked to signal it`);
      },
    },
  ),
};

export const resv37: Rule = {
  id: "RESV-37",
  level: "MUST",
  obliged: ["framework"],
  provokedBy: ["fenceOwner"],
  statement:
    "A wait with timeout zero does not sleep and answers 1 if all matching fences are signaled, else 0, or -ERESTARTSYS if interruptible with a signal pending; it stops at, and enables, only the first unsignaled fence, and an owner's own wait operation decides for its fence.",
  intent: "Drivers poll with it where they must not sleep.",
  sources: [
    kernel("drivers/dma-buf/dma-resv.c", "dma_resv_wait_timeout", "6.12, 7.2"),
    kernel("drivers/dma-buf/dma-fence.c", "dma_fence_default_wait", "6.12, 7.2"),
    run(both, "empty, two unsignaled fences, and a pending signal in both forms"),
  ],
  hints: [
    "Does an empty or all signaled object answer 1 and not 0?",
    "Does the walk enable fences behind the first unsignaled one?",
  ],
  status: checked,
  evidence: ["lock", "unlock", "signal"],
  situation: { weights: { reserveFences: 2, addFence: 3, waitFences: 4 } },
  monitor: watching(
    "waitFences",
    (event, watch, state, verdict) => {
      const { result, resv, usage } = event;
      if (event.timeout !== 0 || anyOwnWait(state, watch.matched)) return;
      verdict.exercised();
      const left = stillPending(watch, state);
      const enabled = [...watch.noted].filter((name) => state.fences.get(name)?.signaled === false);
      const why =
        result === 1 && left.length > 0
          ? `answers 1 while ${left[0]} has not signaled`
          : result !== 1 && watch.pending.size === 0
            ? `answers ${result} although there is nothing to wait for`
            : result !== 1 && result !== 0 && !(event.interruptible && result === -ERESTARTSYS)
              ? `answers ${result}`
              : result !== 1 && enabled.length > 1
                ? `enables ${enabled.join(" and ")}, not just the first`
                : null;
      if (why !== null)
        verdict.violated(
          `the wait with timeout zero for ${usage} on ${resv} ${why}`,
          watch.call,
          verdict.since("reservations", resv, "lists"),
        );
    },
    {
      blocked(event, state, verdict) {
        const frame = innermost(state.tasks.get(event.task));
        if (frame?.op !== "waitFences" || frame.timeout !== 0) return;
        verdict.violated(`the wait with timeout zero on ${frame.resv} sleeps`, frame);
      },
      "cb enableSignaling"(event, state, _verdict, watches) {
        watchedBy(watches, state, event.task)?.noted.add(event.fence);
      },
    },
  ),
};

export const resv38: Rule = {
  id: "RESV-38",
  level: "MUST",
  obliged: ["framework"],
  provokedBy: ["fenceOwner"],
  statement:
    "The signaled test never blocks, enables nothing and answers true only if no matching fence present throughout was incomplete; like all lockless readers it may ask the owner and thereby signal a fence, and it may stay false for one nobody asked to signal.",
  intent: "A wrong true lets memory be reused under a running job, and callers use the test in atomic context.",
  sources: [
    kernel("drivers/dma-buf/dma-resv.c", "dma_resv_test_signaled, dma_resv_iter_walk_unlocked", "6.12, 7.2"),
    run(both, "four levels, with a silent owner and with one that answers"),
  ],
  hints: [
    "Does a restart of the walk forget an unsignaled fence it has seen?",
    "Does the caller loop on the test without ever enabling the fence?",
  ],
  status: checked,
  evidence: ["lock", "unlock", "signal"],
  situation: { weights: { unlock: 0.5, fenceInit: 2, signal: 2, reserveFences: 3, addFence: 5, testSignaled: 12 } },
  monitor: watching(
    "testSignaled",
    (event, watch, state, verdict) => {
      verdict.exercised();
      const left = stillPending(watch, state);
      if (event.answer ? left.length === 0 : watch.pending.size > 0) return;
      verdict.violated(
        event.answer
          ? `the test for ${event.usage} on ${event.resv} answers true while ${left[0]} has not signaled`
          : `the test for ${event.usage} on ${event.resv} answers false although there is nothing unsignaled`,
        verdict.since("reservations", event.resv, "lists"),
      );
    },
    {
      blocked(event, state, verdict) {
        const frame = innermost(state.tasks.get(event.task));
        if (frame?.op === "testSignaled") verdict.violated(`the signaled test on ${frame.resv} sleeps`, frame);
      },
      "cb enableSignaling"(event, state, verdict) {
        const frame = innermost(state.tasks.get(event.task));
        if (frame?.op === "testSignaled")
          verdict.violated(`the signaled test on ${frame.resv} enables ${event.fence}`, frame);
      },
    },
  ),
};

export const resv43: Rule = {
  id: "RESV-43",
  level: "MUST",
  obliged: ["framework"],
  statement:
    "A deadline set on the object goes to all its matching fences and changes no order and no result of completion.",
  intent: "It is a hint for clock speed, and a driver that reorders by it breaks dependencies.",
  sources: [doc("drivers/dma-buf/dma-resv.c", "dma_resv_set_deadline")],
  hints: [
    "Does the walk stop at the first fence without a deadline operation?",
    "Does the owner's deadline operation signal or fail the fence?",
  ],
  status: checked,
  evidence: ["lock", "unlock"],
  situation: { weights: { unlock: 0.5, fenceInit: 2, signal: 0.5, reserveFences: 3, addFence: 6, setDeadline: 12 } },
  monitor: watching(
    "setDeadline",
    (event, watch, state, verdict) => {
      const due = stillPending(watch, state).filter((name) => state.fences.get(name)?.hooks.includes("setDeadline"));
      if (due.length > 0) verdict.exercised();
      const missed = due.find((name) => !watch.noted.has(name));
      if (missed !== undefined)
        verdict.violated(
          `the deadline for ${event.usage} on ${event.resv} does not reach ${missed}`,
          verdict.since("reservations", event.resv, "lists"),
        );
    },
    {
      "cb fenceDeadline"(event, state, _verdict, watches) {
        watchedBy(watches, state, event.task)?.noted.add(event.fence);
      },
      "cbret signaled"(event, state, _verdict, watches) {
        const call = frameOf(state.tasks.get(event.task), "setDeadline");
        if (event.answer) watches.get(call?.seq ?? -1)?.noted.add(`done ${event.fence}`);
      },
      signal(event, state, verdict, watches) {
        const watch = watchedBy(watches, state, event.task);
        // A container that was added by mistake finds out by itself that its members are done.
        if (state.fences.get(event.fence)?.kind !== "plain") return;
        if (watch !== undefined && !watch.noted.has(`done ${event.fence}`))
          verdict.violated(
            `the deadline on ${watch.call.resv} signals ${event.fence}, whose work is not done`,
            watch.call,
          );
      },
    },
  ),
};

export const rules: readonly Rule[] = [resv36, resv37, resv38, resv43];
