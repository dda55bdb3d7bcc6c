import type { HistoryEvent, WaitFor } from "../spec/event.ts";
import type { OperationName } from "../spec/operations/operations.ts";
import type { Setup, Step } from "../spec/program.ts";
import type { Profile } from "../spec/profile.ts";
import type { Env } from "../spec/roles/env.ts";
import type { Suspension, Tick } from "../spec/roles/suspendable.ts";
import { initialState, type State } from "../spec/state/state.ts";
import type { Chooser } from "./chooser.ts";
import { drainActions, type DrainAction } from "./drain.ts";
import { directEnv } from "./env/env.ts";
import { HarnessFault } from "./fault.ts";
import { RunContext, type StepHandler } from "./run-context.ts";
import type { Sink } from "./recorder.ts";
import { bufferSteps } from "./steps/buffers.ts";
import { cpuSteps } from "./steps/cpu.ts";
import { faultSteps } from "./steps/faults.ts";
import { fenceSteps } from "./steps/fences.ts";
import { importerSteps } from "./steps/importers.ts";
import { platformSteps } from "./steps/platform.ts";
import { reservationSteps } from "./steps/reservations.ts";
import { spaceSteps } from "./steps/spaces.ts";
import { syncSteps } from "./steps/sync.ts";
import type { System } from "./system.ts";
import type { Task } from "./task.ts";
import { World } from "./world.ts";

const handlers = {
  ...bufferSteps,
  ...importerSteps,
  ...reservationSteps,
  ...fenceSteps,
  ...platformSteps,
  ...cpuSteps,
  ...spaceSteps,
  ...syncSteps,
  ...faultSteps,
} as unknown as Readonly<Partial<Record<OperationName, StepHandler<OperationName>>>>;

/**
 * Events after which whatever the last step set off counts as running for ever, and the same for the drain. A step may
 * have to tell each object that was made before it, so the length of a whole program says nothing.
 */
const endless = 60_000;

/** Events after which a program gets no further step: a history has to fit into memory. */
const largest = 240_000;

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

/** What a run is made with, besides the program. */
interface RunOptions {
  /** Who sees every event and holds the state; null for a run that leaves no history. */
  readonly observer: Observer | null;
  /** Makes the env of a role instance, or of the program. */
  readonly envFor: (world: World, by: string) => Env;
}

/** One run on one system, of whatever the chooser chooses. */
export class Run {
  fault: string | null = null;
  steps = 0;
  readonly world: World;
  readonly context: RunContext;
  private over = false;
  private late = false;
  /** Events that were there when the last step began, or the drain. */
  private begun = 0;
  private readonly chooser: Chooser;

  constructor(setup: Setup, profile: Profile, system: System, chooser: Chooser, options: RunOptions) {
    const { observer } = options;
    this.chooser = chooser;
    const state = stateOf(observer);
    this.world = new World(
      setup,
      profile,
      chooser,
      {
        nextStep: (tasks) => {
          if (this.over || this.fault !== null || this.isFull()) return null;
          return chooser.next(state(), tasks);
        },
        start: (_task, step) => this.start(step),
        failed: (task, error) => this.failed(task, error),
      },
      observer === null
        ? null
        : (event) => {
            if (event.seq - this.begun > endless)
              throw new HarnessFault(`the run did not end within ${endless} events after the last step began`);
            observer.event(event);
          },
      state,
    );
    this.world.framework = system.framework(directEnv(this.world));
    this.context = new RunContext(this.world, system, options.envFor);
    if (system.added !== undefined) {
      const { name, hash } = system.added;
      this.world.recorder.emit({ kind: "contract", name, hash });
    }
    this.world.tellPlatform();
  }

  /** What the run left behind. */
  result(): Execution {
    return { events: this.world.recorder.events, fault: this.fault, steps: this.steps };
  }

  /** Runs the program, then the drain, to the end of the history. */
  *toEnd(): Generator<Tick, void, unknown> {
    const { scheduler, recorder } = this.world;
    yield* this.toRest();
    this.over = true;
    this.begun = recorder.events.length;
    scheduler.draining = true;
    const left = this.isFull() ? (this.chooser.notBegun?.() ?? 0) : 0;
    if (left > 0)
      this.fault ??= `the program is too large: after ${largest} events ${left} of its steps have not begun; make it shorter`;
    if (this.fault !== null) return;
    scheduler.current = scheduler.task("drain");
    recorder.emit({ kind: "drain" });
    yield* this.drain();
    if (this.fault !== null) return;
    scheduler.current = scheduler.task("drain");
    recorder.emit({ kind: "end", waiting: this.waiting() });
  }

  /** Runs the program until nobody can go on. Time passes once in a program: what still waits then waits for the drain. */
  *toRest(): Generator<Tick, void, unknown> {
    yield* this.world.scheduler.drive();
    if (this.late) return;
    this.late = true;
    yield* this.timePasses();
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

  private isFull(): boolean {
    return this.world.recorder.events.length > largest;
  }

  private *start(step: Step): Generator<Suspension, void, unknown> {
    this.steps += 1;
    this.begun = this.world.recorder.events.length;
    if (step.interrupted === true) this.world.scheduler.current.interrupted = true;
    yield* (handlers[step.op] ?? this.context.system.added!.steps[step.op]!)(this.context, step);
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

function stateOf(observer: Observer | null): () => State {
  if (observer !== null) return () => observer.state;
  const empty = initialState();
  return () => empty;
}

function firstNew(actions: Iterable<DrainAction>, done: ReadonlySet<string>): DrainAction | undefined {
  for (const action of actions) if (!done.has(action.key)) return action;
  return undefined;
}
