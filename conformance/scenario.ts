import { program, type ProgramBuilder } from "../spec/builder.ts";
import { runProgram, type ProgramRun } from "./run-program.ts";
import type { Subject } from "./subject.ts";

/**
 * A hand-written program run in one go: `await scenario("K7.1", (p) => p.step("export", { buffer: "b1" }), mySubject)`.
 * Without a subject the reference runs. Throws BadInput for a step that does not fit.
 */
export function scenario(
  profile: string,
  write: (builder: ProgramBuilder) => ProgramBuilder,
  subject?: Subject,
): Promise<ProgramRun> {
  return runProgram(write(program(profile)).build(), subject);
}
