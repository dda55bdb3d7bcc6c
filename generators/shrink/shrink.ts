import type { Program } from "../../spec/program.ts";
import type { Kinds } from "../world-shape.ts";
import { fewerFences } from "./fences.ts";
import { filesOfBuffers } from "./files.ts";
import { plainerForms } from "./forms.ts";
import { imports } from "./imports.ts";
import { fencesOfDrivers, manyFences } from "./jobs.ts";
import { fewerObjects, nothingInstead } from "./objects.ts";
import { holdForPause, orderForPause, pauseForHold } from "./orders.ts";
import { fewerPairs } from "./pairs.ts";
import { fewerPoints, shorterPauses } from "./points.ts";
import { shorterPrefixes } from "./prefixes.ts";
import { repeats } from "./repeats.ts";
import { shortcuts } from "./shortcuts.ts";
import { lengthOf, Session, type Search, type Shrunk } from "./session.ts";
import { simplerSetup } from "./setup.ts";
import { fewerKinds, fewerSteps, onlyRelated } from "./steps.ts";
import { fewerTasks } from "./tasks.ts";
import { fewerPauses } from "./windows.ts";
import { simplerValues } from "./values.ts";

/** Settings of the shrinker. */
export interface ShrinkOptions {
  /** Most executions, the first one counted in. 250 by default. */
  readonly executions?: number;
  /** Importers and exporters that may take the place of those in the program; only its own where none are given. */
  readonly kinds?: Kinds;
}

/** One kind of change, tried wherever it applies. */
type Pass = (session: Session) => Search<void>;

/** A shorter program that fails as the first one did. */
export interface ShrinkResult {
  readonly program: Program;
  /** Programs that were run. */
  readonly executions: number;
  /** Length of the program: steps, preemptions and failures. */
  readonly steps: number;
  /** The same of the program that was handed in. */
  readonly initial: number;
  /** False: the program handed in did not fail at all and is answered as it was. */
  readonly reproduced: boolean;
}

/**
 * Runs a candidate. Null: the target does not fail. Otherwise the candidate without what did not happen,
 * which must replay like it, and the last step that had begun when the target failed.
 */
export type Fails = (candidate: Program) => Shrunk | null;

const usual = 250;

/**
 * The search itself: yields candidates, is told what came of each, returns the shortest failing program it found.
 * `first` is what came of the program; equal programs and answers give equal searches.
 */
export function* shrinking(program: Program, first: Shrunk, options: ShrinkOptions = {}): Search<ShrinkResult> {
  const session = new Session(first, 1, options.executions ?? usual, options.kinds ?? kindsIn(program));
  yield* session.cut();
  yield* onlyRelated(session);
  yield* fewerKinds(session);
  for (;;) {
    const before = session.program;
    yield* structure(session);
    const shorter = session.program;
    yield* simplerSetup(session);
    yield* simplerValues(session);
    yield* shorterPauses(session);
    // What is simpler now may let something go that had to stay; what is shorter never needs a second look.
    if (session.exhausted || session.program === before || (session.program === shorter && before === shorter)) break;
  }
  return {
    program: session.program,
    executions: session.executions,
    steps: lengthOf(session.program),
    initial: lengthOf(program),
    reproduced: true,
  };
}

function kindsIn({ setup }: Program): Kinds {
  return { exporters: setup.exporters.map(({ kind }) => kind), importers: setup.importers.map(({ kind }) => kind) };
}

/** Passes that make the program shorter one step at a time, or make room for one that does. */
const gradual: readonly Pass[] = [
  fewerPoints,
  fewerSteps,
  manyFences,
  orderForPause,
  fewerTasks,
  fewerPairs,
  pauseForHold,
  plainerForms,
  fewerObjects,
];

/** Passes that look for another way to do the same, where nothing else is left: the first that finds one is the last. */
const detours: readonly Pass[] = [
  nothingInstead,
  repeats,
  shortcuts,
  imports,
  fewerFences,
  fencesOfDrivers,
  filesOfBuffers,
  fewerPauses,
  holdForPause,
  shorterPrefixes,
];

/** Everything that makes the program shorter, until nothing does. */
function* structure(session: Session): Search<void> {
  for (;;) {
    const before = session.program;
    for (const pass of gradual) yield* pass(session);
    // Another order of the same steps is no step ahead, and there are many.
    if (lengthOf(session.program) === lengthOf(before)) {
      const { program } = session;
      for (const pass of detours) if (session.program === program) yield* pass(session);
      if (session.program === program) return;
    }
    if (session.exhausted) return;
  }
}

/** The search from its first candidate on: the program itself. */
function* whole(program: Program, options: ShrinkOptions): Search<ShrinkResult> {
  const first = yield program;
  if (first !== null) return yield* shrinking(program, first, options);
  const length = lengthOf(program);
  return { program, executions: 1, steps: length, initial: length, reproduced: false };
}

type MaybePromise<T> = T | Promise<T>;

function goOn(
  search: Search<ShrinkResult>,
  from: IteratorResult<Program, ShrinkResult>,
  fails: (candidate: Program) => MaybePromise<Shrunk | null>,
): MaybePromise<ShrinkResult> {
  let next = from;
  while (next.done !== true) {
    const answer = fails(next.value);
    if (answer instanceof Promise) return answer.then((known) => goOn(search, search.next(known), fails));
    next = search.next(answer);
  }
  return next.value;
}

/**
 * Makes a failing program shorter and simpler while it still fails. Deterministic: no clock, no dice.
 * The order: cut after the failing step; keep only what it is about; failures and preemptions; steps with what
 * depends on them; tasks; pairs that undo each other; plainer operations; fewer objects; repetitions, shortcuts and shortest beginnings; set-up; values; pauses.
 * Answers a promise as soon as running a candidate does; candidates run one after the other.
 */
export function shrink(program: Program, fails: Fails, options?: ShrinkOptions): ShrinkResult;
export function shrink(
  program: Program,
  fails: (candidate: Program) => MaybePromise<Shrunk | null>,
  options?: ShrinkOptions,
): MaybePromise<ShrinkResult>;
export function shrink(
  program: Program,
  fails: (candidate: Program) => MaybePromise<Shrunk | null>,
  options: ShrinkOptions = {},
): MaybePromise<ShrinkResult> {
  const search = whole(program, options);
  return goOn(search, search.next(), fails);
}
