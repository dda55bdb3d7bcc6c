/**
 * `npm run reference:diff`: the reference has to answer 2 000 stored programs, in every profile, exactly as it did.
 * Shows each changed program with its first differing event. `-- --update` accepts what it does now (look at the
 * differences first), `-- --draw` draws a new set of programs, `-- --slice` looks at every tenth program only.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { script } from "../cli/words/script.ts";
import {
  behaviourOf,
  firstDifference,
  parseBehaviour,
  printBehaviour,
  type Behaviour,
} from "../test/golden/behaviour.ts";
import { drawPrograms } from "../test/golden/draw-programs.ts";
import { profileNamed } from "../spec/profile-name.ts";
import { seriesNames } from "../spec/profile.ts";
import { printEvent, printStep } from "../spec/print-step.ts";
import { readProgram } from "../spec/schema/read-program.ts";
import type { Program } from "../spec/program.ts";

const options = script("reference:diff", "the reference has to answer stored programs exactly as it did")
  .option("--update", "accept what it does now", false)
  .option("--draw", "draw a new set of programs", false)
  .option("--slice", "every tenth program only", false)
  .parse()
  .opts<{ readonly update: boolean; readonly draw: boolean; readonly slice: boolean }>();
const programsPath = "test/golden/programs.ndjson";
const behaviourPath = (series: string) => `test/golden/behaviour-${series}.txt`;
/** Programs whose difference is told in full. */
const shown = 5;

if (options.draw) {
  const lines = drawPrograms(2000).map((program) => JSON.stringify(program));
  writeFileSync(programsPath, `${lines.join("\n")}\n`);
  console.log(`${lines.length} programs drawn`);
}
const programs: readonly Program[] = readFileSync(programsPath, "utf8")
  .trimEnd()
  .split("\n")
  .map((line, index) => readProgram(line, `${programsPath} line ${index + 1}`));
const step = options.slice ? 10 : 1;
let changed = 0;
let compared = 0;
for (const series of seriesNames) {
  const profile = profileNamed(series);
  if (options.update) {
    const lines = programs.map((program) => printBehaviour(behaviourOf(program, profile).behaviour));
    writeFileSync(behaviourPath(series), `${lines.join("\n")}\n`);
    continue;
  }
  const stored = readFileSync(behaviourPath(series), "utf8").trimEnd().split("\n").map(parseBehaviour);
  if (stored.length !== programs.length) {
    console.log(`${behaviourPath(series)} has ${stored.length} lines for ${programs.length} programs`);
    changed += 1;
  }
  for (let index = 0; index < programs.length; index += step) {
    const program = programs[index]!;
    const { behaviour, events } = behaviourOf(program, profile);
    compared += 1;
    const before: Behaviour | undefined = stored[index];
    if (before !== undefined && printBehaviour(before) === printBehaviour(behaviour)) continue;
    changed += 1;
    if (changed > shown) continue;
    const at = before === undefined ? 0 : firstDifference(before, behaviour);
    const event = events[at];
    console.log(
      `program ${index + 1} under ${series}: event ${at} is another: ${event === undefined ? "the history ends before it" : printEvent(event)}`,
    );
    for (const line of program.steps) console.log(`   ${line.id} ${line.task} ${printStep(line)}`);
  }
}
if (options.update) console.log(`behaviour of ${programs.length} programs in ${seriesNames.length} profiles stored`);
else console.log(`${compared - changed} of ${compared} runs as stored${step > 1 ? " (slice)" : ""}`);
process.exitCode = changed === 0 ? 0 : 1;
