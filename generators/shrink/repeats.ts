import type { Program, Step } from "../../spec/program.ts";
import { operationOf } from "../../spec/operations/operations.ts";
import { fieldsOf, freshName, namesGiven, pruned, takenNames, withFields, withoutSteps } from "./names.ts";
import { each } from "./pass.ts";
import type { Search, Session } from "./session.ts";

/** Beyond this length it is too early, and there are too many candidates. */
const longest = 16;

/** A step that goes with all that depends on it, and one that is done several times more. */
interface Swap {
  readonly gone: string;
  readonly again: string;
}

/**
 * Does a step that is there anyway several times in place of others that have the same effect in a roundabout way:
 * a counter that merges and waits pushed up goes up by plain calls too.
 */
export function* repeats(session: Session): Search<void> {
  const { program } = session;
  if (program.steps.length > longest) return;
  const swaps = program.steps.flatMap(({ id }) => {
    const rest = remaining(program, id);
    // With nothing but the step itself gone a repetition would not be shorter.
    if (program.steps.length - rest.length < 2) return [];
    return rest.filter(repeatable).map((step) => ({ gone: id, again: step.id }));
  });
  yield* each(session, swaps.toReversed(), repeated);
}

function remaining(program: Program, id: string): readonly Step[] {
  return pruned(withoutSteps(program, [id]), namesGiven(program)).steps;
}

/** Buffers are exported once; a second lock or begin would only wait or nest. */
function repeatable(step: Step): boolean {
  return step.op === "addCallback" || step.op === "attach" || step.op === "mapUnlocked" || step.op === "map"
    ? true
    : step.op === "import" || step.op === "submit" || step.op === "fenceGet" || step.op === "getRef";
}

function repeated(program: Program, { gone, again }: Swap): Program {
  const rest = remaining(program, gone);
  const at = rest.findIndex(({ id }) => id === again);
  const count = program.steps.length - rest.length - 1;
  if (at < 0 || count < 1) return program;
  const copies: Step[] = [];
  const taken = takenNames(program);
  while (copies.length < count) copies.push(copy(rest[at]!, taken));
  return { ...program, steps: [...rest.slice(0, at + 1), ...copies, ...rest.slice(at + 1)] };
}

/** The step with an id and with names of its own. */
function copy(step: Step, taken: Set<string>): Step {
  const made = Object.entries(operationOf(step.op).fields).filter(([, { shape }]) => shape.kind === "create");
  const names = made.map(([field]) => [field, freshName(String(fieldsOf(step)[field]), taken)] as const);
  return withFields(step, { id: freshName(step.id, taken), ...Object.fromEntries(names) });
}
