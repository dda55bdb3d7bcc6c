import type { Program } from "../../spec/program.ts";
import type { Mutant } from "../mutants/mutant.ts";
import { judgeProgram } from "./judge-program.ts";

/** What a mutant and the reference are found guilty of on the mutant's own program. */
export function judgeExample({ mutant, program }: { readonly mutant: Mutant; readonly program: Program }) {
  let reached = 0;
  const faulty = judgeProgram(
    program,
    mutant.system(() => (reached += 1)),
  );
  const clean = judgeProgram(program);
  return {
    mutant: faulty.ids,
    fault: faulty.fault,
    reference: clean.fault === null ? clean.ids : [...clean.ids, clean.fault],
    exercised: clean.exercised(mutant.rule),
    reached,
  };
}
