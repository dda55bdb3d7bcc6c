/**
 * Hunts single mutants while they are written: `node dist/tools/hunt.js RULE-ID|AREA... [--seconds 10] [--seed 1] [--print] [--shrink]`.
 * The full account with shrinking and expected counts is `npm run mutants`.
 */
import { script } from "../cli/words/script.ts";
import { positiveNumber, wholeNumber } from "../cli/words/values.ts";
import { isWanted, ruleWords } from "./rule-words.ts";
import { boundText } from "../conformance/bound.ts";
import { hunt } from "../conformance/hunt.ts";
import { referenceKinds } from "../conformance/reference-roles.ts";
import { findShortest } from "../conformance/shortest.ts";
import { monitored } from "../contracts/registry.ts";
import type { Program } from "../spec/program.ts";
import { printStep } from "../spec/print-step.ts";
import { allMutants } from "../test/mutants/all.ts";

const command = script("hunt", "hunts single mutants while they are written")
  .addArgument(ruleWords())
  .option("--seconds <n>", "CPU seconds for each", positiveNumber, 10)
  .option("--seed <n>", "seed of the search", wholeNumber, 1)
  .option("--print", "show the program found", false)
  .option("--shrink", "show the shortest program", false)
  .parse();
const { seconds, seed, print, shrink } = command.opts<{
  readonly seconds: number;
  readonly seed: number;
  readonly print: boolean;
  readonly shrink: boolean;
}>();
const [wanted = []] = command.processedArgs as [readonly string[] | undefined];
const all = await allMutants();

/** Steps, then preemptions and failures, one a line. */
function show({ steps, schedule, failures }: Program): void {
  for (const step of steps) console.log(`   ${step.id} ${step.task} ${printStep(step)}`);
  for (const { step, site, nth, until } of schedule)
    console.log(`   ${step} pauses at ${site} ${nth} until ${until === "idle" ? "nobody else can run" : until}`);
  for (const { step, site, nth, errno } of failures) console.log(`   ${step} fails at ${site} ${nth} with ${errno}`);
}

let killed = 0;
let tried = 0;
for (const mutant of all) {
  if (!isWanted(mutant.rule, wanted)) continue;
  tried += 1;
  let reached = 0;
  const started = process.cpuUsage().user;
  const spent = () => (process.cpuUsage().user - started) / 1e6;
  const result = hunt(
    mutant.system(() => (reached += 1)),
    mutant.profile,
    mutant.rule,
    seed,
    () => spent() < seconds,
  );
  if (result.kill !== null) killed += 1;
  console.log(
    `${result.kill === null ? "ALIVE " : "killed"} ${mutant.name} [${mutant.profile}] ${result.operations} operations, ${spent().toFixed(2)} s, reached ${reached}${result.fault === null ? "" : `, fault: ${result.fault}`}`,
  );
  if (print && result.kill !== null) show(result.kill.program);
  if (shrink && result.kill !== null) {
    const system = mutant.system(() => undefined);
    const before = spent();
    const rule = monitored(mutant.profile).find(({ id }) => id === mutant.rule)!;
    const { situation } = rule;
    const search = { system, rule, kinds: referenceKinds, situation, seed, further: 400 };
    const shrunk = await findShortest(result.kill.program, search);
    const cost = `${shrunk.executions} and ${shrunk.further} executions, ${Math.round((spent() - before) * 1000)} ms`;
    const way = `from ${shrunk.initial} over ${shrunk.first} to ${shrunk.steps}`;
    console.log(`   shrunk ${way} in ${cost}: ${shrunk.violation.why}`);
    console.log(`   length ${boundText(shrunk.steps, shrunk.bound)}`);
    show(shrunk.program);
  }
}
console.log(`${killed} of ${tried} killed`);
