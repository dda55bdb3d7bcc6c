import type { FieldShape } from "../../spec/operations/define.ts";
import { operationOf } from "../../spec/operations/operations.ts";
import type { Program, Step } from "../../spec/program.ts";
import { fieldsOf, withFields } from "./names.ts";
import { together } from "./pass.ts";
import type { Search, Session } from "./session.ts";

/** Values from the simplest on, by the name of the field. */
const words: Readonly<Record<string, readonly string[]>> = {
  direction: ["bidirectional", "toDevice"],
  usage: ["kernel", "bookkeep", "write"],
  kind: ["read", "write"],
  placement: ["system"],
};
const numbers: Readonly<Record<string, readonly number[]>> = {
  timeline: [1, 2],
  seqno: [1, 2, 3],
  count: [1, 2],
  error: [-5],
};
/** How many values of a field are tried at most. */
const deepest = 3;

function preferred(field: string, shape: FieldShape): readonly unknown[] {
  switch (shape.kind) {
    case "flag":
      return [false];
    case "oneOf":
      return words[field] ?? [];
    case "integer":
      return numbers[field] ?? [Math.max(0, shape.minimum)];
    case "text":
      return ["n"];
    default:
      return [];
  }
}

/** A field of one step, or of several that have to agree, with the value to try. */
interface Change {
  readonly ids: readonly string[];
  readonly field: string;
  readonly value: unknown;
}

/** Changes of every field to its value at this place in the order of preference, where that is an improvement. */
function changes({ steps }: Program, depth: number): readonly Change[] {
  return steps.flatMap((step) =>
    Object.entries(operationOf(step.op).fields).flatMap(([field, { shape }]) => {
      const order = preferred(field, shape);
      const now = order.indexOf(fieldsOf(step)[field]);
      if (depth >= order.length || (now >= 0 && now <= depth)) return [];
      return [{ ids: agreeing(steps, step, field), field, value: order[depth] }];
    }),
  );
}

/** An unmap names the direction of its map. */
function agreeing(steps: readonly Step[], step: Step, field: string): readonly string[] {
  if (field !== "direction" || !("mapping" in step)) return [step.id];
  return steps.filter((other) => "mapping" in other && other.mapping === step.mapping).map(({ id }) => id);
}

function changed(program: Program, items: readonly Change[]): Program {
  const byId = new Map<string, Record<string, unknown>>();
  for (const { ids, field, value } of items) for (const id of ids) byId.set(id, { ...byId.get(id), [field]: value });
  return {
    ...program,
    steps: program.steps.map((step) => {
      const own = Object.entries(byId.get(step.id) ?? {}).filter(([field]) => field in step);
      return own.length === 0 ? step : withFields(step, Object.fromEntries(own));
    }),
  };
}

/** A word or name in a list of a step; `pending` stands for the mark of a signal that is pending. */
interface Listed {
  readonly id: string;
  readonly field: string;
  readonly entry: string;
}

const pending = "interrupted";

function listed({ steps }: Program): readonly Listed[] {
  return steps.flatMap((step) => {
    const marks = step.interrupted === true ? [{ id: step.id, field: pending, entry: "" }] : [];
    const lists = Object.entries(operationOf(step.op).fields).flatMap(([field, { shape }]) =>
      shape.kind === "subset" || shape.kind === "referList"
        ? (fieldsOf(step)[field] as readonly string[]).map((entry) => ({ id: step.id, field, entry }))
        : [],
    );
    return [...marks, ...lists];
  });
}

function unlisted(program: Program, items: readonly Listed[]): Program {
  const steps = program.steps.map((step) => {
    let now: Step = step;
    for (const { field, entry } of items.filter(({ id }) => id === step.id))
      if (field === pending) {
        const { interrupted: _, ...rest } = now;
        now = rest as Step;
      } else now = withFields(now, { [field]: shorter(step, now, field, entry) });
    return now;
  });
  return { ...program, steps };
}

/** A list of names never becomes empty: that would be another kind of step. */
function shorter(step: Step, now: Step, field: string, entry: string): readonly string[] {
  const list = fieldsOf(now)[field] as readonly string[];
  const rest = list.filter((other) => other !== entry);
  const names = operationOf(step.op).fields[field]?.shape.kind === "referList";
  return rest.length === 0 && names ? list : rest;
}

/** Shorter lists, no pending signals, and every field as simple as it can be. */
export function* simplerValues(session: Session): Search<void> {
  yield* together(session, listed(session.program), unlisted);
  for (let depth = 0; depth < deepest; depth += 1) yield* together(session, changes(session.program, depth), changed);
}
