import type { Preemption, Program } from "../../spec/program.ts";
import { holdsOf } from "./locks.ts";
import { withoutSteps } from "./names.ts";
import { each } from "./pass.ts";
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
    inside.flatMap(({ id, task }, at) => {
      if (task === lock.task) return [];
      const own = unlock ?? inside.slice(at + 1).findLast((other) => other.task === lock.task);
      return own === undefined ? [] : [{ step: id, last: own.id }];
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

/** A step that a lock of another task holds up, with the lock and its unlock. */
interface HeldUp {
  readonly hold: readonly string[];
  readonly step: string;
  readonly until: string;
}

/** Parks a step where a lock of another task held it up, and drops that lock. */
export function* pauseForHold(session: Session): Search<void> {
  yield* each(session, heldUp(session.program), (program, { hold, step, until }) =>
    withoutSteps({ ...program, schedule: [...program.schedule, { step, site: "lock", nth: 1, until }] }, hold),
  );
}

function heldUp({ steps }: Program): readonly HeldUp[] {
  return holdsOf(steps).flatMap(({ lock, unlock, inside }) => {
    // Dropping the lock alone for a pause gains nothing.
    if (unlock === null) return [];
    const others = inside.filter(({ task }) => task !== lock.task);
    return others.flatMap((step, place) => {
      const next = others.slice(place + 1).find(({ task }) => task !== step.task);
      return next === undefined ? [] : [{ hold: [lock.id, unlock.id], step: step.id, until: next.id }];
    });
  });
}
