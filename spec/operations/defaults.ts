import type { FieldShape } from "./define.ts";
import type { OperationName, StepArgs } from "./operations.ts";

// Only the program builder fills these in; files and generators write every field.

/** Fields that carry a step's whole point and are never filled in, whatever their shape. */
const always = ["on"] as const;
/** Fields whose name alone has a neutral value. Null: no context; the first node of a chain. */
const byName = { direction: "bidirectional", acquire: null, previous: null } as const;

type NeutralField<F, T> = F extends (typeof always)[number]
  ? never
  : [T] extends [boolean]
    ? F
    : [T] extends [readonly (infer W)[]]
      ? string extends W
        ? never
        : F
      : F extends keyof typeof byName
        ? [(typeof byName)[F]] extends [T]
          ? F
          : never
        : never;

/** Fields that follow from an earlier step: the buffer an attachment is attached to. */
type OwnField<K extends OperationName, F> = K extends "detach" ? Extract<F, "buffer"> : never;

type OptionalField<K extends OperationName> = {
  [F in keyof StepArgs<K>]: NeutralField<F, StepArgs<K>[F]> | OwnField<K, F>;
}[keyof StepArgs<K>];

/** The arguments of a step as the builder takes them: what has a neutral value may be left out. */
export type StepInput<K extends OperationName> = Omit<StepArgs<K>, OptionalField<K> & PropertyKey> &
  Partial<Pick<StepArgs<K>, OptionalField<K> & keyof StepArgs<K>>>;

/** The neutral value of a field: flags false, subsets empty, direction bidirectional. Undefined if it has none. */
export function neutralValue(field: string, shape: FieldShape): unknown {
  if ((always as readonly string[]).includes(field)) return undefined;
  if (shape.kind === "flag") return false;
  if (shape.kind === "subset") return [];
  const named = shape.kind === "oneOf" || (shape.kind === "refer" && shape.nullable);
  return named && Object.hasOwn(byName, field) ? (byName as Readonly<Record<string, unknown>>)[field] : undefined;
}
