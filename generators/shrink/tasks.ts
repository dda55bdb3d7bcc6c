import type { Program, Step } from "../../spec/program.ts";
import { each, together } from "./pass.ts";
import { isLock } from "./locks.ts";
import type { Search, Session } from "./session.ts";

const first = "t1";

/**
 * Moves steps into the first task: all other tasks, then halves down to single ones.
 * Tasks that wait for each other's locks become one that takes each lock once.
 */
export function* fewerTasks(session: Session): Search<void> {
  const tasks = new Set(session.program.steps.map(({ task }) => task));
  tasks.delete(first);
  yield* together(session, [...tasks], merged);
  const left = new Set(session.program.steps.map(({ task }) => task));
  left.delete(first);
  const holding = session.program.steps.some((step) => left.has(step.task) && isLock(step));
  if (holding) yield* each(session, [[...left]], (program, names) => oneHold(merged(program, names)));
}

function merged(program: Program, names: readonly string[]): Program {
  const gone = new Set(names);
  const into = (name: string) => (gone.has(name) ? first : name);
  return { ...program, steps: program.steps.map((step) => inTask(step, into)) };
}

function inTask(step: Step, into: (name: string) => string): Step {
  const task = into(step.task);
  if (step.op === "interrupt") return { ...step, task, target: into(step.target) };
  return task === step.task ? step : { ...step, task };
}

/** Where the first task takes a lock more than once it takes it once, and gives it back at the end if it did so before. */
function oneHold(program: Program): Program {
  const own = program.steps.filter(({ task }) => task === first);
  const takes = (resv: string) => own.filter((step) => isLock(step) && step.resv === resv);
  const gives = (resv: string) => own.filter((step) => step.op === "unlock" && step.resv === resv);
  const gone = new Set<Step>();
  for (const step of own) {
    if (!isLock(step)) continue;
    const [kept, ...others] = takes(step.resv);
    if (others.length === 0 || step !== kept) continue;
    const ends = gives(step.resv);
    for (const other of [...others, ...(ends.length > others.length ? ends.slice(0, -1) : ends)]) gone.add(other);
  }
  return { ...program, steps: program.steps.filter((step) => !gone.has(step)) };
}
