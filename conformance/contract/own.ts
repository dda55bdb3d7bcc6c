import type { Handler, Handlers, Monitor } from "../../contracts/monitor.ts";
import type { Rule } from "../../contracts/rule.ts";
import type { Actor } from "../../harness/added/actor.ts";
import type { AddedTables } from "../../spec/added-contract.ts";
import type { FieldKinds, Values } from "../../spec/call-record.ts";
import type { Errno } from "../../spec/errno.ts";
import type { ClassifyContext, StepClass } from "../../spec/operations/classify/context.ts";
import type { LockNeed, StepField } from "../../spec/operations/define.ts";
import type { Outcome, OutcomeContext } from "../../spec/operations/outcomes/context.ts";
import type { Env } from "../../spec/roles/env.ts";
import type { Exporter } from "../../spec/roles/exporter.ts";
import type { Framework } from "../../spec/roles/framework.ts";
import type { Importer } from "../../spec/roles/importer.ts";
import type { Suspendable } from "../../spec/roles/suspendable.ts";
import type { StepDraft } from "../../spec/scopes/scope.ts";
import type { Row } from "../../spec/state/schema.ts";
import type { State } from "../../spec/state/state.ts";

// The types of what a contract adds. Everything here follows from what its author writes: no casts, no `any`.

/** Fields of an operation, as `spec/operations/define.ts` makes them. */
export type Fields = Readonly<Record<string, StepField<unknown>>>;

/** The arguments that fields stand for. */
export type ArgsOf<F> = { readonly [K in keyof F]: F[K] extends StepField<infer T> ? T : never };

/** The rows of a contract's own tables. */
export type Tables<S> = { readonly [K in keyof S]: Map<string, Row<S[K] & AddedTables[string]>> };

/** The same for those who only look. */
export type TablesSeen<S> = { readonly [K in keyof S]: ReadonlyMap<string, Readonly<Row<S[K] & AddedTables[string]>>> };

/** Whether a fault is switched on in the contract's implementation. */
export type Has<X extends string> = (fault: X) => boolean;

/** The implementation: role instances that take the place of the reference's, and parts of its framework. */
export interface Roles<E, I, P, X extends string> {
  readonly exporter?: (env: Env, has: Has<X>) => E;
  readonly importer?: (env: Env, has: Has<X>) => I;
  readonly framework?: (env: Env, has: Has<X>) => P;
}

/** Bounds of the three. */
export type AnyExporter = Exporter;
export type AnyImporter = Importer;
export type AnyPart = Partial<Framework>;

/** One operation that a contract adds. `S`: its tables; `F` and `A`: the operation's fields and answers. */
export interface OwnOperation<S, E, I, P, F extends Fields, A extends FieldKinds> {
  /** What it does, in one sentence. */
  readonly summary: string;
  readonly fields: F;
  /** What it answers beside its errno, as `spec/call-record.ts` declares it. */
  readonly answers?: A;
  /** The reservation lock at the call; not held by default. */
  readonly lock?: LockNeed;
  /** How often it is tried beside the others; 10 by default, where those of the core have 1 to 12. */
  readonly weight?: number;
  /** Whether a step of it is legal now, what it names being there; always by default. */
  readonly enabled?: (own: TablesSeen<S>, args: ArgsOf<F>, context: ClassifyContext) => boolean | StepClass;
  /** Names that no other step may touch while this one lasts. */
  readonly exclusive?: (args: ArgsOf<F>) => readonly string[];
  /** Legal answers, the preferred one first; absent: any answer is. */
  readonly outcomes?: (own: TablesSeen<S>, args: ArgsOf<F>, context: OutcomeContext) => readonly Outcome[];
  /** Carries it out: nothing or 0, a positive errno, or its answers. */
  readonly run: (actor: Actor<E, I, P>, args: ArgsOf<F>) => Suspendable<Errno | void | Values<A>>;
  /** In a few words, as failure texts show it. */
  readonly print: (args: ArgsOf<F>) => string;
}

interface EventHead {
  readonly seq: number;
  readonly task: string;
  readonly step: string | null;
  readonly atomic: boolean;
  readonly by: string;
}

/** The call of an operation of its own. */
export type OwnCall<F> = EventHead & { readonly kind: "call" } & ArgsOf<F>;
/** Its return. Its answers count only where the errno is 0. */
export type OwnRet<F, A> = EventHead & {
  readonly kind: "ret";
  readonly call: number;
  readonly errno: Errno;
} & ArgsOf<F> &
  Values<A>;

type FieldsIn<O> = O extends { readonly fields: infer F } ? F : never;
type AnswersIn<O> = O extends { readonly answers?: infer A }
  ? string extends keyof Exclude<A, undefined>
    ? Record<never, never>
    : Exclude<A, undefined>
  : never;

/** Handlers for calls and returns of the contract's own operations, by the operation's own name. */
export type OwnHandlers<O, M> = {
  readonly [K in keyof O & string as `call ${K}`]?: Handler<OwnCall<FieldsIn<O[K]>>, M>;
} & {
  readonly [K in keyof O & string as `ret ${K}`]?: Handler<OwnRet<FieldsIn<O[K]>, AnswersIn<O[K]>>, M>;
};

/** How the tables change: a function for each event that changes them, own calls and returns or events of the core. */
export type OwnFold<S, O> = {
  readonly [K in keyof O & string as `call ${K}`]?: Fold<OwnCall<FieldsIn<O[K]>>, S>;
} & {
  readonly [K in keyof O & string as `ret ${K}`]?: Fold<OwnRet<FieldsIn<O[K]>, AnswersIn<O[K]>>, S>;
} & {
  readonly [K in keyof Handlers<undefined>]?: Handlers<undefined>[K] extends Handler<infer E, undefined> | undefined
    ? Fold<E, S>
    : never;
};

type Fold<E, S> = (event: E, own: Tables<S>, state: State) => void;

/** A rule as its author writes it; `sources` only where they are others than the contract's. */
export type OwnRule = Pick<Rule, "id" | "obliged" | "statement" | "intent" | "hints" | "situation"> &
  Partial<Pick<Rule, "sources">> & { readonly monitor: Monitor };

/** What a contract's rules are written with, beside what all rules are. */
export interface Words<S, O> {
  /** A rule of level MUST that is checked, from the sources of the contract. */
  readonly must: (rule: OwnRule) => Rule;
  /** Its own tables in a state. */
  readonly own: (state: State) => TablesSeen<S>;
  /** How the tables change, by event. */
  readonly changes: (handlers: OwnFold<S, O>) => OwnFold<S, O>;
  /** A monitor that also listens to its own operations. */
  readonly on: (handlers: OwnHandlers<O, undefined> & Handlers<undefined>) => Monitor;
  /** The same with memory, fresh for every history. */
  readonly remember: <M>(memory: () => M, handlers: OwnHandlers<O, M> & Handlers<M>) => Monitor;
  /** A step of one of its own operations, as a scope writes it. */
  readonly draft: <K extends keyof O & string>(
    operation: K,
    step: { readonly task: string } & ArgsOf<FieldsIn<O[K]>>,
  ) => StepDraft;
}
