import { addedOperation } from "../../spec/operations/added.ts";
import { namesThere } from "../../spec/operations/classify/added.ts";
import type { FieldShape } from "../../spec/operations/define.ts";
import type { DrawContext } from "./context.ts";

/** Most names in a list. */
const longestList = 3;

/** Draws the arguments of an operation of a contract beside the core from the shapes of its fields alone. */
export function drawAdded(context: DrawContext, op: string): object | null {
  const args: Record<string, unknown> = {};
  for (const [field, { shape }] of Object.entries(addedOperation(op)?.fields ?? {})) {
    const value = drawValue(context, shape);
    if (value === undefined) return null;
    args[field] = value;
  }
  return args;
}

/** Undefined where there is nothing to draw. */
function drawValue(context: DrawContext, shape: FieldShape): unknown {
  const { random } = context;
  switch (shape.kind) {
    case "refer": {
      const names = namesThere(context, shape);
      if (shape.nullable && (names.length === 0 || random.chance(0.1))) return null;
      return names.length === 0 ? undefined : random.pick(names);
    }
    case "referList": {
      const names = namesThere(context, shape);
      if (names.length === 0) return undefined;
      return [...new Set(Array.from({ length: random.between(1, longestList) }, () => random.pick(names)))];
    }
    case "create":
      return context.name(shape.object);
    case "oneOf":
      return random.pick(shape.values);
    case "subset":
      return shape.values.filter(() => random.chance(0.4));
    case "integer":
      return random.chance(0.5)
        ? shape.minimum
        : random.between(shape.minimum, Math.min(shape.maximum, shape.minimum + 64));
    case "flag":
      return random.chance(0.5);
    case "text":
      return shape.nullable && random.chance(0.1) ? null : "n";
  }
}
