import type { Preemption, Program, Step } from "../../spec/program.ts";
import { holdsOf } from "./locks.ts";
import { withoutSteps } from "./names.ts";
import { each, shorter } from "./pass.ts";
import type { Search, Session } from "./session.ts";

/**
 * Moves a parked step behind the one it waits for, and a step that a lock of another task may hold up behind what that
 * task does with the lock: often the order was all that pause and lock were about.
 */
export function* orderForPause(session: Session): Search<void> {
  yield* each(session, session.program.schedule.toReversed(), behind);
  yield* each(session, held(session.program), (program, { step, last }) => moved(program, step, last));
}

function behind(program: Program, point: Preemption): Program {
  const last = point.until === "idle" ? program.steps.at(-1)!.id : point.until;
  const schedule = program.schedule.filter((other) => other.step !== point.step);
  return moved({ ...program, schedule }, point.step, last);
}

/** A step of another task in a hold, and the last step of the task that holds the lock. */
function held({ steps }: Program): readonly { readonly step: string; readonly last: string }[] {
  return holdsOf(steps).flatMap(({ lock, unlock, inside }) =>
    inside.flatMap((step, at) => {
      // An unlock of the same object says that this lock is the one that waits.
      if (step.task === lock.task || (step.op === "unlock" && step.resv === lock.resv)) return [];
      const own = unlock ?? inside.slice(at + 1).findLast((other) => other.task === lock.task);
      return own === undefined ? [] : [{ step: step.id, last: own.id }];
    }),
  );
}

function moved(program: Program, id: string, behindId: string): Program {
  const step = program.steps.find((other) => other.id === id);
  const rest = program.steps.filter((other) => other !== step);
  const at = rest.findIndex((other) => other.id === behindId) + 1;
  return step === undefined || at === 0
    ? program
    : { ...program, steps: [...rest.slice(0, at), step, ...rest.slice(at)] };
}

/** A step that may be held up by others of another task, and the first step after it of a third. */
interface HeldUp {
  readonly gone: readonly string[];
  readonly step: string;
  readonly until: string;
}

/** Parks a step where a lock or a parked step of another task held it up, and drops those. */
export function* pauseForHold(session: Session): Search<void> {
  const { steps } = session.program;
  const locks = holdsOf(steps).flatMap(({ lock, unlock, inside }) =>
    // Dropping the lock alone for a pause gains nothing.
    unlock === null ? [] : heldUp(lock.task, [lock.id, unlock.id], inside),
  );
  const parked = session.program.schedule.flatMap(({ step, until }) => {
    const from = steps.findIndex(({ id }) => id === step);
    const to = until === "idle" ? steps.length : steps.findIndex(({ id }) => id === until) + 1;
    return heldUp(steps[from]?.task ?? "", [step], steps.slice(from + 1, to));
  });
  yield* each(session, [...locks, ...parked], (program, { gone, step, until }) => {
    const schedule = program.schedule.filter((point) => !gone.includes(point.step));
    return withoutSteps({ ...program, schedule: [...schedule, { step, site: "lock", nth: 1, until }] }, gone);
  });
}

/** Takes a lock and keeps it, in place of a step that is parked with it. */
export function* holdForPause(session: Session): Search<void> {
  const { program } = session;
  const objects = new Set(
    program.steps.flatMap((step) => ("buffer" in step ? [`${step.buffer}.resv`] : "resv" in step ? [step.resv] : [])),
  );
  const candidates = program.schedule.flatMap(({ step: id }) =>
    [...objects].map((resv): Program => {
      const steps = program.steps.map((step) =>
        step.id === id ? ({ id, task: step.task, op: "lock", resv, acquire: null } as const) : step,
      );
      return { ...program, steps, schedule: program.schedule.filter((point) => point.step !== id) };
    }),
  );
  yield* shorter(session, candidates);
}

function heldUp(task: string, gone: readonly string[], inside: readonly Step[]): readonly HeldUp[] {
  const others = inside.filter((step) => step.task !== task);
  return others.flatMap((step, place) => {
    const next = others.slice(place + 1).find((other) => other.task !== step.task);
    return next === undefined ? [] : [{ gone, step: step.id, until: next.id }];
  });
}
