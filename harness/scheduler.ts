import type { Step } from "../spec/program.ts";
import type { Suspension, Tick } from "../spec/roles/suspendable.ts";
import type { Chooser, Tasks } from "./chooser.ts";
import { HarnessFault } from "./fault.ts";
import { Task } from "./task.ts";

/** Resumptions after which one activity counts as running for ever. */
const endless = 20_000;

const nothing: readonly Step[] = [];

/** What the scheduler needs from the run it belongs to. */
export interface SchedulerHooks {
  /** The next step for an idle task. */
  nextStep(tasks: Tasks): Step | null;
  /** Makes the activity of a step. */
  start(task: Task, step: Step): Generator<Suspension, void, unknown>;
  /** An activity threw. */
  failed(task: Task, error: unknown): void;
}

/**
 * Deterministic cooperative scheduler: one task runs at a time and goes on until it blocks, ends or is parked.
 * Who runs next: the oldest activity that can go on, then deferred work, then the next step, then parked tasks.
 */
export class Scheduler {
  readonly chooser: Chooser;
  readonly hooks: SchedulerHooks;
  readonly tasks = new Map<string, Task>();
  current: Task;
  /** The program is over: the drain is neither paused nor made to fail. */
  draining = false;
  /** Activities under way, oldest first. */
  private active: Task[] = [];
  /** Tasks that were woken and have not run since, in that order. */
  private readonly woken: Task[] = [];
  private deferred: {
    readonly name: string;
    readonly step: string | null;
    readonly work: () => Generator<Suspension, void, unknown>;
  }[] = [];
  private readonly passages = new Map<string, Map<string, number>>();
  private started = 0;
  private deferredCount = 0;
  private parks = 0;
  /** Steps that have ended or blocked. */
  private readonly ended = new Set<string>();
  private readonly view: Tasks = {
    isIdle: (name) => (this.tasks.get(name)?.activity ?? null) === null,
    inFlight: () =>
      this.active.length === 0 ? nothing : this.active.flatMap((task) => (task.step === null ? [] : [task.step])),
  };

  constructor(chooser: Chooser, hooks: SchedulerHooks) {
    this.chooser = chooser;
    this.hooks = hooks;
    this.current = this.task("harness");
  }

  /** The task of this name, made on first use. */
  task(name: string): Task {
    let task = this.tasks.get(name);
    if (task === undefined) {
      task = new Task(name, true);
      this.tasks.set(name, task);
    }
    return task;
  }

  /** Somebody ended what this task waits for. Those who were woken go on in that order, whoever began first. */
  wakeUp(task: Task): void {
    if (task.wait !== null && !this.woken.includes(task)) this.woken.push(task);
  }

  /** Queues work that runs in a context of its own. */
  defer(name: string, work: () => Generator<Suspension, void, unknown>): void {
    this.deferred.push({ name, step: this.current.stepId, work });
  }

  /** Begins an activity outside the program's steps (the drain). */
  begin(task: Task, stepId: string, activity: Generator<Suspension, void, unknown>): void {
    this.launch(task, null, stepId, activity);
  }

  /** Whether the current task pauses at `site`; if so it is parked and the caller must yield. */
  pauses(site: string): boolean {
    const task = this.current;
    const step = task.stepId;
    if (step === null || this.draining || task.atomicDepth > 0 || !this.chooser.counts(step)) return false;
    const nth = task.pass(site);
    const decision = this.chooser.pause(step, site, nth, task.name);
    if (decision === null) return false;
    if (typeof decision === "string" && this.ended.has(decision)) return false;
    task.parking = typeof decision === "string" ? { until: decision } : { count: decision };
    task.parkedAt = { step, site, nth };
    task.parkedSince = this.parks += 1;
    return true;
  }

  /** Runs until nobody can go on. Yields only to let JavaScript's microtasks run. */
  *drive(): Generator<Tick, void, unknown> {
    for (;;) {
      const task = this.pick();
      if (task === null) return;
      this.current = task;
      for (;;) {
        const suspension = this.resume(task);
        if (suspension === null || typeof suspension === "string") break;
        if ("tick" in suspension) {
          yield suspension;
          continue;
        }
        task.wait = suspension;
        this.passed(task);
        break;
      }
    }
  }

  /** Whether anybody waits. */
  isWaiting(): boolean {
    return this.active.some((task) => task.wait !== null);
  }

  /** Tasks that wait, in the order they began. */
  waiting(): readonly Task[] {
    return this.active.filter((task) => task.wait !== null);
  }

  private resume(task: Task): Suspension | null {
    task.wait = null;
    task.resumptions += 1;
    if (task.resumptions > endless) {
      this.finish(
        task,
        new HarnessFault(`step ${task.stepId ?? "?"} yields for ever: ${endless} resumptions without an end`),
      );
      return null;
    }
    try {
      const result = task.activity!.next();
      if (result.done !== true) {
        if (isSuspension(result.value)) return result.value;
        this.finish(
          task,
          new HarnessFault("a generator yielded something that did not come from env; use yield* on env calls only"),
        );
        return null;
      }
      this.finish(task);
    } catch (error) {
      this.finish(task, error);
    }
    return null;
  }

  private finish(task: Task, error?: unknown): void {
    task.activity = null;
    task.parking = null;
    this.active.splice(this.active.indexOf(task), 1);
    if (error !== undefined) this.hooks.failed(task, error);
    this.passed(task);
    task.stepId = null;
    task.step = null;
    task.atomicDepth = 0;
    if (!task.takesSteps) this.tasks.delete(task.name);
  }

  /** A step has ended or blocked, for the first time: whoever was parked for it goes on. */
  private passed(task: Task): void {
    const step = task.stepId;
    if (step === null || task.step === null || this.ended.has(step)) return;
    this.ended.add(step);
    for (const other of this.active) {
      const { parking } = other;
      if (parking === null || other === task) continue;
      if ("until" in parking) {
        if (parking.until === step) other.parking = null;
      } else {
        parking.count -= 1;
        if (parking.count <= 0) this.unpark(other, step);
      }
    }
    const next = this.chooser.goesOn?.(task.name);
    if (next !== null && next !== undefined) this.unpark(this.task(next), step);
  }

  /** Passages are counted for a step and all deferred work that it leaves behind: a point names the step, not the task. */
  private passagesOf(step: string | null): Map<string, number> | null {
    if (step === null || !this.chooser.counts(step)) return null;
    let counts = this.passages.get(step);
    if (counts === undefined) {
      counts = new Map();
      this.passages.set(step, counts);
    }
    return counts;
  }

  private unpark(task: Task, until: string): void {
    if (task.parking !== null && "count" in task.parking && task.parkedAt !== null)
      this.chooser.paused?.({ ...task.parkedAt, until }, task.name);
    task.parking = null;
  }

  private pick(): Task | null {
    for (const task of this.active)
      if (this.canGoOn(task)) return this.woken.length > 0 && this.woken.includes(task) ? this.firstWoken(task) : task;
    if (this.deferred.length > 0) {
      const deferred = this.deferred.shift()!;
      const task = new Task(`deferred${(this.deferredCount += 1)}`, false);
      this.tasks.set(task.name, task);
      this.launch(task, null, deferred.step, deferred.work());
      return task;
    }
    const step = this.hooks.nextStep(this.view);
    if (step !== null) {
      const task = this.task(step.task);
      this.launch(task, step, step.id, this.hooks.start(task, step));
      return task;
    }
    const parked = this.chooser.keepsParked?.() === true ? null : this.longestParked();
    if (parked === null) return null;
    this.unpark(parked, "idle");
    return this.pick();
  }

  private canGoOn({ parking, wait, interrupted }: Task): boolean {
    if (parking !== null) return false;
    return wait === null || (wait.interruptible && interrupted) || wait.ready();
  }

  /** Who was woken before all others; one that was woken in vain sleeps on. `task` was woken and can go on. */
  private firstWoken(task: Task): Task {
    for (let next = this.woken.shift(); next !== undefined; next = this.woken.shift())
      if (this.canGoOn(next)) return next;
    return task;
  }

  /** So that two tasks which give way to each other take turns. */
  private longestParked(): Task | null {
    let longest: Task | null = null;
    for (const task of this.active)
      if (task.parking !== null && (longest === null || task.parkedSince < longest.parkedSince)) longest = task;
    return longest;
  }

  private launch(
    task: Task,
    step: Step | null,
    stepId: string | null,
    activity: Generator<Suspension, void, unknown>,
  ): void {
    task.activity = activity;
    task.step = step;
    task.stepId = stepId;
    task.wait = null;
    task.passages = this.passagesOf(stepId);
    task.resumptions = 0;
    task.callsMade = 0;
    task.callsBegun = 0;
    task.began = this.started += 1;
    this.active.push(task);
  }
}

function isSuspension(value: unknown): value is Suspension {
  if (typeof value === "string") return true;
  return typeof value === "object" && value !== null && ("tick" in value || "ready" in value);
}
