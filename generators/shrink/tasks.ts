import type { Step } from "../../spec/program.ts";
import { together } from "./pass.ts";
import type { Search, Session } from "./session.ts";

const first = "t1";

/** Moves steps into the first task: all other tasks, then halves down to single ones. */
export function* fewerTasks(session: Session): Search<void> {
  const tasks = new Set(session.program.steps.map(({ task }) => task));
  tasks.delete(first);
  yield* together(session, [...tasks], (program, names) => {
    const merged = new Set(names);
    const into = (name: string) => (merged.has(name) ? first : name);
    return { ...program, steps: program.steps.map((step) => inTask(step, into)) };
  });
}

function inTask(step: Step, into: (name: string) => string): Step {
  const task = into(step.task);
  if (step.op === "interrupt") return { ...step, task, target: into(step.target) };
  return task === step.task ? step : { ...step, task };
}
