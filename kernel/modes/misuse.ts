import { misuseText, runMisuses, type Expected } from "../misuse/run-misuse.ts";
import { profileOf, stored, type Mode } from "./mode.ts";

/** Programs of each misuse: nearly every one costs a kernel. */
const perMisuse = 3;

/** Broken contracts, and what the kernel says to each. */
export const run: Mode = async (linux, { version }, { programs = perMisuse, seed }) => {
  const expected = JSON.parse(stored("misuse.json")) as Expected;
  const results = await runMisuses(linux, { profile: profileOf(version), programs, firstSeed: seed, expected });
  const good = results.every(({ faults }) => faults.length === 0);
  return { status: good ? "good" : "bad", words: misuseText(results, version) };
};
