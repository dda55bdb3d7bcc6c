import { referenceSystem } from "../conformance/reference-system.ts";
import { replay } from "../conformance/replay.ts";
import { eventLine } from "../spec/write.ts";
import { fullJudge, pipeline, profile } from "./programs.ts";

/** Programs whose histories were compared, and those that were not the same each time. */
export interface Twice {
  readonly programs: number;
  readonly different: number;
}

/** Draws each program twice and replays it twice: all four histories have to be one. */
export function measureTwice(programs: number): Twice {
  const system = referenceSystem();
  const judge = fullJudge();
  let different = 0;
  for (let seed = 1; seed <= programs; seed += 1) {
    const first = pipeline(system, judge, seed);
    const second = pipeline(system, judge, seed);
    const replays = [1, 2].map(() => replay(first.program, system, [], profile));
    const texts = [first.execution, second.execution, ...replays].map((run) => {
      if (run instanceof Promise) throw new Error("the reference is synchronous");
      return run.events.map(eventLine).join("\n");
    });
    if (texts.some((text) => text !== texts[0])) different += 1;
  }
  return { programs, different };
}
