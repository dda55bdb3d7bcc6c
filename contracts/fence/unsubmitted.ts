import type { CallEvent, DeviceEvent, SignalEvent, UnlockEvent } from "../../spec/event.ts";
import { holds, type State } from "../../spec/state/state.ts";
import type { Verdict } from "../monitor.ts";

type Publication = CallEvent<"addFence"> | CallEvent<"replaceFences">;

/** Where an importer lets go of memory. */
function isLettingGo(state: State, task: string): boolean {
  return (
    state.tasks
      .get(task)
      ?.frames.some((frame) => (frame.kind === "cb" ? frame.hook === "invalidate" : frame.op === "release")) === true
  );
}

/** FENCE-05: fences of roles whose work may not have been submitted yet. The program's stand for no work. */
export class Unsubmitted {
  /** Published under a lock that is still held, by task. */
  private readonly open = new Map<string, readonly Publication[]>();
  /**
   * Published where their owner lets go of memory, by fence. They may stand for work that it has begun before, so what
   * tells is the work with which they signal. `unlocked`: the seq of the unlock after which others could see them.
   */
  private readonly leaving = new Map<string, { readonly call: Publication; unlocked: number }>();
  /** Jobs that begin, and fences that signal since the task's last event that no end of a job can cause. */
  private readonly starts = new Map<string, DeviceEvent>();
  private readonly signals = new Map<string, readonly SignalEvent[]>();

  published(call: Publication, state: State): void {
    const fence = state.fences.get(call.fence);
    if (fence === undefined || fence.signaled || fence.by === "program" || fence.by !== call.by) return;
    if (isLettingGo(state, call.task)) this.leaving.set(call.fence, { call, unlocked: Infinity });
    else this.open.set(call.task, [...(this.open.get(call.task) ?? []), call]);
  }

  unlocked({ task, lock, seq }: UnlockEvent, state: State, verdict: Verdict): void {
    this.signals.delete(task);
    if (!holds(state, task, lock)) return;
    for (const call of this.open.get(task)?.filter(({ resv }) => resv === lock) ?? []) {
      verdict.exercised();
      verdict.violated(
        `${call.by} publishes ${call.fence} and lets ${lock} go before it has submitted the work behind it`,
        call,
      );
    }
    for (const entry of this.leaving.values())
      if (entry.call.task === task && entry.call.resv === lock) entry.unlocked = Math.min(entry.unlocked, seq);
  }

  signaled(event: SignalEvent): void {
    if (this.leaving.has(event.fence)) this.signals.set(event.task, [...(this.signals.get(event.task) ?? []), event]);
  }

  device(event: DeviceEvent, verdict: Verdict): void {
    if (event.job === null) return;
    if (event.change === "jobStart") {
      this.starts.set(event.job, event);
      if (this.open.delete(event.task)) verdict.exercised();
    }
    const signals = this.signals.get(event.task) ?? [];
    this.signals.delete(event.task);
    const start = this.starts.get(event.job);
    if (event.change !== "jobEnd" || start === undefined) return;
    for (const signal of signals) {
      const { call, unlocked } = this.leaving.get(signal.fence)!;
      if (signal.step !== event.step) continue;
      verdict.exercised();
      if (start.seq > unlocked)
        verdict.violated(
          `${signal.fence} stands for ${event.job}, which ${call.by} submits only after it has published the fence and let ${call.resv} go`,
          call,
          start,
          signal,
        );
    }
  }
}
