import { BadInput } from "../../spec/bad-input.ts";
import { faulty } from "../compare/campaign.ts";
import { drawPlan } from "../compare/draw-plan.ts";
import { tooMuchOf } from "../compare/room.ts";
import { sideBySide } from "../compare/side-by-side.ts";
import { storedPlan } from "../compare/stored-plan.ts";
import { profileOf, type Mode } from "./mode.ts";

/** One program, drawn or stored, on both sides. Throws BadInput for a file that is none, or that is too large. */
export const run: Mode = async (linux, { version }, { explain = "", longest, fault }) => {
  const introduction = await linux.introduction();
  const { operations } = introduction;
  const drawn = /^\d+$/.test(explain)
    ? drawPlan(Number(explain), { profile: profileOf(version), longest, operations })
    : storedPlan(explain, introduction);
  const tooMuch = tooMuchOf(drawn.plan, introduction);
  if (tooMuch !== null) throw new BadInput("limit", `seed ${explain}`, `too large for the kernel's module: ${tooMuch}`);
  const [ran] = await linux.run([faulty(drawn.plan, fault)]);
  console.log(sideBySide(drawn, ran!));
  return { status: "good", words: `${explain} shown` };
};
