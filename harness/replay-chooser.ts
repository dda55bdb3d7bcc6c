import type { Errno } from "../spec/errno.ts";
import { operationOf } from "../spec/operations/operations.ts";
import type { Failure, Preemption, Program, Step } from "../spec/program.ts";
import type { State } from "../spec/state/state.ts";
import type { Chooser, Tasks } from "./chooser.ts";

/** Whether a stored step may run in this state, beside the steps in flight: never turns a legal step into misuse. */
export type Admit = (state: State, step: Step, inFlight: readonly Step[]) => boolean;

/** Plays a stored program. Steps that the state no longer admits are skipped and counted. */
export class ReplayChooser implements Chooser {
  /** Ids of steps that were not carried out. */
  readonly skipped: string[] = [];
  /** Steps in the order they began: the order in which they replay alike once the skipped ones are gone. */
  readonly begun: Step[] = [];
  /** Points of the schedule that parked a task, and failures that happened. */
  readonly usedSchedule = new Set<Preemption>();
  readonly usedFailures = new Set<Failure>();
  private readonly waiting: Step[];
  private readonly admit: Admit;
  private readonly bound: Set<string>;
  private readonly pauses = new Map<string, Map<string, Preemption>>();
  private readonly failures = new Map<string, Map<string, Failure>>();
  private tasks: Tasks | null = null;

  constructor(program: Program, admit: Admit) {
    this.waiting = [...program.steps];
    this.admit = admit;
    const { devices, exporters, importers, buffers, reservations } = program.setup;
    this.bound = new Set([
      ...[...devices, ...exporters, ...importers].map((entry) => entry.name),
      ...reservations,
      ...buffers.map((buffer) => `${buffer.name}.resv`),
      ...program.steps.map((step) => step.task),
    ]);
    for (const preemption of program.schedule) file(this.pauses, preemption);
    for (const failure of program.failures) file(this.failures, failure);
  }

  next(state: State, tasks: Tasks): Step | null {
    this.tasks = tasks;
    const busy = new Set<string>();
    for (let index = 0; index < this.waiting.length; index += 1) {
      const step = this.waiting[index]!;
      if (busy.has(step.task)) continue;
      if (!tasks.isIdle(step.task)) {
        busy.add(step.task);
        continue;
      }
      this.waiting.splice(index, 1);
      if (this.binds(step) && this.admit(state, step, tasks.inFlight())) {
        this.begun.push(step);
        return step;
      }
      this.skipped.push(step.id);
      index -= 1;
    }
    return null;
  }

  notBegun(): number {
    return this.waiting.length;
  }

  pause(step: string, site: string, nth: number): string | null {
    const found = this.pauses.get(step)?.get(pointKey(site, nth));
    // Nobody is parked for a step that is over.
    if (found === undefined || this.hasEnded(found.until)) return null;
    this.usedSchedule.add(found);
    return found.until;
  }

  fail(step: string, site: string, nth: number): Errno {
    const found = this.failures.get(step)?.get(pointKey(site, nth));
    if (found === undefined) return 0;
    this.usedFailures.add(found);
    return found.errno;
  }

  counts(step: string): boolean {
    return this.pauses.has(step) || this.failures.has(step);
  }

  private hasEnded(step: string): boolean {
    if (!this.begun.some(({ id }) => id === step)) return false;
    return this.tasks?.inFlight().some(({ id }) => id === step) === false;
  }

  /** Whether every name the step uses stands for something, counting in what it creates. */
  private binds(step: Step): boolean {
    const values = step as unknown as Readonly<Record<string, unknown>>;
    const fields = Object.entries(operationOf(step.op).fields);
    for (const [name, { shape }] of fields) {
      const value = values[name];
      if (shape.kind === "refer" && value !== null && shape.object !== "task" && !this.bound.has(value as string))
        return false;
      if (shape.kind === "referList" && !(value as readonly string[]).every((entry) => this.bound.has(entry)))
        return false;
    }
    for (const [name, { shape }] of fields) if (shape.kind === "create") this.bound.add(values[name] as string);
    return true;
  }
}

interface Point {
  readonly step: string;
  readonly site: string;
  readonly nth: number;
}

function pointKey(site: string, nth: number): string {
  return `${site} ${nth}`;
}

/** Files an entry under its point, of which the first in the program counts: a stored livelock has thousands of them. */
function file<T extends Point>(map: Map<string, Map<string, T>>, entry: T): void {
  let known = map.get(entry.step);
  if (known === undefined) map.set(entry.step, (known = new Map()));
  const key = pointKey(entry.site, entry.nth);
  if (!known.has(key)) known.set(key, entry);
}
