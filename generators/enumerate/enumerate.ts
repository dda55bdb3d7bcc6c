import type { Program } from "../../spec/program.ts";

/** A program to run. `grow`: the programs that go on from it are wanted. */
export interface Listed {
  readonly program: Program;
  readonly grow: boolean;
}

/** What came of a listed program. */
export interface Tried {
  /** It breaks the rule. */
  readonly fails: boolean;
  /** The rule decided something in it. */
  readonly decides: boolean;
  /** Programs longer by one that go on from it. */
  readonly grown: readonly Program[];
}

/** What listing programs by length has shown. */
export interface Excluded {
  /** No shorter program over the alphabet breaks the rule: every one of them was run. */
  readonly atLeast: number;
  /** The first program of that length that does; null: none up to there, or the budget ended. */
  readonly found: Program | null;
  /** Length of the shortest program in which the rule decides anything; null: none was met. */
  readonly decides: number | null;
  readonly executions: number;
}

/**
 * Lists all programs over an alphabet, the shortest first, until one breaks the rule or all shorter than `below` have
 * been run, or after `most` executions. `empty` is the program without steps: the world.
 */
export function* enumerating(empty: Program, below: number, most: number): Generator<Listed, Excluded, Tried> {
  let level: readonly Program[] = [empty];
  let decides: number | null = null;
  let executions = 0;
  for (let length = 0; length < below; length += 1) {
    const next: Program[] = [];
    for (const program of level) {
      if (executions >= most) return { atLeast: length, found: null, decides, executions };
      const { fails, decides: did, grown } = yield { program, grow: length + 1 < below };
      executions += 1;
      if (did) decides ??= length;
      if (fails) return { atLeast: length, found: program, decides, executions };
      for (const other of grown) next.push(other);
    }
    level = next;
  }
  return { atLeast: below, found: null, decides, executions };
}
