import type { EpochEvent } from "../../spec/event.ts";
import { holds, type State } from "../../spec/state/state.ts";
import { remember } from "../monitor.ts";
import { checked } from "../rule-text.ts";
import type { Rule } from "../rule.ts";
import { resvOf } from "../shared/lookup.ts";
import { certainFences, isListKnown, possiblyPending } from "../shared/possible-lists.ts";
import { doc, kernel } from "../source.ts";
import { relocated } from "./callback.ts";

interface Copies {
  /** Buffers that moved in the hold under way. */
  readonly moved: Map<string, Pick<EpochEvent, "task" | "step">>;
  /** By buffer: the last copy to its new place, while it is unfinished. */
  readonly pending: Map<string, string>;
}

function copies(): Copies {
  return { moved: new Map(), pending: new Map() };
}

/** Whether a reservation object has no pending KERNEL fence but this one, whichever list it has. */
function isUnguarded(state: State, resv: string, but?: string): boolean {
  return isListKnown(state, resv) && possiblyPending(state, resv, "kernel").every((fence) => fence === but);
}

export const move18: Rule = {
  id: "MOVE-18",
  level: "MUST",
  obliged: ["exporter"],
  statement:
    "If the copy or clear of a move is unfinished when the exporter unlocks, the reservation object has a KERNEL fence that ends with it.",
  intent: "The next importer maps the new place at once and would read what has not arrived yet.",
  sources: [
    doc("include/linux/dma-resv.h", "DMA_RESV_USAGE_KERNEL"),
    kernel("drivers/gpu/drm/ttm/ttm_bo_util.c", "ttm_bo_move_accel_cleanup", "6.12, 7.2"),
  ],
  needs: ["move"],
  hints: [
    "Is a fence slot reserved before the copy starts, so that adding cannot fail?",
    "Is the fence that of the last of several copy jobs, or only of the first?",
  ],
  status: checked,
  monitor: remember(copies, {
    epoch(event, state, _verdict, { moved }) {
      if (relocated(state, event) !== undefined) moved.set(event.buffer, event);
    },
    device(event, state, _verdict, { moved, pending }) {
      if (event.job === null || event.exporter === null) return;
      if (event.change === "jobEnd") for (const [name, job] of pending) if (job === event.job) pending.delete(name);
      if (event.change !== "jobStart") return;
      for (const [name, { task, step }] of moved) {
        const buffer = state.buffers.get(name);
        // A program that holds the lock all the time may have several moved in one hold.
        if (
          task === event.task &&
          step === event.step &&
          buffer?.exporter === event.exporter &&
          holds(state, task, buffer.resv)
        )
          pending.set(name, event.job);
      }
    },
    "call replaceFences"(event, state, _verdict, { pending }) {
      // Whoever holds the lock can throw out the exporter's fence, which is then not the exporter's fault.
      for (const name of pending.keys())
        if (resvOf(state, name) === event.resv && state.buffers.get(name)?.exporter !== event.by) pending.delete(name);
    },
    unlock(event, state, verdict, { moved, pending }) {
      for (const name of moved.keys()) {
        if (resvOf(state, name) !== event.lock) continue;
        moved.delete(name);
        const job = pending.get(name);
        if (job === undefined) continue;
        verdict.exercised();
        if (isUnguarded(state, event.lock))
          verdict.violated(
            `${event.lock} is released while ${job} still fills the new place of ${name}, and no KERNEL fence is pending in it`,
            verdict.since("buffers", name, "storage"),
          );
      }
    },
    signal(event, state, verdict, { pending }) {
      if (event.atomic) return;
      for (const [name, job] of pending) {
        const resv = resvOf(state, name);
        if (state.fences.get(event.fence)?.by !== state.buffers.get(name)?.exporter) continue;
        if (!certainFences(state, resv, "kernel").includes(event.fence)) continue;
        verdict.exercised();
        if (isUnguarded(state, resv, event.fence))
          verdict.violated(
            `${event.fence} signals while ${job} still fills the new place of ${name}, and no other KERNEL fence is pending`,
            verdict.since("buffers", name, "storage"),
          );
      }
    },
  }),
};

export const rules: readonly Rule[] = [move18];
