/** What an argument or result of a call may be, by the word it is declared with; a list of words stands for one of them. */
interface Kinds {
  readonly name: string;
  readonly nameOrNull: string | null;
  readonly names: readonly string[];
  readonly integer: number;
  readonly integers: readonly number[];
  readonly flag: boolean;
  readonly flags: readonly boolean[];
}

export type FieldKind = keyof Kinds | readonly string[];
export type FieldKinds = Readonly<Record<string, FieldKind>>;

type ValueOf<F> = F extends keyof Kinds ? Kinds[F] : F extends readonly (infer W)[] ? W : never;

/** The values of declared fields. */
export type Values<F> = { readonly [K in keyof F]: ValueOf<F[K]> };

/** All that the language knows of a call or hook in one place: its arguments, what it answers beside its errno, its words. */
export interface CallRecord<A extends FieldKinds, R extends FieldKinds> {
  readonly args: A;
  readonly results: R;
  readonly phrase: (of: Values<A>) => string;
}

/** Declares a call or hook that answers nothing but an errno. */
export function record<const A extends FieldKinds>(
  args: A,
  phrase: (of: Values<A>) => string,
): CallRecord<A, Record<never, never>> {
  return { args, results: {}, phrase };
}

/** Declares a call or hook that answers something. */
export function answering<const A extends FieldKinds, const R extends FieldKinds>(
  args: A,
  results: R,
  phrase: (of: Values<A>) => string,
): CallRecord<A, R> {
  return { args, results, phrase };
}

/** A table of such declarations. */
export type CallRecords = Readonly<
  Record<string, { readonly args: FieldKinds; readonly results: FieldKinds; readonly phrase: (of: never) => string }>
>;

/** Arguments by name, as `CallArgs` lists them. */
export type ArgsIn<T> = { readonly [K in keyof T]: T[K] extends { readonly args: infer A } ? Values<A> : never };

/** Answers by name, as `CallResults` lists them. */
export type ResultsIn<T> = { readonly [K in keyof T]: T[K] extends { readonly results: infer R } ? Values<R> : never };
