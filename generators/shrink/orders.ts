import type { Preemption, Program, Step } from "../../spec/program.ts";
import { withoutSteps } from "./names.ts";
import { each } from "./pass.ts";
import type { Search, Session } from "./session.ts";

/** Moves a parked step behind the one it waits for: often the order was all that the pause was about. */
export function* orderForPause(session: Session): Search<void> {
  yield* each(session, session.program.schedule.toReversed(), behind);
}

function behind(program: Program, point: Preemption): Program {
  const parked = program.steps.find(({ id }) => id === point.step);
  if (parked === undefined) return program;
  const rest = program.steps.filter((step) => step !== parked);
  const at = point.until === "idle" ? rest.length : rest.findIndex(({ id }) => id === point.until) + 1;
  return {
    ...program,
    steps: [...rest.slice(0, at), parked, ...rest.slice(at)],
    schedule: program.schedule.filter((other) => other.step !== point.step),
  };
}

/** A step that a lock of another task holds up, with the lock and its unlock. */
interface HeldUp {
  readonly hold: readonly string[];
  readonly step: string;
  readonly until: string;
}

const locks: readonly Step["op"][] = ["lock", "lockInterruptible", "lockSlow", "lockSlowInterruptible", "trylock"];

/** Parks a step where a lock of another task held it up, and drops that lock. */
export function* pauseForHold(session: Session): Search<void> {
  yield* each(session, heldUp(session.program), (program, { hold, step, until }) =>
    withoutSteps({ ...program, schedule: [...program.schedule, { step, site: "lock", nth: 1, until }] }, hold),
  );
}

function heldUp({ steps }: Program): readonly HeldUp[] {
  return steps.flatMap((lock, at) => {
    if (!("resv" in lock) || !locks.includes(lock.op)) return [];
    const after = steps.slice(at + 1);
    const end = after.findIndex((step) => step.op === "unlock" && step.task === lock.task && step.resv === lock.resv);
    // Dropping the lock alone for a pause gains nothing.
    if (end < 0) return [];
    const hold = [lock.id, after[end]!.id];
    const inside = after.slice(0, end).filter(({ task }) => task !== lock.task);
    return inside.flatMap((step, place) => {
      const next = inside.slice(place + 1).find(({ task }) => task !== step.task);
      return next === undefined ? [] : [{ hold, step: step.id, until: next.id }];
    });
  });
}
