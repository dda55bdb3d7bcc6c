import type { CallName } from "../../spec/calls.ts";
import type { HookName } from "../../spec/hooks.ts";
import { EDEADLK } from "../../spec/errno.ts";
import type { SignalEvent } from "../../spec/event.ts";
import type { FenceState, State } from "../../spec/state/state.ts";
import { on, remember, type Verdict } from "../monitor.ts";
import type { Rule } from "../rule.ts";
import { checked } from "../rule-text.ts";
import { kernel, doc, run } from "../source.ts";
import { queuedOn, signalCall } from "./frames.ts";

const ownerHooks: ReadonlySet<HookName> = new Set<HookName>(["enableSignaling", "signaled", "fenceDeadline"]);

/** Calls that might ask a fence's owner. */
const askingCalls: ReadonlySet<CallName> = new Set<CallName>([
  "isSignaled",
  "getStatus",
  "setFenceDeadline",
  "enableSignaling",
  "addCallback",
]);

/** FENCE-31: the framework has let go of the owner of a fence that has signaled. */
function isDetached(fence: FenceState, { profile }: Verdict): boolean {
  return profile.detachesFenceOps && !fence.hooks.includes("release") && !fence.hooks.includes("wait");
}

/** FENCE-23, FENCE-24: which fences their owners have called complete. */
class Completions {
  private readonly complete = new Set<string>();

  answered(fence: string, complete: boolean): void {
    if (complete) this.complete.add(fence);
  }

  /** The fence signals because its last reference goes, and for no other reason. */
  diesUnsignaled(event: SignalEvent, state: State): boolean {
    const fence = state.fences.get(event.fence);
    if (fence?.kind !== "plain" || fence.refs > 0 || this.complete.has(event.fence)) return false;
    return signalCall(state, event) === undefined;
  }
}

/** FENCE-24: a call that may queue something on a fence. */
function usesFence(by: string, name: string | null, state: State, verdict: Verdict): void {
  const fence = name === null ? undefined : state.fences.get(name);
  if (name === null || fence === undefined) return;
  verdict.exercised();
  if (fence.released)
    verdict.violated(
      `${by} waits for ${name}, whose last reference is gone`,
      verdict.since("fences", name, "released"),
    );
}

export const fence23: Rule = {
  id: "FENCE-23",
  level: "MUST",
  obliged: ["framework", "fenceOwner"],
  statement:
    "Owners signal a fence that has callbacks queued before its last reference goes; if one is released unsignaled all the same, the framework signals it with -EDEADLK.",
  intent: "The job will never finish after that, and its waiters must wake instead of hanging.",
  sources: [
    kernel("drivers/dma-buf/dma-fence.c", "dma_fence_release", "6.12, 7.2"),
    run(
      ["6.12.117", "7.2.13"],
      "queued callback sees -EDEADLK with a warning; without callbacks the release is silent",
    ),
  ],
  hints: [
    "Does teardown drop the owner's reference before it signals?",
    "Is a job freed on an error path without signaling its fence?",
  ],
  status: checked,
  situation: { misuse: ["fencePut"], weights: { addCallback: 6, fencePut: 12, fenceInit: 2 } },
  monitor: remember(() => new Completions(), {
    "cbret signaled": (event, _state, _verdict, memory) => memory.answered(event.fence, event.answer),
    "cbret enableSignaling": (event, _state, _verdict, memory) => memory.answered(event.fence, !event.answer),
    signal: (event, state, verdict, memory) => {
      if (!memory.diesUnsignaled(event, state)) return;
      verdict.exercised();
      const evidence = verdict.since("fences", event.fence, "refs");
      const [callback] = queuedOn(state, event.fence);
      if (event.error !== -EDEADLK)
        verdict.violated(
          `${event.fence} is released unsignaled, and ends with ${event.error} instead of -EDEADLK`,
          evidence,
        );
      else if (!verdict.misuse && callback !== undefined)
        verdict.violated(`the owner of ${event.fence} lets it go unsignaled with ${callback} queued`, evidence);
    },
    free: (event, state, verdict) => {
      if (event.what !== "fence") return;
      const [callback] = queuedOn(state, event.id);
      if (callback === undefined) return;
      verdict.exercised();
      verdict.violated(
        `${event.id} is freed with ${callback} queued on it, which nobody has told`,
        verdict.since("callbacks", callback, "state"),
      );
    },
  }),
};

export const fence24: Rule = {
  id: "FENCE-24",
  level: "MUST",
  obliged: ["caller"],
  statement:
    "Whoever waits for a fence or has a callback queued on it holds a reference until the wait has ended or the callback ran or was removed.",
  intent: "The waiter's list node and its wake-up live in the fence, which otherwise is freed under it.",
  sources: [
    doc("drivers/dma-buf/dma-fence.c", "dma_fence_wait_timeout"),
    run(["6.12.117", "7.2.13"], "a waiter without a reference is woken by the last put"),
  ],
  hints: [
    "Is the reference taken before the reservation lock is dropped?",
    "Who drops the callback's reference: the callback itself, or the canceller, but never both?",
  ],
  status: checked,
  monitor: remember(() => new Completions(), {
    "cbret signaled": (event, _state, _verdict, memory) => memory.answered(event.fence, event.answer),
    "cbret enableSignaling": (event, _state, _verdict, memory) => memory.answered(event.fence, !event.answer),
    "call addCallback": (event, state, verdict) => usesFence(event.by, event.fence, state, verdict),
    "call waitFence": (event, state, verdict) => usesFence(event.by, event.fence, state, verdict),
    signal: (event, state, verdict, memory) => {
      const [callback] = queuedOn(state, event.fence);
      if (callback === undefined || !memory.diesUnsignaled(event, state)) return;
      verdict.exercised();
      verdict.violated(
        `${event.fence} goes while ${callback} is queued on it: its owner holds no reference`,
        verdict.since("callbacks", callback, "state"),
        verdict.since("fences", event.fence, "refs"),
      );
    },
    free: (event, state, verdict) => {
      if (event.what !== "fence") return;
      for (const [task, { waiting }] of state.tasks)
        if (waiting?.kind === "fence" && waiting.fence === event.id) {
          verdict.exercised();
          verdict.violated(`${event.id} is freed while ${task} waits for it`, verdict.since("tasks", task, "waiting"));
        }
    },
  }),
};

export const fence31: Rule = {
  id: "FENCE-31",
  level: "MUST",
  obliged: ["fenceOwner", "framework"],
  statement:
    "Owner code and data behind a fence stay until the last reference is gone (7.1: only until a grace period after the signal, unless the owner brings a release or wait operation of its own), and where ops are detached at the signal, name queries of a signaled fence call no owner code.",
  intent: "User space keeps signaled fences in sync files long after the driver that made them was unloaded.",
  sources: [
    doc("include/linux/dma-fence.h", "Safe external access", "7.2"),
    kernel("drivers/dma-buf/dma-fence.c", "dma_fence_driver_name", "7.2"),
    kernel("drivers/dma-buf/dma-fence.c", "dma_fence_signal_timestamp_locked", "7.2"),
    run(
      ["6.12.117", "7.2.13"],
      "7.2: ops detached for a plain fence and the stub, kept for own release, own wait, array, chain; 6.12: names always the owner's",
    ),
  ],
  hints: [
    "Does unload wait for all fences, and for a grace period, before freeing the name strings and the lock?",
    "Does the owner have a release or wait operation, so that its module must outlive every reference?",
  ],
  status: checked,
  situation: { weights: { unloadOwner: 6, move: 3, put: 3, setFenceDeadline: 6, fenceInit: 2 } },
  monitor: on({
    cb: (event, state, verdict) => {
      if (!ownerHooks.has(event.hook) || !("fence" in event)) return;
      const fence = state.fences.get(event.fence);
      if (fence?.signaled !== true || !isDetached(fence, verdict)) return;
      verdict.exercised();
      verdict.violated(
        `the framework calls ${event.hook} of ${event.fence}, which has signaled and needs its owner no more`,
        verdict.since("fences", event.fence, "signaled"),
      );
    },
    ret: (event, state, verdict) => {
      if (!askingCalls.has(event.op) || !("fence" in event) || event.fence === null) return;
      const fence = state.fences.get(event.fence);
      if (fence?.signaled === true && fence.hooks.length > 0 && isDetached(fence, verdict)) verdict.exercised();
    },
    "ret unloadOwner": (event, state, verdict) => {
      for (const [name, fence] of state.fences) {
        if (fence.by !== event.exporter) continue;
        const needsOwner = !fence.released && !(fence.signaled && isDetached(fence, verdict));
        // A refused unload shows the duty only while there is somebody to refuse it for.
        if (event.errno === 0 || needsOwner) verdict.exercised();
        if (event.errno === 0 && needsOwner)
          verdict.violated(
            `the module of ${event.exporter} is unloaded while its fence ${name} is alive`,
            verdict.since("fences", name, "context"),
          );
      }
    },
  }),
};

export const fence48: Rule = {
  id: "FENCE-48",
  level: "MUST",
  obliged: ["caller", "framework"],
  statement:
    "A reference from a location that others change is taken only while the count is above zero, and where fence memory may be recycled it is kept only if re-reading the location still gives the same fence.",
  intent: "Otherwise a dying fence comes back to life, or the reader waits for a stranger's fence in recycled memory.",
  sources: [
    doc("include/linux/dma-fence.h", "dma_fence_get_rcu_safe"),
    kernel("include/linux/dma-fence.h", "dma_fence_get_rcu", "6.12, 7.2"),
    run(["6.12.117", "7.2.13"], "a reference asked for inside the release operation is refused"),
  ],
  hints: [
    "Is a plain get used on a pointer read without a lock?",
    "Is the pointer compared again after the count went up, and the reference dropped on a mismatch?",
  ],
  status: checked,
  monitor: on({
    "call fenceGet": (event, state, verdict) => {
      const fence = state.fences.get(event.fence);
      if (fence === undefined || verdict.misuse) return;
      verdict.exercised();
      if (fence.released)
        verdict.violated(
          `${event.by} takes a reference of ${event.fence}, whose last one is gone`,
          verdict.since("fences", event.fence, "released"),
        );
    },
    "ret fenceGetLive": (event, state, verdict) => {
      const fence = state.fences.get(event.fence);
      if (fence === undefined) return;
      verdict.exercised();
      if (event.answer === fence.released)
        verdict.violated(
          `asking for ${event.fence} only if it is alive answers ${event.answer}, and it is ${fence.released ? "released" : "alive"}`,
          verdict.since("fences", event.fence, "released"),
        );
    },
  }),
};

export const rules: readonly Rule[] = [fence23, fence24, fence31, fence48];
