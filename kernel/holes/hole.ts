import type { ProgramBuilder } from "../../spec/builder.ts";

/** What came of a suspicion. */
export type HoleVerdict =
  /** The kernel does it, and says elsewhere that it does not, or leaves others with the harm. docs/findings.md has it. */
  | "real"
  /** The kernel does it, and the contract says so: a rule or a profile has it. */
  | "as written"
  /** The kernel does not do it. */
  | "refuted";

/** Something that reading the kernel made us suspect (Part IX of the catalog), and a program that shows what is so. */
export interface Hole {
  readonly id: string;
  /** Rules it is about. */
  readonly rules: readonly string[];
  readonly suspicion: string;
  readonly verdict: HoleVerdict;
  /** Writes the program. `looks` says of which steps the answers count. */
  readonly write: (program: ProgramBuilder) => ProgramBuilder;
  readonly looks: readonly string[];
  /** What kernels answer in those steps, by the beginnings of their versions ("": all); one that is missing cannot run it. */
  readonly answers: Readonly<Record<string, readonly string[]>>;
}

/** A suspicion that no program of the module can show. */
export interface OutOfReach {
  readonly what: string;
  readonly rules: readonly string[];
  readonly why: string;
}
