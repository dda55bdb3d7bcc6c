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

/** Of all holds of a reservation object by the first task one remains: from the first lock to the last unlock. */
function oneHold(program: Program): Program {
  const taken = new Set<string>();
  const last = new Map(
    program.steps.flatMap((step) => (step.op === "unlock" && step.task === first ? [[step.resv, step.id]] : [])),
  );
  const steps = program.steps.filter((step) => {
    if (step.task !== first) return true;
    if (step.op === "unlock") return last.get(step.resv) === step.id;
    if (!isLock(step)) return true;
    if (taken.has(step.resv)) return false;
    taken.add(step.resv);
    return true;
  });
  return { ...program, steps };
}
