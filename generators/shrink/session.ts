import type { Program } from "../../spec/program.ts";
import type { Kinds } from "../world-shape.ts";
import { namesGiven, pruned } from "./names.ts";

/** What a failing candidate turned out to be. */
export interface Shrunk {
  /** The candidate without what did not happen: steps that were skipped, points that were not passed. */
  readonly program: Program;
  /** The last step that had begun when the rule broke, where that is known: nothing after it matters. */
  readonly last?: string | null;
}

/** A search that yields candidates and is told what came of each: null if the target does not fail. */
export type Search<T> = Generator<Program, T, Shrunk | null>;

/** Length of a program: its steps, preemptions and failures. */
export function lengthOf({ steps, schedule, failures }: Program): number {
  return steps.length + schedule.length + failures.length;
}

/** The shortest failing program so far, and what has been tried. */
export class Session {
  program: Program;
  /** The last step that had begun when the rule broke. */
  last: string | null = null;
  /** Candidates that were executed. */
  executions = 0;
  /** Kinds of importers and exporters that a candidate may name; others cannot be played. */
  readonly kinds: Kinds;
  private readonly most: number;
  /** Answers by the text of the candidate. Candidates are small: the text is its own key. */
  private readonly answers = new Map<string, Shrunk | null>();
  private key = "";
  /** Texts of the programs that were kept: going back to one of the same length would go round in circles. */
  private readonly kept = new Set<string>();
  private readonly given: ReadonlySet<string>;

  /** `executed`: executions spent before the search; `most`: all that may be spent. */
  constructor(first: Shrunk, executed: number, most: number, kinds: Kinds) {
    this.kinds = kinds;
    this.program = first.program;
    this.executions = executed;
    this.most = most;
    this.given = namesGiven(first.program);
    this.accept(first);
  }

  get exhausted(): boolean {
    return this.executions >= this.most;
  }

  /** Whether a candidate is shorter than the shortest so far. */
  shortens(wanted: Program): boolean {
    return lengthOf(pruned(wanted, this.given)) < lengthOf(this.program);
  }

  /**
   * Tries a candidate and keeps it if it fails. True if it was kept, or is nothing new.
   * The same candidate is never executed twice.
   */
  *attempt(wanted: Program): Search<boolean> {
    const candidate = pruned(wanted, this.given);
    const key = JSON.stringify(candidate);
    if (key === this.key) return true;
    let answer = this.answers.get(key);
    if (answer === undefined) {
      if (this.exhausted) return false;
      answer = yield candidate;
      this.executions += 1;
      this.answers.set(key, answer);
    }
    if (answer === null || lengthOf(answer.program) > lengthOf(this.program)) return false;
    if (this.kept.has(JSON.stringify(answer.program))) return false;
    this.accept(answer);
    yield* this.cut();
    return true;
  }

  /** Drops everything after the step in which the rule broke. */
  *cut(): Search<void> {
    const { steps } = this.program;
    const at = steps.findIndex(({ id }) => id === this.last);
    if (at >= 0 && at < steps.length - 1) yield* this.attempt({ ...this.program, steps: steps.slice(0, at + 1) });
  }

  private accept(answer: Shrunk): void {
    this.program = answer.program;
    this.last = answer.last ?? null;
    this.key = JSON.stringify(answer.program);
    this.answers.set(this.key, answer);
    this.kept.add(this.key);
  }
}
