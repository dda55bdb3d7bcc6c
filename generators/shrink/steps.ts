import type { Program, Step } from "../../spec/program.ts";
import { namesMade, namesUsed, withoutSteps } from "./names.ts";
import { inHalves } from "./pass.ts";
import type { Search, Session } from "./session.ts";

/** Removes steps from the end, halves down to single ones, each with all that depends on it. */
export function* fewerSteps(session: Session): Search<void> {
  yield* inHalves(session, session.program.steps.map(({ id }) => id).toReversed(), withoutSteps);
}

/** Up to this many steps they are tried one by one anyway. */
const few = 40;

/** Of a long program removes all steps of an operation at once, halves of the operations that occur down to single ones. */
export function* fewerKinds(session: Session): Search<void> {
  const { steps } = session.program;
  if (steps.length <= few) return;
  const kinds = [...new Set(steps.map(({ op }) => op).toReversed())];
  yield* inHalves(session, kinds, (program, gone) => ({
    ...program,
    steps: program.steps.filter(({ op }) => !gone.includes(op)),
  }));
}

/**
 * Keeps what the last step depends on by name: only steps that name nothing else, or all steps that name any of it.
 * One execution where the failure is about one object, which is most of the time.
 */
export function* onlyRelated(session: Session): Search<void> {
  const last = session.program.steps.at(-1);
  if (last === undefined || session.program.steps.length < 8) return;
  const names = ancestors(session.program, [last]);
  const names2 = (step: Step) => [...namesUsed(step), ...namesMade(step)].filter((name) => !isContext(step, name));
  const pure = (step: Step) => names2(step).every((name) => names.has(name));
  if (yield* session.attempt(keeping(session.program, pure))) return;
  const touching = session.program.steps.filter((step) => names2(step).some((name) => names.has(name)));
  const wider = ancestors(session.program, touching);
  yield* session.attempt(keeping(session.program, (step) => names2(step).every((name) => wider.has(name))));
}

/** Acquire contexts belong to whatever is locked with them. */
function isContext(step: Step, name: string): boolean {
  return "acquire" in step && step.acquire === name;
}

function keeping(program: Program, keep: (step: Step) => boolean): Program {
  return { ...program, steps: program.steps.filter(keep) };
}

/** All names that these steps use, that the steps creating those use, and so on. */
function ancestors({ steps, setup }: Program, from: readonly Step[]): ReadonlySet<string> {
  const names = new Set(from.flatMap((step) => [...namesUsed(step), ...namesMade(step)]));
  for (const step of steps.toReversed())
    if (namesMade(step).some((name) => names.has(name)))
      for (const name of [...namesUsed(step), ...namesMade(step)]) names.add(name);
  for (const { name, resv, exporter } of setup.buffers)
    if (names.has(name)) {
      names.add(exporter);
      names.add(resv ?? `${name}.resv`);
    }
  return names;
}
