/**
 * `node dist/tools/exact-minimum.js [RULE-ID ...] [--executions 20000] [--update]`: the exact length of the shortest
 * counterexample of each mutant. Starts from the one stored in test/mutants/shortest-programs.ndjson and runs every
 * program that is shorter, over its own operations, then over those of the rule's situation, then over all there are,
 * each as long as `--executions` last. Proved is: no program of fewer steps and failures over these operations and
 * values, in this world and without preemptions, breaks the rule. Mutants whose counterexample needs preemptions are
 * left out. Exits with 1 where a shorter one turns up or test/mutants/exact.json says otherwise; `--update` stores both.
 */
import { script } from "../cli/words/script.ts";
import { positiveWhole } from "../cli/words/values.ts";
import { isWanted, ruleWords } from "./rule-words.ts";
import { excludeShorter } from "../conformance/exclude-shorter.ts";
import { shrinkViolation } from "../conformance/shrink-violation.ts";
import { monitored } from "../contracts/registry.ts";
import type { Rule } from "../contracts/rule.ts";
import { alphabetOf, breadths, type Breadth } from "../generators/enumerate/alphabet.ts";
import { lengthOf } from "../generators/shrink/session.ts";
import type { Program } from "../spec/program.ts";
import { allMutants } from "../test/mutants/all.ts";
import { readExact, writeExact, type Exact } from "../test/mutants/exact.ts";
import type { Mutant } from "../test/mutants/mutant.ts";
import { readShortest, writeShortest } from "../test/mutants/shortest.ts";

const command = script("exact-minimum", "the exact length of the shortest counterexample of each mutant")
  .addArgument(ruleWords())
  .option("--executions <n>", "programs to run for each list", positiveWhole, 20_000)
  .option("--update", "store what was found", false)
  .parse();
const { executions: most, update } = command.opts<{ readonly executions: number; readonly update: boolean }>();
const [wanted = []] = command.processedArgs as [readonly string[] | undefined];

/** What listing has shown for one mutant: the shortest program, and the widest alphabet over which nothing is shorter. */
async function shortestOver(
  mutant: Mutant,
  rule: Rule,
  start: Program,
): Promise<{ readonly program: Program; readonly exact: Exact | null }> {
  const system = mutant.system(() => undefined);
  let program = start;
  let exact: Exact | null = null;
  for (let at = 0; at < breadths.length; at += 1) {
    const over: Breadth = breadths[at]!;
    const alphabet = alphabetOf(program, rule.situation ?? null, over);
    const length = lengthOf(program);
    // Over its own operations the counterexample has to turn up itself: else the list would not be whole.
    const below = over === "own" ? length + 1 : length;
    const { found, atLeast, executions, faults } = await excludeShorter(system, program, rule, alphabet, below, most);
    if (found !== null && atLeast < length) {
      program = (await shrinkViolation(system, found, rule.id, { rules: [rule] })).program;
      exact = null;
      at = -1;
      continue;
    }
    const isProved = atLeast === length && (over !== "own" || found !== null) && faults === 0;
    if (!isProved) break;
    exact = { length, over, operations: alphabet.operations.length, executions };
  }
  return { program, exact };
}

const all = await allMutants();
const known = new Map(readShortest());
const stored = new Map(readExact());
let wrong = 0;
let tried = 0;
const counts = { own: 0, wide: 0, whole: 0 };
for (const mutant of all) {
  const start = known.get(mutant.name);
  if (!isWanted(mutant.rule, wanted)) continue;
  if (start === undefined || start.schedule.length > 0) continue;
  tried += 1;
  const rule = monitored(mutant.profile).find(({ id }) => id === mutant.rule)!;
  const { program, exact } = await shortestOver(mutant, rule, start);
  if (program !== start) {
    wrong += update ? 0 : 1;
    known.set(mutant.name, program);
    console.log(`${mutant.name}: shorter than stored: ${lengthOf(program)} instead of ${lengthOf(start)}`);
  }
  const before = stored.get(mutant.name);
  if (exact === null) {
    console.log(`${mutant.name}: ${lengthOf(program)}, open`);
    if (before !== undefined) wrong += update ? 0 : 1;
    if (update) stored.delete(mutant.name);
    continue;
  }
  counts[exact.over] += 1;
  console.log(
    `${mutant.name}: ${exact.length} is the minimum over ${exact.over === "whole" ? "all" : exact.operations} operations, ${exact.executions} programs run`,
  );
  if (before?.length !== exact.length) wrong += update ? 0 : 1;
  stored.set(mutant.name, exact);
}
if (update) {
  const names = all.map(({ name }) => name);
  writeShortest(names, known);
  writeExact(new Map(names.flatMap((name) => (stored.has(name) ? [[name, stored.get(name)!] as const] : []))));
}
const proved = counts.own + counts.wide + counts.whole;
console.log(
  `${proved} / ${tried} exact minima: ${counts.whole} over all operations, ${counts.wide} over the situation's, ${counts.own} over their own${wrong > 0 ? `; ${wrong} differ from test/mutants/exact.json: --update` : ""}`,
);
process.exitCode = wrong > 0 || proved === 0 ? 1 : 0;
