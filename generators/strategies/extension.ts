import { describesPlatform } from "../../spec/platform.ts";
import type { Program } from "../../spec/program.ts";
import type { Random } from "../random.ts";
import type { Proposal, Strategy } from "../strategy.ts";
import { drawTemper } from "../temper.ts";
import type { Aim } from "./targeted.ts";

/** Programs that showed something new, played again up to some step and then gone on with otherwise. */
export function extension(stored: () => readonly Program[], longest: number): Strategy {
  return {
    name: "extension",
    draw(random) {
      const programs = stored();
      if (programs.length === 0) return null;
      const program = random.pick(programs);
      const kept = Math.max(1, random.between(program.steps.length >> 1, program.steps.length));
      return goneOnWith(program, kept, { situation: null, area: null }, random, longest);
    },
  };
}

/** A program that came to where a rule decides, played again up to some step and then bent to come there once more. */
export function onceMore(program: Program, aim: Aim, random: Random, longest: number): Proposal {
  return goneOnWith(program, random.between(1, program.steps.length), aim, random, longest);
}

function goneOnWith(
  program: Program,
  kept: number,
  { situation, area }: Pick<Aim, "situation"> & { readonly area: string | null },
  random: Random,
  longest: number,
): Proposal {
  const temper = drawTemper(random, situation, longest, area, describesPlatform(program.setup));
  return {
    kind: "draw",
    setup: program.setup,
    temper: { ...temper, length: kept + temper.length },
    prefix: beginning(program, kept),
  };
}

/** A program up to a step. Who was parked for a later one is parked until nobody else can run: new steps take the ids. */
function beginning(program: Program, length: number): Program {
  const steps = program.steps.slice(0, length);
  const ids = new Set(steps.map(({ id }) => id));
  const schedule = program.schedule.flatMap((point) =>
    ids.has(point.step) ? [ids.has(point.until) ? point : { ...point, until: "idle" }] : [],
  );
  return { ...program, steps, schedule };
}
