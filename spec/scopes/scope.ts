import type { Errno } from "../errno.ts";
import type { Setup, Step } from "../program.ts";
import type { State } from "../state/state.ts";
import type { Names } from "./names.ts";

/**
 * The state of a scope while code works on it: one slot a field, an id, or a pair of ids, in the order `layout` gives.
 * All zero means that nothing has happened to anything.
 */
export type Scratch = Int32Array;

/**
 * What a value of a field is. `plain`: a number that means the same under every naming of the ids.
 * A reference is 0 for none, else 1 + id. A set has bit `id` set for each member.
 */
export type FieldValue = "plain" | { readonly refers: string } | { readonly set: string };

/** One field of a scope. */
export interface ScopeField {
  /** Id types it has a slot for: none (one slot for the world), one, or two (a slot for each pair). */
  readonly of: readonly string[];
  /** Values are 0 to size - 1. At least 2. */
  readonly size: number;
  readonly value: FieldValue;
  /** The full state does not show it: only what follows from it is compared. */
  readonly hidden?: true;
}

/** A step without its id; whoever makes a program of it numbers it. */
export type StepDraft = Step extends infer S ? (S extends Step ? Omit<S, "id"> : never) : never;

/** A passage of an implementation at which the task of a step may be held: the `nth`, from 1, of a yield point. */
export interface HoldPoint {
  readonly site: string;
  readonly nth: number;
}

/** Asks about a state and the ids an operation takes. */
export type Condition = (s: Scratch, a: number, b: number, c: number) => boolean;

/**
 * One transition of a scope, for every choice of the ids it takes. `a`, `b` and `c` are ids of the types in `takes`;
 * those it does not take are 0.
 */
export interface ScopeOperation {
  /** Its own name, unique in the scope: `lockWaits`. */
  readonly name: string;
  /** The call it is one outcome of: `lock`. Of the outcomes of one call at most one is enabled in a state. */
  readonly call: string;
  /** Id types of its arguments, at most three. The same type twice means two ids, which may be equal. */
  readonly takes: readonly string[];
  /** What the contract answers, or what a wait ends with. 0: success. */
  readonly errno: Errno;
  readonly enabled: Condition;
  /** The same in two parts, the first of which all outcomes of the call share; null where there is no such part. */
  readonly guard: { readonly may: Condition; readonly when: Condition } | null;
  /** Whether the call, none of whose outcomes is enabled, is legal all the same but beyond the scope's bounds. */
  readonly bounded: Condition;
  /** Changes the state in place, or is `unchanged`. Only called where enabled. */
  readonly apply: (s: Scratch, a: number, b: number, c: number) => void;
  /**
   * The steps of a program that carry it out, usually one; `names` gives objects their names and, with `fresh`, new ones.
   * The last step runs until nobody can go on.
   */
  readonly steps: (names: Names, a: number, b: number, c: number) => readonly StepDraft[];
  /** Where the task of the last step stays, if it comes there, until an operation lets it go on. */
  readonly holds?: HoldPoint;
  /** The task that was held and goes on after the first step. */
  readonly releases?: (names: Names, a: number, b: number, c: number) => string;
}

/** What an operation that changes nothing applies: the explorer need not look for the state it leads to. */
export const unchanged = (): void => undefined;

/**
 * A small closed world over a few fields of the abstract state, explored exhaustively by `generators/explore`.
 *
 * How to write one (see `fences.ts`):
 *
 * 1. Choose the fields: what decides which calls are legal and how they end, and nothing else. They are read from
 *    the `State` that histories fold into, as `project` does; `hidden` is for the rare one that it does not show.
 * 2. Give objects that are alike an id type and a small count. Never let the number of an id mean anything (no `a < b`
 *    between ids, no "id 0 is special"): the explorer treats all namings of the ids as one. Where order matters it is a
 *    plain rank per id. Number what is not alike by separate fields or separate types with a count of one.
 * 3. Declare the fields with `layout`, which numbers the slots: `s[slots.signaled + fence]`,
 *    `s[slots.mapped + importer * counts.buffer + buffer]`.
 * 4. Write the operations with `call`, one for each outcome: taken, waits, refused with EDEADLK. Those of one call exclude
 *    each other. A legal refusal is an operation with an `errno`, which as a rule leaves the state as it is.
 *    What the language calls undefined or misuse has no operation; what is legal but left out to keep the world small is
 *    said by `bounded`, so that a test can tell the two apart.
 * 5. A state of a scope is one at rest: nobody can go on without a further step. A call that blocks is one transition (the
 *    request: the task waits), the step that lets it go on is another, whose `apply` does all that follows by itself.
 *    A race inside of a call is told the same way: one transition `holds` its task at a yield point, another `releases` it.
 * 6. Zero is the start: after `prelude` the projection of the state is all zero, or what `initial` writes.
 * 7. List it in `scopes.ts` and give `test/generators/explore/scopes.test.ts` its counts. The tests then show that it is closed,
 *    that its counts are as stored, and that transitions carried out by the reference end in the state the scope says.
 *    While writing, `node dist/cli/main.js explore NAME` prints the counts, and differences one by one.
 */
export interface Scope {
  readonly name: string;
  /** One sentence: what it covers. */
  readonly about: string;
  /** Rule areas it serves: `FENCE`. */
  readonly areas: readonly string[];
  /** Profile its programs run in: `K7.1`. */
  readonly profile: string;
  readonly setup: Setup;
  /** Steps that lead from the set-up to the initial state. */
  readonly prelude: readonly StepDraft[];
  /** Id types with their counts. Ids of one type are alike. */
  readonly ids: Readonly<Record<string, number>>;
  /** In the order of their slots. */
  readonly fields: Readonly<Record<string, ScopeField>>;
  readonly operations: readonly ScopeOperation[];
  /** What stops growth, in words. */
  readonly bounds: string;
  /** Names of objects that are there from the start, by kind and then by id. */
  readonly objects: Readonly<Record<string, readonly string[]>>;
  /** Writes the initial state over zeros. */
  readonly initial: (s: Scratch) => void;
  /** Writes the scope's fields as the full state has them, over zeros. */
  readonly project: (state: State, names: Names, s: Scratch) => void;
}
