/**
 * `npm run mutants`: every mutant has to be killed by the rule it is bound to, in at most ten seconds, and on the shrunk
 * program only the rules of its `also` list may fire beside it.
 * The length of its counterexample is compared with the shortest one stored in test/mutants/shortest.json, which may only
 * become shorter: `-- --update` stores what this run found.
 * `-- --slice` takes a bounded share, `-- RULE-ID ...` only some, `-- --seed N` another seed.
 * `-- --seeds 1-10` hunts every mutant with every one of these seeds and shrinks nothing: how long kills take at all.
 * In pieces: `--seeds 1-10 --shard 2/4 --output FILE` makes a part of these hunts and goes on with the file where it was
 * stopped; `--seeds 1-10 --sum FILE...` adds the parts up, and refuses anything but each hunt once.
 * `-- --marks` checks at length that mutants marked as deep, hidden or in need of a window are that.
 */
import { readFileSync } from "node:fs";
import { script } from "../cli/words/script.ts";
import { wholeNumber } from "../cli/words/values.ts";
import { isWanted, ruleWords } from "./rule-words.ts";
import { hunt, huntJoint } from "../conformance/hunt.ts";
import { replayTogether, shrinkJoint } from "../conformance/joint.ts";
import { referenceKinds } from "../conformance/reference-roles.ts";
import { replay } from "../conformance/replay.ts";
import { lookFurther } from "../conformance/shortest.ts";
import { shrinkViolation } from "../conformance/shrink-violation.ts";
import { monitored } from "../contracts/registry.ts";
import { profiles } from "../spec/profile.ts";
import type { Program } from "../spec/program.ts";
import { allMutants } from "../test/mutants/all.ts";
import { problemOfMark } from "../test/mutants/mark-checks.ts";
import { countMarks } from "../test/mutants/marks.ts";
import type { Mutant } from "../test/mutants/mutant.ts";
import {
  figuresOf,
  huntsOf,
  makeHunts,
  moreTimes,
  problemOfParts,
  readOutput,
  readSeeds,
  readShard,
  type KillTime,
  type Output,
  type Shard,
} from "./kill-times.ts";
import { compareLengths, readShortest, writeShortest } from "../test/mutants/shortest.ts";

/** CPU seconds one mutant may take. */
const limit = 10;
/** Every how many-th mutant a slice takes, and the seconds each of them gets. */
const slice = { every: 8, seconds: 4 };
/** Executions spent on looking for a shorter counterexample. */
const further = 200;

interface Outcome {
  readonly mutant: Mutant;
  readonly seconds: number;
  readonly operations: number;
  readonly length: number;
  /** The shortest counterexample; null where there is none, or several show it together. */
  readonly program: Program | null;
  /** Why it does not count as killed; null if it does. */
  readonly trouble: string | null;
}

function cpu(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

/** A mutant that several runs show together: hunted over all runs, and shrunk to a program for each part of it. */
async function tryJoint(mutant: Mutant, seed: number, seconds: number): Promise<Outcome> {
  let reached = 0;
  const system = mutant.system(() => (reached += 1));
  const started = cpu();
  const goOn = () => cpu() - started < seconds;
  const { violation, operations } = huntJoint(system, mutant.profile, mutant.rule, seed, goOn);
  const outcome = { mutant, seconds: cpu() - started, operations, program: null };
  if (violation === null) return { ...outcome, length: 0, trouble: `alive after ${operations} operations` };
  const shrunk = await shrinkJoint(system, violation);
  const programs = shrunk.violation.shares.map((share) => share.program);
  const length = programs.reduce(
    (sum, { steps, schedule, failures }) => sum + steps.length + schedule.length + failures.length,
    0,
  );
  const again = await replayTogether(programs, system, monitored(mutant.profile));
  const trouble = again.violations.some(({ rule }) => rule.id === mutant.rule)
    ? reached === 0
      ? "the rule fired without the fault being reached"
      : null
    : "the shrunk programs do not break the rule";
  return { ...outcome, length, trouble };
}

async function tryMutant(mutant: Mutant, seed: number, seconds: number): Promise<Outcome> {
  if (mutant.joint === true) return tryJoint(mutant, seed, seconds);
  let reached = 0;
  const system = mutant.system(() => (reached += 1));
  const started = cpu();
  const { kill, operations, fault } = hunt(system, mutant.profile, mutant.rule, seed, () => cpu() - started < seconds);
  const spent = cpu() - started;
  const outcome = (length: number, trouble: string | null, program: Program | null = null): Outcome => ({
    mutant,
    seconds: spent,
    operations,
    length,
    program,
    trouble,
  });
  if (kill === null)
    return outcome(
      0,
      `alive after ${operations} operations${fault === null ? "" : `; ${fault}`}${reached === 0 ? "; the fault was never reached" : ""}`,
    );
  const shrunk = await shrinkViolation(system, kill.program, mutant.rule, { kinds: referenceKinds });
  reached = 0;
  const rules = monitored(mutant.profile);
  // On a fresh system: a fault that remembers earlier programs would show in nobody else's run.
  const fresh = mutant.system(() => (reached += 1));
  const again = await replay(shrunk.program, fresh, rules, profiles[mutant.profile]);
  const ids = again.violations.map((violation) => violation.rule.id);
  const length = shrunk.steps;
  if (!ids.includes(mutant.rule)) return outcome(length, "the shrunk program does not break the rule");
  if (reached === 0) return outcome(length, "the rule fired without the fault being reached");
  const strangers = ids.filter((id) => id !== mutant.rule && !mutant.also.includes(id));
  if (strangers.length > 0) return outcome(length, `${strangers.join(", ")} fired too`);
  const rule = rules.find(({ id }) => id === mutant.rule)!;
  const { situation } = rule;
  const shortest = await lookFurther(shrunk, { system, rule, kinds: referenceKinds, situation, seed, further });
  return outcome(shortest.steps, null, shortest.program);
}

interface Options {
  readonly update: boolean;
  readonly slice: boolean;
  readonly marks: boolean;
  readonly seed: number;
  readonly seeds?: readonly number[];
  readonly shard: Shard;
  readonly output?: Output;
  readonly sum?: readonly KillTime[];
}

const command = script("mutants", "every deliberate fault must be caught by its rule")
  .addArgument(ruleWords())
  .option("--update", "store counterexamples that became shorter", false)
  .option("--slice", "a bounded share", false)
  .option("--marks", "check at length what mutants are marked as", false)
  .option("--seed <n>", "seed of the search", wholeNumber, 1)
  .option("--seeds <range>", "hunt with each of these, and shrink nothing: 1-10", readSeeds)
  .option("--shard <i/n>", "with --seeds: a part of the hunts", readShard, { index: 1, count: 1 })
  .option("--output <file>", "with --seeds: keep the times there, and go on with them", readOutput)
  .option("--sum <files...>", "with --seeds: add up what parts have kept", moreTimes)
  .parse();
const { update, slice: isSlice, marks, seed, seeds, shard, output = null, sum } = command.opts<Options>();
const [wanted = []] = command.processedArgs as [readonly string[] | undefined];
const all = await allMutants();
const expected = (JSON.parse(readFileSync("test/mutants/expected.json", "utf8")) as { readonly mutants: number })
  .mutants;
const chosen = all.filter((mutant, index) => isWanted(mutant.rule, wanted) && (!isSlice || index % slice.every === 0));
if (marks) {
  const shortest = readShortest();
  const { text, problem } = countMarks(all);
  let wrong = problem === null ? 0 : 1;
  for (const mutant of chosen)
    for (const mark of mutant.marks) {
      const program = shortest.get(mutant.name);
      const budget = { executions: 20_000, operations: 60_000 };
      const why = program === undefined ? "nothing is stored" : await problemOfMark(mark, mutant, program, budget);
      console.log(`${mutant.name}: ${why === null ? mark : `not ${mark}: ${why}`}`);
      if (why !== null) wrong += 1;
    }
  console.log(`${text}${wrong === 0 ? "" : `; ${wrong} are wrong or missing`}`);
  process.exit(wrong === 0 ? 0 : 1);
}
if (seeds !== undefined) {
  const hunts = huntsOf(chosen, seeds);
  if (sum !== undefined) {
    const problem = problemOfParts(sum, hunts);
    if (problem !== null) console.log(`not one whole: ${problem}`);
    const { text, allKilled } = figuresOf(sum);
    console.log(text);
    process.exit(allKilled && problem === null ? 0 : 1);
  }
  const part = hunts.filter((_, at) => at % shard.count === shard.index - 1);
  const { text, allKilled } = figuresOf(makeHunts(part, limit, output));
  console.log(text);
  process.exit(allKilled ? 0 : 1);
}
const outcomes: Outcome[] = [];
for (const mutant of chosen) {
  const outcome = await tryMutant(mutant, seed, isSlice ? slice.seconds : limit);
  outcomes.push(outcome);
  const figures = `${outcome.operations} operations, ${outcome.seconds.toFixed(2)} s, length ${outcome.length}`;
  console.log(
    `${outcome.trouble === null ? "killed" : "ALIVE "} ${mutant.name} [${mutant.profile}]: ${figures}${outcome.trouble === null ? "" : `: ${outcome.trouble}`}`,
  );
}
const killed = outcomes.filter((outcome) => outcome.trouble === null);
const compared = killed.filter(({ program }) => program !== null).length;
const lengths = compareLengths(
  killed.flatMap(({ mutant: { name }, program }) => (program === null ? [] : [[name, program] as const])),
  readShortest(),
);
const times = killed.map((outcome) => outcome.seconds).toSorted((first, second) => first - second);
const median = times[Math.floor(times.length / 2)] ?? 0;
for (const { name, length, known } of lengths.shorter)
  console.log(`${name}: length ${length}, stored ${known ?? "nothing"}${update ? "; stored now" : ""}`);
if (lengths.shorter.length > 0 && update)
  writeShortest(
    all.map(({ name }) => name),
    lengths.best,
  );
else if (lengths.shorter.length > 0) console.log("store the shorter ones: npm run mutants -- --update");
console.log(
  `counterexamples as short as the shortest known: ${lengths.equal} / ${compared}, longest ${lengths.worst} longer`,
);
const isWhole = wanted.length === 0 && !isSlice;
const lengthsOk =
  lengths.worst <= 2 && (update || lengths.shorter.length === 0) && (!isWhole || lengths.equal >= compared * 0.95);
const countOk = all.length === expected;
const marked = countMarks(all);
console.log(`${marked.text}${marked.problem === null ? "" : `: ${marked.problem}`}`);
if (!countOk) console.log(`there are ${all.length} mutants, test/mutants/expected.json says ${expected}`);
console.log(
  `${killed.length} / ${outcomes.length} mutants killed, median ${(median * 1000).toFixed(0)} ms, slowest ${(times.at(-1) ?? 0).toFixed(1)} s${isSlice ? " (slice)" : ""}`,
);
process.exitCode =
  killed.length === outcomes.length && countOk && lengthsOk && marked.problem === null && outcomes.length > 0 ? 0 : 1;
