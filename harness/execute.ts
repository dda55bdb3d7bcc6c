import type { HistoryEvent, WaitFor } from "../spec/event.ts";
import type { OperationName } from "../spec/operations/operations.ts";
import type { Setup, Step } from "../spec/program.ts";
import type { Profile } from "../spec/profile.ts";
import type { Suspension, Tick } from "../spec/roles/suspendable.ts";
import type { State } from "../spec/state/state.ts";
import type { Chooser } from "./chooser.ts";
import { drainActions, type DrainAction } from "./drain.ts";
import { directEnv } from "./env/env.ts";
import { HarnessFault } from "./fault.ts";
import { RunContext, type StepHandler } from "./run-context.ts";
import type { Sink } from "./recorder.ts";
import { bufferSteps } from "./steps/buffers.ts";
import { fenceSteps } from "./steps/fences.ts";
import { importerSteps } from "./steps/importers.ts";
import { reservationSteps } from "./steps/reservations.ts";
import type { System } from "./system.ts";
import type { Task } from "./task.ts";
import { World } from "./world.ts";

const handlers = { ...bufferSteps, ...importerSteps, ...reservationSteps, ...fenceSteps } as unknown as Readonly<
  Record<OperationName, StepHandler<OperationName>>
>;

/** Events after which a run counts as running for ever. */
const endless = 400_000;

/** Whoever judges: it folds the state, and sees every event before that. */
export interface Observer {
  readonly state: State;
  event: Sink;
}

/** What a run left behind. */
export interface Execution {
  readonly events: readonly HistoryEvent[];
  /** Why the run is not a verdict: our failure or the adapter's. Null for a run that came to its end. */
  readonly fault: string | null;
  /** Steps that were carried out. */
  readonly steps: number;
}

/** One run of one program on one system. */
class Run {
  fault: string | null = null;
  steps = 0;
  readonly world: World;
  readonly context: RunContext;
  private over = false;

  constructor(setup: Setup, profile: Profile, system: System, chooser: Chooser, observer: Observer) {
    this.world = new World(
      setup,
      profile,
      chooser,
      {
        nextStep: (tasks) => (this.over || this.fault !== null ? null : chooser.next(observer.state, tasks)),
        start: (_task, step) => this.start(step),
        failed: (task, error) => this.failed(task, error),
      },
      (event) => {
        if (event.seq > endless) throw new HarnessFault(`the run did not end within ${endless} events`);
        observer.event(event);
      },
      () => observer.state,
    );
    this.world.framework = system.framework(directEnv(this.world));
    this.context = new RunContext(this.world, system);
  }

  /** Runs the program, then the drain, to the end of the history. */
  *toEnd(): Generator<Tick, void, unknown> {
    const { scheduler, recorder } = this.world;
    yield* scheduler.drive();
    yield* this.timePasses();
    this.over = true;
    scheduler.draining = true;
    if (this.fault !== null) return;
    scheduler.current = scheduler.task("drain");
    recorder.emit({ kind: "drain" });
    yield* this.drain();
    if (this.fault !== null) return;
    scheduler.current = scheduler.task("drain");
    recorder.emit({ kind: "end", waiting: this.waiting() });
  }

  private *drain(): Generator<Tick, void, unknown> {
    const { scheduler } = this.world;
    const done = new Set<string>();
    for (let count = 1; this.fault === null; count += 1) {
      const action = firstNew(drainActions(this.context), done);
      if (action === undefined) break;
      done.add(action.key);
      const task = scheduler.task(action.task);
      if (task.activity !== null) continue;
      scheduler.begin(task, `drain${count}`, action.activity(`drain${count}`));
      yield* scheduler.drive();
      yield* this.timePasses();
    }
  }

  /** Nobody can run: finite waits expire. */
  private *timePasses(): Generator<Tick, void, unknown> {
    const { scheduler } = this.world;
    if (!scheduler.isWaiting()) return;
    this.world.recorder.idle();
    yield* scheduler.drive();
  }

  private *start(step: Step): Generator<Suspension, void, unknown> {
    this.steps += 1;
    if (step.interrupted === true) this.world.scheduler.current.interrupted = true;
    yield* handlers[step.op](this.context, step);
    if (step.interrupted === true) this.world.scheduler.current.interrupted = false;
    this.world.names.forget(step.id);
  }

  private failed(task: Task, error: unknown): void {
    if (this.fault !== null) return;
    const where = task.stepId === null ? "" : ` (step ${task.stepId})`;
    if (error instanceof HarnessFault) this.fault = `${error.message}${where}`;
    else this.fault = `the adapter threw${where}: ${error instanceof Error ? error.message : String(error)}`;
  }

  private waiting(): readonly { readonly task: string; readonly wait: WaitFor }[] {
    const state = this.world.state();
    return this.world.scheduler.waiting().flatMap(({ name }) => {
      const wait = state.tasks.get(name)?.waiting;
      return wait === null || wait === undefined ? [] : [{ task: name, wait }];
    });
  }
}

function firstNew(actions: Iterable<DrainAction>, done: ReadonlySet<string>): DrainAction | undefined {
  for (const action of actions) if (!done.has(action.key)) return action;
  return undefined;
}

/**
 * Runs one program. Synchronous while every role method is plain or a generator; a promise as soon as one is async.
 * Never throws for what the system does: see `Execution.fault`. Throws a RangeError for a set-up the system cannot play.
 */
export function execute(
  setup: Setup,
  profile: Profile,
  system: System,
  chooser: Chooser,
  observer: Observer,
): Execution | Promise<Execution> {
  const run = new Run(setup, profile, system, chooser, observer);
  const driver = run.toEnd();
  if (driver.next().done === true) return result(run);
  return (async () => {
    do await Promise.resolve();
    while (driver.next().done !== true);
    return result(run);
  })();
}

function result(run: Run): Execution {
  return { events: run.world.recorder.events, fault: run.fault, steps: run.steps };
}
