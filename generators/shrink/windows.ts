import type { Preemption, Program } from "../../spec/program.ts";
import { shorter } from "./pass.ts";
import type { Search, Session } from "./session.ts";

/** Beyond this length it is too early, and there are too many candidates. */
const longest = 16;
/** How often a step may pass a place before the window opens there. */
const deepest = 4;

/**
 * One pause in place of several: a window that was found by detours is open at a place that nobody was parked at, most
 * often where its step takes or drops a lock.
 */
export function* fewerPauses(session: Session): Search<void> {
  const { program } = session;
  const { schedule, steps } = program;
  if (schedule.length < 2 || steps.length > longest) return;
  const sites = [...new Set([...schedule.map(({ site }) => site), "lock", "unlock"])];
  const spans = new Map(schedule.map(({ step, until }) => [`${step} ${until}`, { step, until }]));
  const points = [...spans.values()].flatMap(({ step, until }) =>
    Array.from({ length: deepest }, (_, index) =>
      sites.map((site): Preemption => ({ step, site, nth: index + 1, until })),
    ).flat(),
  );
  yield* shorter(
    session,
    points.map((point): Program => ({ ...program, schedule: [point] })),
  );
}
