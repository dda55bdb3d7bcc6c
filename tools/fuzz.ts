/**
 * Random programs on the unmutated reference: `node dist/tools/fuzz.js [operations] [series] [seed] [area]`.
 * Prints the first of each kind of trouble; answers that nothing explains make it fail.
 */
import { Argument } from "commander";
import { script } from "../cli/words/script.ts";
import { positiveWhole, wholeNumber } from "../cli/words/values.ts";
import { areas } from "../contracts/rule-text.ts";
import { seriesWord } from "./series-word.ts";
import { AcrossRuns } from "../contracts/across.ts";
import { Judge } from "../contracts/judge.ts";
import { monitored } from "../contracts/registry.ts";
import { drawRun } from "../conformance/draw-run.ts";
import { referenceKinds } from "../conformance/reference-roles.ts";
import { referenceSystem } from "../conformance/reference-system.ts";
import { describeDifference, OutcomeWatch, textOfStep } from "../conformance/unexplained.ts";
import { profiles, type Series } from "../spec/profile.ts";

const command = script("fuzz", "random programs on the unmutated reference")
  .argument("[operations]", "how many", positiveWhole, 100_000)
  .addArgument(seriesWord())
  .argument("[seed]", "the first one", wholeNumber, 1)
  .addArgument(new Argument("[area]", "whose operations are drawn more often").choices(areas))
  .parse();
const [budget, series, first, area = null] = command.processedArgs as [number, Series, number, string | undefined];
const judge = new Judge(monitored(series), profiles[series]);
const across = new AcrossRuns(monitored(series));
const watch = new OutcomeWatch(profiles[series]);
const system = referenceSystem();
const seen = new Map<string, number>();
let operations = 0;
let programs = 0;
let stuck = 0;
const started = process.cpuUsage().user;
for (let seed = first; operations < budget; seed += 1) {
  const run = drawRun(
    system,
    judge,
    series,
    seed,
    { kinds: referenceKinds, longest: 400 },
    { situation: null, area },
    watch,
  );
  if (run instanceof Promise) throw new Error("the reference is synchronous");
  operations += run.execution.steps;
  programs += 1;
  const note = (key: string, text: string) => {
    const count = (seen.get(key) ?? 0) + 1;
    seen.set(key, count);
    if (count === 1) console.log(`seed ${seed}: ${key}: ${text}`);
  };
  if (run.execution.fault !== null)
    note(`fault ${run.execution.fault.replace(/s\d+/g, "s")}`, `${run.program.steps.length} steps`);
  across.collect({ program: run.program, events: run.execution.events });
  for (const violation of judge.violations) note(violation.rule.id, `${violation.why} [event ${violation.seq}]`);
  for (const difference of run.differences) {
    const text = describeDifference(difference);
    note(`unexplained ${text}`, `${textOfStep(difference, run.program)} [event ${difference.seq}]`);
    process.exitCode = 1;
  }
  const end = run.execution.events.at(-1);
  if (end?.kind === "end" && end.waiting.length > 0) {
    stuck += 1;
    note(`stuck ${end.waiting.map(({ wait }) => wait.kind).join(" ")}`, JSON.stringify(end.waiting));
  }
  for (const event of run.execution.events)
    if (event.kind === "warn" && run.program.steps.every((step) => step.misuse !== true))
      note(`warn ${event.text.replace(/\d+/g, "n")}`, `event ${event.seq}`);
}
for (const { rule, why, shares } of across.judge())
  console.log(`${rule.id}: ${why}\n${shares.map((share) => `  ${share.why} (event ${share.seq})`).join("\n")}`);
const seconds = (process.cpuUsage().user - started) / 1e6;
console.log([...seen].map(([key, count]) => `${String(count).padStart(7)} ${key}`).join("\n"));
console.log(
  `${programs} programs, ${operations} operations, ${stuck} stuck, ${Math.round(operations / seconds)} operations per CPU second`,
);
