import type { Errno } from "../spec/errno.ts";
import { classify } from "../spec/operations/classify/classify.ts";
import type { ObjectKind } from "../spec/operations/define.ts";
import type { Failure, Preemption, Setup, Step } from "../spec/program.ts";
import type { Profile } from "../spec/profile.ts";
import { initialState, type State } from "../spec/state/state.ts";
import { drawAdded } from "./draw/added.ts";
import type { DrawContext } from "./draw/context.ts";
import { draws } from "./draw/draws.ts";
import { drawFailureErrno } from "./failure-errnos.ts";
import { isWanted } from "./own-part.ts";
import type { Random } from "./random.ts";
import { schedulingOf } from "./schedule/choose.ts";
import { footprint, meets } from "./schedule/footprint.ts";
import type { Scheduling } from "./schedule/scheduling.ts";
import { pickOperation, type Temper } from "./temper.ts";

/** How names of each kind begin. */
export const letters: Partial<Record<ObjectKind, string>> = {
  attachment: "a",
  mapping: "m",
  acquire: "w",
  fence: "f",
  callback: "k",
  fd: "fd",
  import: "p",
  job: "j",
  signalling: "c",
  view: "v",
  space: "mm",
  vma: "vma",
  mirror: "u",
  syncFile: "y",
  slot: "l",
  object: "x",
};

/** The number at the end of a name of a kind: 12 of `a12` for `a`; 0 for other names. */
function numberIn(name: string, letter: string): number {
  return name.startsWith(letter) ? Number(/^\d+$/.exec(name.slice(letter.length))?.[0] ?? 0) : 0;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** Stands in the draws' context until there is a state. */
const nowhere = initialState();

/** How often a point between the calls of a step is passed without asking. */
const mostlyPassed = 0.8;

/** How often a step that begins while another is parked inside its own has to meet it. */
const mostlyNear = 0.6;

const nobody: readonly string[] = [];
const nothing: ReadonlySet<string> = new Set();

/** The tasks of the run. */
interface Tasks {
  isIdle(task: string): boolean;
  inFlight(): readonly Step[];
}

/** Draws a step may need before it gives up, and those after which it may be a refusal as well. */
const tries = 200;
const patience = 100;

/**
 * Draws a program while it runs: each step fits the state that the run has reached.
 * Writes the program down as it goes; that program replays without the seed.
 */
export class OnlineChooser {
  readonly steps: Step[] = [];
  readonly schedule: Preemption[] = [];
  readonly failures: Failure[] = [];
  /** Draws made and draws that became steps, for the share of useful ones. */
  drawn = 0;
  private readonly random: Random;
  private readonly temper: Temper;
  private readonly counts_ = new Map<ObjectKind, number>();
  private over = false;
  /** Kinds of the fresh names that the current draw took. */
  private readonly named: ObjectKind[] = [];
  private readonly sections = new Map<string, string[]>();
  /** The highest number of a step's id so far. */
  private numbered = 0;
  /** What draws look at: one object, set anew for each of them. */
  private readonly context: Mutable<DrawContext>;
  private readonly scheduling: Scheduling | null;
  private readonly others: { readonly parked: string[]; idle: readonly string[] } = { parked: [], idle: nobody };
  private tasks: Tasks | null = null;

  constructor(setup: Setup, profile: Profile, random: Random, temper: Temper) {
    this.random = random;
    this.temper = temper;
    this.scheduling = schedulingOf(temper.schedule, random, temper.length);
    this.context = {
      state: nowhere,
      setup,
      profile,
      inFlight: [],
      random,
      task: "",
      tasks: temper.tasks,
      openSection: null,
      refused: false,
      misuse: false,
      name: (kind) => this.name(kind),
    };
  }

  next(state: State, tasks: Tasks): Step | null {
    this.tasks = tasks;
    if (this.over || this.steps.length >= this.temper.length) return null;
    const idle = this.temper.tasks.filter((task) => tasks.isIdle(task));
    if (idle.length === 0) return null;
    this.context.state = state;
    this.context.inFlight = tasks.inFlight();
    // Settled once for the step: where little is legal, most of what is drawn again would be refusals.
    const refused = this.random.chance(this.temper.refusedRate);
    const open = this.openStep();
    for (let attempt = 0; attempt < tries; attempt += 1) {
      const step = this.draw(this.random.pick(idle), refused || attempt >= patience);
      if (step === null) continue;
      if (open !== null && attempt < patience && !meets(open, footprint(state, step))) continue;
      this.begun(step);
      this.numbered += 1;
      for (const kind of this.named) this.counts_.set(kind, (this.counts_.get(kind) ?? 0) + 1);
      return step;
    }
    // For good: a program that paused here and went on could not be replayed, as nothing in it would say so.
    this.over = true;
    return null;
  }

  /** Goes on after steps that somebody else chose: names begin after theirs, ids after all of `ids`. */
  continueAfter(steps: readonly Step[], ids: readonly string[]): void {
    const names = new Set(
      steps.flatMap((step) => Object.values(step).flat()).filter((value) => typeof value === "string"),
    );
    for (const [kind, letter] of Object.entries(letters) as readonly (readonly [ObjectKind, string])[])
      this.counts_.set(kind, Math.max(0, ...[...names].map((name) => numberIn(name, letter))));
    this.numbered = Math.max(0, ...ids.map((id) => numberIn(id, "s")));
    for (const step of steps) this.begun(step);
  }

  pause(step: string, _site: string, _nth: number, task: string): number | null {
    const { scheduling } = this;
    if (scheduling === null) return null;
    // Between the calls of a step giving way is little more than another order of steps.
    if (!this.isInside(task) && this.random.chance(mostlyPassed)) return null;
    this.others.idle = this.idle();
    if (this.others.idle.length === 0 && this.others.parked.length === 0) return null;
    if (!scheduling.givesWay({ task, touches: () => this.touchedBy(step) }, this.others)) return null;
    this.others.parked.push(task);
    return Number.POSITIVE_INFINITY;
  }

  goesOn(task: string): string | null {
    if (this.others.parked.length === 0) return null;
    this.others.idle = this.idle();
    return this.scheduling?.goesOn(task, this.others) ?? null;
  }

  paused(parked: Preemption, task: string): void {
    this.schedule.push(parked);
    this.others.parked.splice(this.others.parked.indexOf(task), 1);
  }

  /** Whether a task is in the middle of a call; deferred work always is. */
  private isInside(task: string): boolean {
    return !this.temper.tasks.includes(task) || (this.context.state.tasks.get(task)?.frames.length ?? 0) > 0;
  }

  /**
   * What a step that somebody is parked in may touch, mostly: what comes in between has to have to do with it.
   * Null where nobody is parked, and now and then else.
   */
  private openStep(): ReadonlySet<string> | null {
    const { parked } = this.others;
    if (parked.length === 0 || !this.random.chance(mostlyNear)) return null;
    const task = this.random.pick(parked);
    const step = this.context.inFlight.find((entry) => entry.task === task);
    return step === undefined ? null : footprint(this.context.state, step);
  }

  /** What a step may touch, by its id. */
  private touchedBy(id: string): ReadonlySet<string> {
    const step = this.steps.findLast((entry) => entry.id === id);
    return step === undefined ? nothing : footprint(this.context.state, step);
  }

  /** Tasks that could take a step. */
  private idle(): readonly string[] {
    const { tasks, temper } = this;
    if (tasks === null || this.over || this.steps.length >= temper.length) return nobody;
    return temper.tasks.filter((task) => tasks.isIdle(task));
  }

  fail(step: string, site: string, nth: number): Errno {
    const { wanted: sites } = this.temper;
    const wanted = sites.length === 0 ? undefined : sites.find((entry) => entry.site === site);
    const rate = wanted === undefined ? this.temper.failRate : Math.max(0.3, this.temper.failRate);
    if (rate === 0 || !this.random.chance(rate)) return 0;
    const errno = wanted?.errno ?? drawFailureErrno(this.random, site);
    this.failures.push({ step, site, nth, errno });
    return errno;
  }

  counts(): boolean {
    return this.scheduling !== null || this.temper.failRate > 0 || this.temper.wanted.length > 0;
  }

  private name(kind: ObjectKind): string {
    this.named.push(kind);
    return `${letters[kind] ?? kind}${(this.counts_.get(kind) ?? 0) + 1}`;
  }

  private draw(task: string, refused: boolean): Step | null {
    const { random, temper, context } = this;
    this.drawn += 1;
    this.named.length = 0;
    const op = pickOperation(random, temper);
    const misuse = temper.misuse && random.chance(0.3);
    context.task = task;
    context.misuse = misuse;
    context.refused = !misuse && refused;
    context.openSection = this.sections.get(task)?.at(-1) ?? null;
    const known = draws[op];
    const args = known === undefined ? drawAdded(context, op) : known(context);
    if (args === null) return null;
    const id = `s${this.numbered + 1}`;
    const step = { id, task, op, ...args } as unknown as Mutable<Step>;
    if (temper.only !== undefined && !isWanted(temper.only, step)) return null;
    if (random.chance(temper.interruptRate)) step.interrupted = true;
    switch (classify(context, step)) {
      case "enabled":
      case "refused":
        return step;
      case "reported":
        if (!misuse) return null;
        step.misuse = true;
        return step;
      case "undefined":
        return null;
    }
  }

  private begun(step: Step): void {
    this.steps.push(step);
    if (step.op === "beginSignalling") {
      const open = this.sections.get(step.task) ?? [];
      open.push(step.section);
      this.sections.set(step.task, open);
    }
    if (step.op === "endSignalling") this.sections.get(step.task)?.pop();
  }
}
