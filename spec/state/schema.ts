/**
 * Fields of the abstract state, declared once: object, codec, hash and printer come from the declaration.
 * `core` fields are finite and decide behaviour, `relative` ones matter by rank or difference, `ghost` ones are for rules only.
 */
export type FieldRole = "core" | "relative" | "ghost";

/** One declared field; `T` is its TypeScript type. */
export interface Field<T> {
  readonly role: FieldRole;
  /** Carries the type only. */
  readonly type?: T;
}

type Fields = Readonly<Record<string, Field<unknown>>>;

/** A field of type T. */
export function field<T>(role: FieldRole = "core"): Field<T> {
  return { role };
}

/** The object a row of a table is. Rows are written in place by `observe` and by nobody else. */
export type Row<F extends Fields> = { -readonly [K in keyof F]: F[K] extends Field<infer T> ? T : never };

/** A table of named rows. */
export type Table<F extends Fields> = Map<string, Row<F>>;

/** Declares a table; the identity function with a type. */
export function table<const F extends Fields>(fields: F): F {
  return fields;
}
