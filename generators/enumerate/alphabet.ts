import { addedOperation } from "../../spec/operations/added.ts";
import type { FieldShape } from "../../spec/operations/define.ts";
import { operationNames, operationOf, type OperationName } from "../../spec/operations/operations.ts";
import type { Errno } from "../../spec/errno.ts";
import type { Program, Step } from "../../spec/program.ts";
import type { Situation } from "../../spec/situation.ts";
import { fieldsOf } from "../shrink/names.ts";

/** A passage that may be made to fail, by its site. */
export interface FailureSite {
  readonly site: string;
  readonly errno: Errno;
}

/** What the steps of a small world may be: all programs over it can be listed by length. */
export interface Alphabet {
  readonly operations: readonly OperationName[];
  /** The values a field may have, by operation and field. Fields that name objects have null here, or nothing. */
  readonly values: ReadonlyMap<OperationName, Readonly<Record<string, readonly unknown[]>>>;
  readonly tasks: readonly string[];
  /** Most names in one list. */
  readonly longestList: number;
  /** Steps may begin with a signal pending. */
  readonly interrupted: boolean;
  /** Steps may be misuse that the kernel reports. */
  readonly misuse: boolean;
  readonly failures: readonly FailureSite[];
}

/**
 * How much beside the program goes in. `own`: its operations and values, nothing else. `wide`: also the operations and
 * failures that the rule's situation names, every word and flag, and nothing in place of an object wherever an operation
 * takes that. `whole`: that with every operation there is.
 */
export const breadths = ["own", "wide", "whole"] as const;
export type Breadth = (typeof breadths)[number];

/** The alphabet of a program that breaks a rule. */
export function alphabetOf(program: Program, situation: Situation | null, breadth: Breadth): Alphabet {
  const { steps } = program;
  const wide = breadth === "own" ? null : situation;
  const wanted = new Set<OperationName>(breadth === "whole" ? operationNames : steps.map(({ op }) => op));
  for (const [op, weight] of Object.entries(wide?.weights ?? {})) if (weight > 0) wanted.add(op as OperationName);
  for (const op of wide?.misuse ?? []) wanted.add(op);
  // Those of another contract stand behind the core's, as they came up.
  const own = [...wanted].filter((op) => addedOperation(op) !== undefined);
  const operations = [...operationNames.filter((op) => wanted.has(op)), ...own];
  const lists = steps.flatMap((step) => Object.values(fieldsOf(step)).filter(Array.isArray));
  const sites = [...program.failures, ...(wide?.failures ?? [])].map(({ site, errno }) => ({ site, errno }));
  return {
    operations,
    values: new Map(operations.map((op) => [op, valuesOf(op, steps, breadth)])),
    tasks: [...new Set(steps.map(({ task }) => task))].map((_, index) => `t${index + 1}`),
    longestList: Math.max(1, ...lists.map((list) => list.length)),
    interrupted: steps.some((step) => step.interrupted === true),
    misuse: steps.some((step) => step.misuse === true),
    failures: sites.filter(
      ({ site, errno }, at) => sites.findIndex((o) => o.site === site && o.errno === errno) === at,
    ),
  };
}

function valuesOf(
  op: OperationName,
  steps: readonly Step[],
  breadth: Breadth,
): Readonly<Record<string, readonly unknown[]>> {
  return Object.fromEntries(
    Object.entries(operationOf(op).fields).map(([field, { shape }]) => {
      const same = steps.filter((step) => step.op === op || (breadth !== "own" && field in step));
      const seen = same.map((step) => fieldsOf(step)[field]);
      return [
        field,
        unique(seen.filter((value) => isValue(value, shape)).concat(further(field, shape, breadth, seen))),
      ];
    }),
  );
}

/** Whether it is a value itself: names of objects are not, nothing in their place is. */
function isValue(value: unknown, shape: FieldShape): boolean {
  switch (shape.kind) {
    case "refer":
    case "text":
      return value === null || (shape.kind === "text" && typeof value === "string");
    case "referList":
    case "create":
      return false;
    case "oneOf":
      return shape.values.includes(value as string);
    case "subset":
      return Array.isArray(value) && value.every((word) => shape.values.includes(word as string));
    case "integer":
      return typeof value === "number";
    case "flag":
      return typeof value === "boolean";
  }
}

/** Values beside those that were seen. */
function further(field: string, shape: FieldShape, breadth: Breadth, seen: readonly unknown[]): readonly unknown[] {
  const wide = breadth !== "own";
  switch (shape.kind) {
    case "refer":
      return shape.nullable && (wide || field === "acquire" || field === "previous") ? [null] : [];
    case "referList":
    case "create":
      return [];
    case "oneOf":
      return wide ? shape.values : [];
    case "flag":
      return wide ? [false, true] : [];
    case "subset":
      return wide ? [[]] : [];
    case "integer":
      return seen.length === 0 ? [Math.max(1, shape.minimum)] : [];
    case "text":
      return seen.length === 0 ? ["n"] : [];
  }
}

function unique(values: readonly unknown[]): readonly unknown[] {
  const byText = new Map(values.map((value) => [JSON.stringify(value), value]));
  return [...byText.values()];
}
