import { measureRates, ratesText } from "../compare/rate.ts";
import { few } from "../options.ts";
import { profileOf, type Mode } from "./mode.ts";

/** Programs per second. */
export const run: Mode = async (linux, { version }, { programs = few, seed, longest }) => {
  const rates = await measureRates(linux, { profile: profileOf(version), longest }, seed, programs);
  return { status: "good", words: `Linux ${version}: ${ratesText(rates)}` };
};
