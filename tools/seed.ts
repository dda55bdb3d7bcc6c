/** Shows one random run: `node dist/tools/seed.js SEED [series] [events to show]`. */
import { script } from "../cli/words/script.ts";
import { wholeNumber } from "../cli/words/values.ts";
import { seriesWord } from "./series-word.ts";
import { Judge } from "../contracts/judge.ts";
import { monitored } from "../contracts/registry.ts";
import { drawRun } from "../conformance/draw-run.ts";
import { referenceKinds } from "../conformance/reference-roles.ts";
import { referenceSystem } from "../conformance/reference-system.ts";
import { printEvent, printStep } from "../spec/print-step.ts";
import { profiles, type Series } from "../spec/profile.ts";

const command = script("seed", "shows one random run")
  .argument("[seed]", "its seed", wholeNumber, 1)
  .addArgument(seriesWord())
  .argument("[events]", "how many of the last events to show", wholeNumber, 60)
  .parse();
const [seed, series, last] = command.processedArgs as [number, Series, number];
const judge = new Judge(monitored(series), profiles[series]);
const run = drawRun(referenceSystem(), judge, series, seed, { kinds: referenceKinds, longest: 400 });
if (run instanceof Promise) throw new Error("the reference is synchronous");
console.log(JSON.stringify(run.program.setup));
for (const step of run.program.steps) console.log(`${step.id} ${step.task} ${printStep(step)}`);
for (const event of run.execution.events.slice(-last))
  console.log(`${event.seq} ${event.task} ${event.step ?? "-"} ${printEvent(event)}`);
console.log(run.execution.fault);
for (const violation of judge.violations) console.log(`${violation.rule.id} at ${violation.seq}: ${violation.why}`);
