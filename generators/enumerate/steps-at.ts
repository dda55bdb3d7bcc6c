import { admits } from "../../spec/operations/classify/classify.ts";
import type { ClassifyContext } from "../../spec/operations/classify/context.ts";
import type { FieldShape, ObjectKind } from "../../spec/operations/define.ts";
import { operationOf, type OperationName } from "../../spec/operations/operations.ts";
import type { Program, Step } from "../../spec/program.ts";
import { letters } from "../online-chooser.ts";
import { fieldsOf } from "../shrink/names.ts";
import type { Alphabet } from "./alphabet.ts";

/**
 * Every step over the alphabet that the task may take now, with names in the order in which they come up:
 * programs that differ in names only are one.
 */
export function stepsAt(
  alphabet: Alphabet,
  context: ClassifyContext,
  program: Program,
  id: string,
  task: string,
): readonly Step[] {
  const names = namesOf(program, alphabet);
  const steps: Step[] = [];
  for (const op of alphabet.operations)
    for (const fields of combinations(alphabet, program, names, op))
      for (const marks of marksOf(alphabet)) {
        const step = { id, task, op, ...fields, ...marks } as Step;
        if (admits(context, step)) steps.push(step);
      }
  return steps;
}

type Names = Readonly<Partial<Record<ObjectKind, readonly string[]>>>;

/** Names that a step may use, by kind of object. */
function namesOf({ setup, steps }: Program, alphabet: Alphabet): Names {
  const names: Partial<Record<ObjectKind, string[]>> = {
    device: setup.devices.map(({ name }) => name),
    importer: setup.importers.map(({ name }) => name),
    exporter: setup.exporters.map(({ name }) => name),
    reservation: [...setup.reservations],
    task: [...alphabet.tasks],
  };
  for (const step of steps) {
    for (const [field, { shape }] of Object.entries(operationOf(step.op).fields))
      if (shape.kind === "create") (names[shape.object] ??= []).push(fieldsOf(step)[field] as string);
    if (step.op === "export") names.reservation!.push(reservationOf(setup, step.buffer));
  }
  names.reservation = [...new Set(names.reservation)];
  return names;
}

function reservationOf(setup: Program["setup"], buffer: string): string {
  return setup.buffers.find(({ name }) => name === buffer)?.resv ?? `${buffer}.resv`;
}

/** All ways to fill the fields of an operation. */
function combinations(
  alphabet: Alphabet,
  program: Program,
  names: Names,
  op: OperationName,
): readonly Readonly<Record<string, unknown>>[] {
  let rows: readonly Readonly<Record<string, unknown>>[] = [{}];
  for (const [field, { shape }] of Object.entries(operationOf(op).fields)) {
    const known = alphabet.values.get(op)?.[field] ?? [];
    const choices = [...known, ...namesFor(shape, program, names, alphabet.longestList)];
    rows = rows.flatMap((row) => choices.map((value) => ({ ...row, [field]: value })));
  }
  return rows;
}

/** Names and lists of names that a field may have. */
function namesFor(shape: FieldShape, program: Program, names: Names, longest: number): readonly unknown[] {
  switch (shape.kind) {
    case "refer":
      return names[shape.object] ?? [];
    case "referList":
      return lists(names[shape.object] ?? [], longest);
    case "create": {
      const taken = names[shape.object] ?? [];
      if (shape.object === "buffer")
        return program.setup.buffers.map(({ name }) => name).filter((name) => !taken.includes(name));
      return [`${letters[shape.object] ?? shape.object}${taken.length + 1}`];
    }
    default:
      return [];
  }
}

/** Every order of every choice of at most `longest` of them, none twice. */
function lists(names: readonly string[], longest: number): readonly (readonly string[])[] {
  if (longest === 0) return [];
  return names.flatMap((name) => [
    [name],
    ...lists(
      names.filter((other) => other !== name),
      longest - 1,
    ).map((rest) => [name, ...rest]),
  ]);
}

function marksOf({ interrupted, misuse }: Alphabet): readonly Readonly<Record<string, true>>[] {
  const marks: Readonly<Record<string, true>>[] = [{}];
  if (interrupted) marks.push({ interrupted: true });
  return misuse ? marks.flatMap((mark) => [mark, { ...mark, misuse: true as const }]) : marks;
}
