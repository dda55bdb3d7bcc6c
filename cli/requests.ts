import type { Find, Findings } from "../conformance/campaign/findings.ts";
import type { PrepareOptions } from "../conformance/campaign/prepare.ts";
import type { Counterexample } from "../conformance/counterexample.ts";

/** A subject as a word of the command line names it: built-in, or the place in what a module exports. */
export interface SubjectRef {
  readonly word: string;
  readonly index: number;
}

/** What a thread is asked to do. */
export type Work =
  /** The names of the subjects that the word stands for; whatever loops when it is loaded does so here. */
  | { readonly kind: "subjects"; readonly word: string; readonly options: PrepareOptions }
  /** One slice. */
  | { readonly kind: "slice"; readonly subject: SubjectRef; readonly options: PrepareOptions; readonly slice: number }
  /** The counterexamples of finds. */
  | {
      readonly kind: "shrink";
      readonly subject: SubjectRef;
      readonly options: PrepareOptions;
      readonly finds: readonly Find[];
    }
  /** The counterexamples of what all runs break together. */
  | {
      readonly kind: "joint";
      readonly subject: SubjectRef;
      readonly options: PrepareOptions;
      readonly findings: Findings;
    };

/** What comes back for each kind of work. */
export interface Answers {
  readonly subjects: readonly string[];
  readonly slice: Findings;
  readonly shrink: readonly Counterexample[];
  readonly joint: readonly Counterexample[];
}

/** A sign of life from a slice, a few times a second. */
export interface Beat {
  readonly slice: number;
  readonly programs: number;
  readonly operations: number;
  /** Features that are new in the slice since the last beat. */
  readonly fresh: readonly number[];
  /** By rule, as far as the slice has come. */
  readonly times: readonly number[];
  readonly inPrograms: readonly number[];
}

/** What a thread says. */
export type WorkerMessage =
  | { readonly kind: "beat"; readonly beat: Beat | null }
  | { readonly kind: "found"; readonly find: Find }
  /** `seconds`: how long it took on the thread. */
  | { readonly kind: "done"; readonly answer: Answers[Work["kind"]]; readonly seconds: number }
  /** The input is at fault (`known`), or the suite. */
  | { readonly kind: "refused"; readonly text: string; readonly known: boolean };
