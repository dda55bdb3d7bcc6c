import { repeat, repeatText } from "../compare/repeat.ts";
import { few } from "../options.ts";
import { profileOf, type Mode } from "./mode.ts";

/** Every program twice: the same histories? */
export const run: Mode = async (linux, { version }, { programs = few, seed, longest }) => {
  const { operations } = await linux.introduction();
  const result = await repeat(linux, seed, programs, { profile: profileOf(version), longest, operations });
  return { status: result.different.length === 0 ? "good" : "bad", words: `Linux ${version}: ${repeatText(result)}` };
};
