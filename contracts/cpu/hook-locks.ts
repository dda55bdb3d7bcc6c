import type { BlockedEvent, CbEvent } from "../../spec/event.ts";
import { holds, type State } from "../../spec/state/state.ts";
import { remember, type Verdict } from "../monitor.ts";
import { checked } from "../rule-text.ts";
import type { Rule } from "../rule.ts";
import { resvOf } from "../shared/lookup.ts";
import { doc, run } from "../source.ts";
import { vmapping } from "./situations.ts";

/** For the hooks that run unlocked: the call was made without the lock, and so is the hook. */
function runsUnlocked(
  event: CbEvent<"beginCpu" | "endCpu" | "mmap">,
  state: State,
  verdict: Verdict,
  locked: Set<number>,
): void {
  const call = state.tasks.get(event.task)?.frames.at(-1);
  if (call?.kind !== "call" || locked.has(call.seq)) return;
  verdict.exercised();
  const resv = resvOf(state, event.buffer);
  if (holds(state, event.task, resv))
    verdict.violated(
      `the ${event.hook} hook for ${event.buffer} runs under ${resv}`,
      verdict.since("reservations", resv, "owner"),
    );
}

function runsLocked(event: CbEvent<"vmap" | "vunmap">, state: State, verdict: Verdict): void {
  const call = state.tasks.get(event.task)?.frames.at(-1);
  if (call?.kind !== "call") return;
  verdict.exercised();
  const resv = resvOf(state, event.buffer);
  if (!holds(state, event.task, resv) && call.op !== "vmap" && call.op !== "vunmap")
    verdict.violated(`the ${event.hook} hook for ${event.buffer} runs without ${resv}`);
}

function locksItself(event: BlockedEvent, state: State, verdict: Verdict): void {
  const hook = state.tasks.get(event.task)?.frames.findLast((frame) => frame.kind === "cb");
  if (hook?.kind !== "cb" || (hook.hook !== "vmap" && hook.hook !== "vunmap") || event.wait.kind !== "lock") return;
  if (event.wait.lock === resvOf(state, hook.buffer) && holds(state, event.task, event.wait.lock))
    verdict.violated(
      `the ${hook.hook} hook for ${hook.buffer} waits for ${event.wait.lock}, which its caller holds`,
      hook,
    );
}

export const cpu35: Rule = {
  id: "CPU-35",
  level: "MUST",
  obliged: ["framework", "exporter"],
  statement:
    "The exporter's begin, end and mmap hooks run unlocked, its vmap and vunmap hooks inside the reservation lock, which those two leave alone.",
  intent: "Hooks are written for one lock state and deadlock or race in the other.",
  sources: [
    doc("drivers/dma-buf/dma-buf.c", "DMA-BUF locking convention"),
    run(["6.12.117", "7.2.13"], "lock state seen in all five hooks"),
  ],
  needsAny: ["cpuSync", "vmap", "mmap"],
  hints: ["Does a vmap hook call a helper that locks the buffer?"],
  status: checked,
  situation: { ...vmapping, weights: { ...vmapping.weights, beginCpu: 4, mmapFd: 3, mmap: 3 } },
  monitor: remember(() => new Set<number>(), {
    call(event, state, _verdict, locked) {
      if ("buffer" in event && event.buffer !== null && holds(state, event.task, resvOf(state, event.buffer)))
        locked.add(event.seq);
    },
    "cb beginCpu": runsUnlocked,
    "cb endCpu": runsUnlocked,
    "cb mmap": runsUnlocked,
    "cb vmap": (event, state, verdict) => runsLocked(event, state, verdict),
    "cb vunmap": (event, state, verdict) => runsLocked(event, state, verdict),
    blocked: (event, state, verdict) => locksItself(event, state, verdict),
  }),
};

export const rules: readonly Rule[] = [cpu35];
