import { operationOf, type OperationName } from "../../spec/operations/operations.ts";
import type { Program, Setup, Step } from "../../spec/program.ts";

/** Fields of each operation by what they do with names; tasks exist by being named and are left out. */
interface FieldNames {
  readonly uses: readonly string[];
  readonly makes: readonly string[];
}
const byOperation = new Map<OperationName, FieldNames>();

function fieldNames(op: OperationName): FieldNames {
  let known = byOperation.get(op);
  if (known === undefined) {
    const fields = Object.entries(operationOf(op).fields);
    const using = fields.filter(
      ([, { shape }]) => (shape.kind === "refer" && shape.object !== "task") || shape.kind === "referList",
    );
    const making = fields.filter(([, { shape }]) => shape.kind === "create");
    known = { uses: using.map(([field]) => field), makes: making.map(([field]) => field) };
    byOperation.set(op, known);
  }
  return known;
}

/** A step as a record of its fields. */
export function fieldsOf(step: Step): Readonly<Record<string, unknown>> {
  return step as unknown as Readonly<Record<string, unknown>>;
}

/** The step with some fields changed; whoever changes them keeps to their shapes. */
export function withFields(step: Step, changes: Readonly<Record<string, unknown>>): Step {
  return { ...step, ...changes } as Step;
}

/** Names that a step refers to. */
export function namesUsed(step: Step): readonly string[] {
  const values = fieldsOf(step);
  return fieldNames(step.op).uses.flatMap((field) => {
    const value = values[field];
    if (value === null) return [];
    return typeof value === "string" ? [value] : (value as readonly string[]);
  });
}

function makesBuffer(step: Step): step is Step<"export" | "exportRegion"> {
  return step.op === "export" || step.op === "exportRegion";
}

/** Names that a step creates; exporting a buffer also makes its reservation object. */
export function namesMade(step: Step): readonly string[] {
  const values = fieldsOf(step);
  const made = fieldNames(step.op).makes.map((field) => values[field] as string);
  return makesBuffer(step) ? [...made, `${step.buffer}.resv`] : made;
}

/** The step with every reference renamed; a list that would name something twice names it once. */
export function renamed(step: Step, rename: (name: string) => string): Step {
  const values = fieldsOf(step);
  const changes: Record<string, unknown> = {};
  for (const field of fieldNames(step.op).uses) {
    const value = values[field];
    if (value === null) continue;
    const now = typeof value === "string" ? rename(value) : unique((value as readonly string[]).map(rename));
    if (now !== value) changes[field] = now;
  }
  return Object.keys(changes).length === 0 ? step : withFields(step, changes);
}

function unique(names: readonly string[]): readonly string[] {
  return [...new Set(names)];
}

/** Names of the set-up that no step has to create. */
function namesOfSetup({ devices, importers, exporters, reservations }: Setup): readonly string[] {
  return [...reservations, ...[...devices, ...importers, ...exporters].map(({ name }) => name)];
}

/** Names that are there before the first step: the set-up's, and those of buffers that no step exports. */
export function namesGiven({ setup, steps }: Program): ReadonlySet<string> {
  const exported = new Set(steps.flatMap((step) => (makesBuffer(step) ? [step.buffer] : [])));
  const given = setup.buffers.filter(({ name }) => !exported.has(name)).flatMap(({ name }) => [name, `${name}.resv`]);
  return new Set([...namesOfSetup(setup), ...given]);
}

/** Steps whose names are all there, in order; a target of `interrupt` must be a task with steps of its own. */
function bound(program: Program, given: ReadonlySet<string>): readonly Step[] {
  // A pass may have given the program a role or a device that was not there before.
  const known = new Set([...given, ...namesOfSetup(program.setup)]);
  const tasks = new Set(program.steps.map(({ task }) => task));
  return program.steps.filter((step) => {
    if (!namesUsed(step).every((name) => known.has(name))) return false;
    if (step.op === "interrupt" && !tasks.has(step.target)) return false;
    for (const name of namesMade(step)) known.add(name);
    return true;
  });
}

/**
 * The program without what no longer means anything: steps that use names nobody creates, points in steps that are
 * gone. Whoever waits for a step that is gone waits until nobody else can run. `given`: as `namesGiven` of the program
 * from which it was made, so that a buffer whose export went takes with it what depends on it.
 */
export function pruned(program: Program, given: ReadonlySet<string>): Program {
  let current = program;
  // A dropped step may have been the last one of a task that an earlier step interrupts.
  for (;;) {
    const steps = bound(current, given);
    if (steps.length === current.steps.length) break;
    current = { ...current, steps };
  }
  const ids = new Set(current.steps.map(({ id }) => id));
  return {
    ...current,
    schedule: current.schedule
      .filter((point) => ids.has(point.step))
      .map((point) => (point.until === "idle" || ids.has(point.until) ? point : { ...point, until: "idle" })),
    failures: current.failures.filter((failure) => ids.has(failure.step)),
  };
}

/** The program without these steps. What depends on them goes when it is pruned. */
export function withoutSteps(program: Program, ids: Iterable<string>): Program {
  const gone = new Set(ids);
  return { ...program, steps: program.steps.filter(({ id }) => !gone.has(id)) };
}

/** A name like this one, with the first number that makes it one nobody has; from now on it is taken. */
export function freshName(like: string, taken: Set<string>): string {
  const stem = like.replace(/\d+$/, "");
  for (let number = 1; ; number += 1) {
    const next = `${stem}${number}`;
    if (taken.has(next)) continue;
    taken.add(next);
    return next;
  }
}

/** Names that mean something in the program: of its set-up, of its steps, and what these create and use. */
export function takenNames({ setup, steps }: Program): Set<string> {
  const given = [...namesOfSetup(setup), ...setup.buffers.map(({ name }) => name)];
  return new Set([...given, ...steps.flatMap((step) => [step.id, ...namesMade(step), ...namesUsed(step)])]);
}
