import { excludeShorter } from "../../conformance/exclude-shorter.ts";
import { hunt } from "../../conformance/hunt.ts";
import { referenceSystem } from "../../conformance/reference-system.ts";
import { replay } from "../../conformance/replay.ts";
import { on, type Handlers } from "../../contracts/monitor.ts";
import { monitored } from "../../contracts/registry.ts";
import type { Rule } from "../../contracts/rule.ts";
import { alphabetOf } from "../../generators/enumerate/alphabet.ts";
import { lengthOf } from "../../generators/shrink/session.ts";
import { eventKinds, type HistoryEvent } from "../../spec/event.ts";
import { profiles } from "../../spec/profile.ts";
import type { Program } from "../../spec/program.ts";
import type { Mutant } from "./mutant.ts";
import type { Mark } from "./marks.ts";

/** What checking a window may cost. */
export interface WindowBudget {
  /** Programs that are listed. */
  readonly executions: number;
  /** Operations of random programs. */
  readonly operations: number;
}

/** Why a mutant does not deserve its mark; null if it does. `program` is the shortest that is known to show it. */
export async function problemOfMark(
  mark: Mark,
  mutant: Mutant,
  program: Program,
  budget: WindowBudget,
): Promise<string | null> {
  switch (mark) {
    case "deep":
      return lengthOf(program) >= 12 ? null : `a program of length ${lengthOf(program)} shows it`;
    case "hidden":
      return problemOfHidden(mutant, program);
    case "window":
      return problemOfWindow(mutant, program, budget);
  }
}

/** A rule that is never broken and sees every event as it happens. */
function watching(rule: Rule, see: (event: HistoryEvent) => void): Rule {
  const handlers = Object.fromEntries(eventKinds.map((kind) => [kind, see])) as Handlers<undefined>;
  return { ...rule, monitor: on(handlers) };
}

/** The step in which the fault takes effect shows what the reference shows, to its end; what differs comes later. */
async function problemOfHidden(mutant: Mutant, program: Program): Promise<string | null> {
  const profile = profiles[mutant.profile];
  let last: HistoryEvent | null = null;
  let reached: HistoryEvent | null = null;
  const watch = watching(monitored(mutant.profile)[0]!, (event) => (last = event));
  const faulty = await replay(
    program,
    mutant.system(() => (reached ??= last)),
    [watch],
    profile,
  );
  const sound = await replay(program, referenceSystem(), [], profile);
  const spoilt = reached as HistoryEvent | null;
  if (spoilt === null) return "the fault is not reached after an event";
  const at = faulty.events.findIndex((event, index) => JSON.stringify(event) !== JSON.stringify(sound.events[index]));
  const first = faulty.events[at];
  if (first === undefined) return "its history is the reference's";
  if (first.seq <= spoilt.seq) return `event ${first.seq} differs before the fault takes effect`;
  return first.step === spoilt.step ? `event ${first.seq} of the same step shows it` : null;
}

/**
 * Of the operations of its shortest counterexample no list of that length shows it in any order of whole operations,
 * and neither do random programs without preemptions.
 */
async function problemOfWindow(
  mutant: Mutant,
  program: Program,
  { executions, operations }: WindowBudget,
): Promise<string | null> {
  const rule = monitored(mutant.profile).find(({ id }) => id === mutant.rule)!;
  const system = mutant.system(() => undefined);
  const whole = { ...program, schedule: [] };
  const length = lengthOf(whole);
  const alphabet = alphabetOf(whole, null, "own");
  const { found, atLeast } = await excludeShorter(system, program, rule, alphabet, length + 1, executions);
  if (found !== null) return `${atLeast} whole operations show it`;
  if (atLeast <= length) return `not settled by ${executions} programs`;
  const goOn = (spent: number) => spent < operations;
  const { kill } = hunt(system, mutant.profile, mutant.rule, 1, goOn, () => ({ kind: "none" }));
  return kill === null ? null : `a random program without preemptions shows it after ${kill.operations} operations`;
}
