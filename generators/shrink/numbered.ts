import type { Program } from "../../spec/program.ts";
import { renamed } from "./names.ts";

/** A name that was made from the id of the step in which the object came up: `s12.attachment1`. */
const derived = /^(s\d+)(?=\.)/;

/**
 * The program with its steps numbered from 1 in their order, as a reader would: what is left of a long one keeps the ids
 * it was drawn with.
 */
export function numbered(program: Program): Program {
  const ids = new Map(program.steps.map(({ id }, index) => [id, `s${index + 1}`]));
  const now = (id: string) => ids.get(id) ?? id;
  const rename = (name: string) => name.replace(derived, now);
  return {
    ...program,
    steps: program.steps.map((step) => ({ ...renamed(step, rename), id: now(step.id) })),
    schedule: program.schedule.map((entry) => ({ ...entry, step: now(entry.step), until: now(entry.until) })),
    failures: program.failures.map((failure) => ({ ...failure, step: now(failure.step) })),
  };
}
