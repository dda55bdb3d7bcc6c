/**
 * Hunts single mutants while they are written: `node dist/tools/hunt.js FILE|RULE-ID... [--seconds 10] [--seed 1] [--print]`.
 * The full account with shrinking and expected counts is `npm run mutants`.
 */
import { hunt } from "../conformance/hunt.ts";
import { printStep } from "../spec/print-step.ts";
import { allMutants } from "../test/mutants/all.ts";

const words = process.argv.slice(2);
const option = (name: string, fallback: number) => Number(words[words.indexOf(name) + 1] ?? fallback);
const seconds = words.includes("--seconds") ? option("--seconds", 10) : 10;
const seed = words.includes("--seed") ? option("--seed", 1) : 1;
const wanted = words.filter((word, index) => !word.startsWith("--") && !words[index - 1]?.startsWith("--"));
const all = await allMutants();
let killed = 0;
let tried = 0;
for (const mutant of all) {
  if (wanted.length > 0 && !wanted.some((word) => mutant.rule.startsWith(word))) continue;
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
  const others = [...result.others].map(([id, count]) => `${id}×${count}`).join(" ");
  console.log(
    `${result.kill === null ? "ALIVE " : "killed"} ${mutant.name} [${mutant.profile}] ${result.operations} operations, ${spent().toFixed(2)} s, reached ${reached}${others === "" ? "" : `, also ${others}`}${result.fault === null ? "" : `, fault: ${result.fault}`}`,
  );
  if (words.includes("--print") && result.kill !== null)
    for (const step of result.kill.program.steps) console.log(`   ${step.id} ${step.task} ${printStep(step)}`);
}
console.log(`${killed} of ${tried} killed`);
