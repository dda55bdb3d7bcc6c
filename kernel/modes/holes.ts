import { holesText, isAsExpected, runHoles } from "../holes/run-holes.ts";
import { profileOf, type Mode } from "./mode.ts";

/** What reading the kernel made us suspect, run again. */
export const run: Mode = async (linux, { version }) => {
  const results = await runHoles(linux, profileOf(version));
  return { status: results.every(isAsExpected) ? "good" : "bad", words: holesText(results, version) };
};
