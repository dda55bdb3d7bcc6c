import { describesPlatform } from "../../spec/platform.ts";
import type { Program } from "../../spec/program.ts";
import type { Strategy } from "../strategy.ts";
import { drawTemper } from "../temper.ts";

/** Programs that showed something new, played again up to some step and then gone on with otherwise. */
export function extension(stored: () => readonly Program[], longest: number): Strategy {
  return {
    name: "extension",
    draw(random) {
      const programs = stored();
      if (programs.length === 0) return null;
      const program = random.pick(programs);
      const kept = Math.max(1, random.between(program.steps.length >> 1, program.steps.length));
      const temper = drawTemper(random, null, longest, null, describesPlatform(program.setup));
      return {
        kind: "draw",
        setup: program.setup,
        temper: { ...temper, length: kept + temper.length },
        prefix: { ...program, steps: program.steps.slice(0, kept) },
      };
    },
  };
}
