import { describesPlatform } from "../../spec/platform.ts";
import type { Situation } from "../../spec/situation.ts";
import { partnerOf } from "../focus.ts";
import type { Random } from "../random.ts";
import type { Proposal, Strategy } from "../strategy.ts";
import { drawTemper } from "../temper.ts";
import { drawSetup, withPartner } from "../world-shape.ts";
import type { Ground } from "./random-programs.ts";

/** Where a rule decides something, as data: its situation and its area. */
export interface Aim {
  readonly situation: Situation | null;
  readonly area: string;
}

/** A program bent to the situation of a rule. */
export function aimedAt(
  { situation, area }: Aim,
  random: Random,
  { kinds, profile }: Ground,
  longest: number,
): Proposal {
  const near = {
    exporters: situation?.exporters ?? kinds.exporters,
    importers: situation?.importers ?? kinds.importers,
  };
  const setup = drawSetup(random, near, situation, profile);
  const temper = drawTemper(random, situation, longest, area, describesPlatform(setup));
  return { kind: "draw", setup: withPartner(setup, partnerOf(temper.focus), kinds), temper, prefix: null };
}

/** Programs bent to the situation of one rule after the other. `aim` names the rule that has its turn; null: there is none. */
export function targeted(ground: Ground, longest: number, aim: (random: Random) => Aim | null): Strategy {
  return {
    name: "targeted",
    draw(random) {
      const next = aim(random);
      return next === null ? null : aimedAt(next, random, ground, longest);
    },
  };
}
