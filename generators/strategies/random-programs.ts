import { describesPlatform } from "../../spec/platform.ts";
import type { Profile } from "../../spec/profile.ts";
import { partnerOf } from "../focus.ts";
import type { Strategy } from "../strategy.ts";
import { drawTemper, type Style } from "../temper.ts";
import { drawSetup, withPartner, type Kinds } from "../world-shape.ts";

/** What all programs of a campaign are drawn from. */
export interface Ground {
  readonly kinds: Kinds;
  readonly profile: Profile;
}

/** Programs of one style, without an aim. */
export function randomPrograms(name: string, { kinds, profile }: Ground, longest: number, style: Style): Strategy {
  return {
    name,
    draw(random) {
      const setup = drawSetup(random, kinds, null, profile);
      const temper = drawTemper(random, null, longest, null, describesPlatform(setup), style);
      return { kind: "draw", setup: withPartner(setup, partnerOf(temper.focus), kinds), temper, prefix: null };
    },
  };
}
