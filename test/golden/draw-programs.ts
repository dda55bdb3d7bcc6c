import { Judge } from "../../contracts/judge.ts";
import { drawRun } from "../../conformance/draw-run.ts";
import { referenceKinds } from "../../conformance/reference-roles.ts";
import { referenceSystem } from "../../conformance/reference-system.ts";
import { whatHappened, replay } from "../../conformance/replay.ts";
import { profiles } from "../../spec/profile.ts";
import type { Program } from "../../spec/program.ts";

/** Short programs on the reference, every one clean and free of misuse. */
export function drawPrograms(count: number): readonly Program[] {
  const profile = profiles["K7.1"];
  const system = referenceSystem();
  const programs: Program[] = [];
  for (let seed = 1; programs.length < count; seed += 1) {
    const judge = new Judge([], profile);
    const drawn = drawRun(system, judge, "K7.1", seed, { kinds: referenceKinds, longest: 24 });
    if (drawn instanceof Promise) throw new Error("the reference is synchronous");
    const { program, execution } = drawn;
    if (execution.fault !== null || program.steps.some((step) => step.misuse === true)) continue;
    const run = replay(program, system, [], profile);
    if (run instanceof Promise) throw new Error("the reference is synchronous");
    programs.push(whatHappened(program, run));
  }
  return programs;
}
