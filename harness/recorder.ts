import type { HistoryEvent } from "../spec/event.ts";
import type { Mutable } from "./mutable.ts";
import type { Scheduler } from "./scheduler.ts";

type WithoutBase<E> = E extends HistoryEvent ? Omit<E, "seq" | "task" | "step" | "atomic"> : never;

/** An event as the seam that saw it states it; time, task, step and context are added here. */
export type Recorded = WithoutBase<HistoryEvent>;

/** Receives every event as it is recorded. */
export type Sink = (event: HistoryEvent) => void;

/** Writes the history: the only place that does. */
export class Recorder {
  readonly events: HistoryEvent[] = [];
  private readonly scheduler: Scheduler;
  private readonly sink: Sink | null;

  /** Without a sink nothing is kept: events are only counted, as the logical time is. */
  constructor(scheduler: Scheduler, sink: Sink | null) {
    this.scheduler = scheduler;
    this.sink = sink;
  }

  private skipped = 0;

  /** Logical time: the seq the next event gets, and what was skipped when nobody could run. */
  get now(): number {
    return this.events.length + this.skipped;
  }

  /** Nobody can run: time passes, further than any finite time-out of a program. */
  idle(): void {
    this.skipped += 4_000_000;
  }

  /** Appends an event and hands it to the sink. Answers its seq. */
  emit(recorded: Recorded): number {
    if (this.sink === null) return (this.skipped += 1);
    const task = this.scheduler.current;
    const seq = this.events.length;
    // Filled in place: every event is made by one seam and belongs to the history from here on.
    const event = recorded as Mutable<HistoryEvent>;
    event.seq = seq;
    event.task = task.name;
    event.step = task.stepId;
    event.atomic = task.atomicDepth > 0;
    this.events.push(event);
    this.sink(event);
    return seq;
  }
}
