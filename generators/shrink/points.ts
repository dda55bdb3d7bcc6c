import type { Failure, Preemption, Program } from "../../spec/program.ts";
import { together } from "./pass.ts";
import type { Search, Session } from "./session.ts";

type Point = Preemption | Failure;

function place({ step, site, nth }: Point): string {
  return `${step} ${site} ${nth}`;
}

function isFailure(point: Point): point is Failure {
  return "errno" in point;
}

/** Removes failures, then preemptions: all, then halves down to single ones. */
export function* fewerPoints(session: Session): Search<void> {
  const { schedule, failures } = session.program;
  const points: readonly Point[] = [...failures.toReversed(), ...schedule.toReversed()];
  yield* together(session, points, (program, items) => {
    const gone = new Set(items.filter(isFailure).map(place));
    const parked = new Set(items.filter((point) => !isFailure(point)).map(place));
    return {
      ...program,
      schedule: program.schedule.filter((point) => !parked.has(place(point))),
      failures: program.failures.filter((failure) => !gone.has(place(failure))),
    };
  });
}

/** Lets parked tasks go on earlier: until the first step of another task with which the rule still breaks. */
export function* shorterPauses(session: Session): Search<void> {
  for (const point of session.program.schedule)
    for (const until of earlier(session.program, point)) {
      if (session.exhausted) return;
      const here = place(point);
      const candidate = {
        ...session.program,
        schedule: session.program.schedule.map((other) => (place(other) === here ? { ...other, until } : other)),
      };
      if (yield* session.attempt(candidate)) break;
    }
}

/** Steps of other tasks after the parked one and before the one it waits for. */
function earlier({ steps }: Program, { step, until }: Preemption): readonly string[] {
  const from = steps.findIndex(({ id }) => id === step);
  const to = until === "idle" ? steps.length : steps.findIndex(({ id }) => id === until);
  return steps
    .slice(from + 1, to)
    .filter(({ task }) => task !== steps[from]?.task)
    .map(({ id }) => id);
}
