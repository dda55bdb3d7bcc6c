import { Judge } from "../contracts/judge.ts";
import { holdsIn, registry } from "../contracts/registry.ts";
import { Random } from "../generators/random.ts";
import type { Proposal } from "../generators/strategy.ts";
import { randomPrograms } from "../generators/strategies/random-programs.ts";
import { shrink } from "../generators/shrink/shrink.ts";
import { BadInput } from "../spec/bad-input.ts";
import { errnoName } from "../spec/errno.ts";
import type { RetEvent } from "../spec/event.ts";
import { profileNamed } from "../spec/profile-name.ts";
import type { Program } from "../spec/program.ts";
import { replay, whatHappened, type Replay } from "./replay.ts";
import { runProposal } from "./run-proposal.ts";
import { kindsOf, rolesOf, systemOf, type Subject } from "./subject.ts";

/** Settings of a comparison. */
export interface CompareOptions {
  readonly profile: string;
  readonly seed: number;
  /** Operations on each of the two. */
  readonly operations: number;
}

/** What one of the two does and the other does not. */
export type Difference =
  | { readonly kind: "rule"; readonly rule: string; readonly broken: "first" | "second" }
  | { readonly kind: "answer"; readonly op: string; readonly first: string; readonly second: string };

/** A difference with the shortest program found that shows it. */
export interface ShownDifference {
  readonly difference: Difference;
  readonly program: Program;
  /** Steps before shrinking. */
  readonly steps: number;
}

/** What a comparison came to: plain data. */
export interface CompareReport {
  readonly first: string;
  readonly second: string;
  readonly profile: string;
  readonly seed: number;
  readonly programs: number;
  readonly operations: number;
  /** Rules by whether each of the two broke them; only those that one did. */
  readonly verdicts: readonly { readonly rule: string; readonly first: boolean; readonly second: boolean }[];
  /** The shortest first. */
  readonly differences: readonly ShownDifference[];
  /** Our failure or an adapter's that ended the comparison; null for a whole one. */
  readonly fault: string | null;
}

/** Steps of the longest program. */
const longest = 120;

/**
 * Runs the same programs on two implementations, drawn on either in turn. Deterministic.
 * Throws BadInput for an unknown profile, or where the two do not bring the same roles.
 */
export async function compareSubjects(
  first: Subject,
  second: Subject,
  options: CompareOptions,
): Promise<CompareReport> {
  const roles = [first, second].map((subject) => rolesOf(subject).join(" and "));
  if (roles[0] !== roles[1])
    throw new BadInput(
      "adapter",
      second.name,
      `brings ${roles[1] ?? ""}, ${first.name} ${roles[0] ?? ""}; compare two of one kind`,
    );
  const profile = profileNamed(options.profile);
  const own = [...(first.rules ?? []), ...(second.rules ?? [])];
  const rules = [...registry, ...own].filter((rule) => rule.monitor !== undefined && holdsIn(rule, profile.series));
  const systems = [systemOf(first), systemOf(second)] as const;
  const both = async (program: Program): Promise<readonly [Replay, Replay]> => [
    await replay(program, systems[0], rules, profile),
    await replay(program, systems[1], rules, profile),
  ];
  const found = new Map<string, { readonly difference: Difference; readonly program: Program }>();
  const broken = [new Set<string>(), new Set<string>()] as const;
  const strategy = randomPrograms("compare", { kinds: kindsOf(first), profile }, longest, {
    weights: "either",
    focused: true,
    shortest: 12,
  });
  let fault: string | null = null;
  let [programs, operations] = [0, 0];
  while (operations < options.operations && fault === null) {
    const random = new Random(options.seed * 1_000_003 + programs);
    const system = systems[programs % 2]!;
    const stage = { system, judge: new Judge([], profile), profileName: options.profile, watch: null };
    const { program, execution } = await runProposal(strategy.draw(random) as Proposal, random, stage);
    programs += 1;
    operations += Math.max(1, execution.steps);
    const runs = await both(program);
    fault = execution.fault ?? runs[0].fault ?? runs[1].fault;
    if (fault !== null) break;
    runs.forEach((run, side) => run.violations.forEach(({ rule }) => broken[side]!.add(rule.id)));
    for (const difference of differencesOf(runs))
      if (!found.has(keyOf(difference))) found.set(keyOf(difference), { difference, program });
  }
  const differences: ShownDifference[] = [];
  for (const { difference, program } of found.values()) {
    const result = await shrink(program, async (candidate) => {
      const runs = await both(candidate);
      if (runs.some((run) => run.fault !== null)) return null;
      const shows = differencesOf(runs).some((other) => keyOf(other) === keyOf(difference));
      return shows ? { program: whatHappened(candidate, runs[0]) } : null;
    });
    differences.push({ difference, program: result.program, steps: program.steps.length });
  }
  return {
    first: first.name,
    second: second.name,
    profile: options.profile,
    seed: options.seed,
    programs,
    operations,
    verdicts: rules
      .filter(({ id }) => broken[0].has(id) || broken[1].has(id))
      .map(({ id }) => ({ rule: id, first: broken[0].has(id), second: broken[1].has(id) })),
    differences: differences.toSorted((one, other) => one.program.steps.length - other.program.steps.length),
    fault,
  };
}

function keyOf(difference: Difference): string {
  return JSON.stringify(difference);
}

/** How two runs of one program differ. Answers are compared up to the first that differs: what follows follows from it. */
function differencesOf([first, second]: readonly [Replay, Replay]): readonly Difference[] {
  const ids = [first, second].map((run) => new Set(run.violations.map(({ rule }) => rule.id)));
  const rules = (own: ReadonlySet<string>, others: ReadonlySet<string>, broken: "first" | "second"): Difference[] =>
    [...own].filter((rule) => !others.has(rule)).map((rule) => ({ kind: "rule", rule, broken }));
  const differences = [...rules(ids[0]!, ids[1]!, "first"), ...rules(ids[1]!, ids[0]!, "second")];
  const theirs = answersOf(second);
  for (const [step, answer] of answersOf(first)) {
    const other = theirs.get(step);
    if (other === undefined) continue;
    const [one, another] = [printAnswer(answer), printAnswer(other)];
    if (one !== another) return [...differences, { kind: "answer", op: answer.op, first: one, second: another }];
  }
  return differences;
}

/** What each step's outermost call answered. */
function answersOf({ events }: Replay): ReadonlyMap<string, RetEvent> {
  const calls = new Map<string, number>();
  const answers = new Map<string, RetEvent>();
  for (const event of events) {
    if (event.kind === "drain") break;
    if (event.kind === "call" && event.step !== null && !calls.has(event.step)) calls.set(event.step, event.seq);
    if (event.kind === "ret" && event.step !== null && calls.get(event.step) === event.call)
      answers.set(event.step, event);
  }
  return answers;
}

/** An answer in words: the errno, and what is no name, address or time and so has to be the same everywhere. */
function printAnswer(event: RetEvent): string {
  const words = [event.errno === 0 ? "success" : errnoName(event.errno)];
  for (const field of ["answer", "status", "peer2peer"] as const)
    if (field in event)
      words.push(`${field} ${String((event as unknown as Readonly<Record<string, unknown>>)[field])}`);
  return words.join(", ");
}
