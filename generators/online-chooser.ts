import type { Errno } from "../spec/errno.ts";
import { classify } from "../spec/operations/classify/classify.ts";
import type { ObjectKind } from "../spec/operations/define.ts";
import type { Failure, Preemption, Setup, Step } from "../spec/program.ts";
import type { Profile } from "../spec/profile.ts";
import { initialState, type State } from "../spec/state/state.ts";
import type { DrawContext } from "./draw/context.ts";
import { draws } from "./draw/draws.ts";
import { drawFailureErrno } from "./failure-errnos.ts";
import type { Random } from "./random.ts";
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
};

/** The number at the end of a name of a kind: 12 of `a12` for `a`; 0 for other names. */
function numberIn(name: string, letter: string): number {
  return name.startsWith(letter) ? Number(/^\d+$/.exec(name.slice(letter.length))?.[0] ?? 0) : 0;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** Stands in the draws' context until there is a state. */
const nowhere = initialState();

/** Draws a step may need before it gives up. */
const tries = 200;

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

  constructor(setup: Setup, profile: Profile, random: Random, temper: Temper) {
    this.random = random;
    this.temper = temper;
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

  next(state: State, tasks: { isIdle(task: string): boolean; inFlight(): readonly Step[] }): Step | null {
    if (this.over || this.steps.length >= this.temper.length) return null;
    const idle = this.temper.tasks.filter((task) => tasks.isIdle(task));
    if (idle.length === 0) return null;
    this.context.state = state;
    this.context.inFlight = tasks.inFlight();
    for (let attempt = 0; attempt < tries; attempt += 1) {
      const step = this.draw(this.random.pick(idle));
      if (step === null) continue;
      this.begun(step);
      this.numbered += 1;
      for (const kind of this.named) this.counts_.set(kind, (this.counts_.get(kind) ?? 0) + 1);
      return step;
    }
    // For good: a program that paused here and went on could not be replayed, as nothing in it would say so.
    this.over = true;
    return null;
  }

  /** Goes on after steps that somebody else chose: names and ids begin after theirs. */
  continueAfter(steps: readonly Step[]): void {
    const names = new Set(
      steps.flatMap((step) => Object.values(step).flat()).filter((value) => typeof value === "string"),
    );
    for (const [kind, letter] of Object.entries(letters) as readonly (readonly [ObjectKind, string])[])
      this.counts_.set(kind, Math.max(0, ...[...names].map((name) => numberIn(name, letter))));
    this.numbered = Math.max(0, ...steps.map(({ id }) => numberIn(id, "s")));
    for (const step of steps) this.begun(step);
  }

  pause(): number | null {
    if (this.temper.pauseRate === 0 || !this.random.chance(this.temper.pauseRate)) return null;
    return this.random.pick([1, 1, 2, 3, 5]);
  }

  paused(parked: Preemption): void {
    this.schedule.push(parked);
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
    return this.temper.pauseRate > 0 || this.temper.failRate > 0 || this.temper.wanted.length > 0;
  }

  private name(kind: ObjectKind): string {
    this.named.push(kind);
    return `${letters[kind] ?? kind}${(this.counts_.get(kind) ?? 0) + 1}`;
  }

  private draw(task: string): Step | null {
    const { random, temper, context } = this;
    this.drawn += 1;
    this.named.length = 0;
    const op = pickOperation(random, temper);
    const misuse = temper.misuse && random.chance(0.3);
    context.task = task;
    context.misuse = misuse;
    context.refused = !misuse && random.chance(temper.refusedRate);
    context.openSection = this.sections.get(task)?.at(-1) ?? null;
    const args = draws[op](context);
    if (args === null) return null;
    const id = `s${this.numbered + 1}`;
    const step = { id, task, op, ...args } as unknown as Mutable<Step>;
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
