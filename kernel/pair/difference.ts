import { rulesOf, type Complaint } from "../complaints/complaint.ts";
import { kindOfComplaint } from "../complaints/complaint.ts";
import type { PairRun } from "./decode.ts";
import type { PairProgram } from "./draw.ts";
import { wordsOf, type PairStep } from "./steps.ts";

/** Where a kernel first parts from the model of the pair. */
export interface PairDifference {
  readonly seed: number;
  readonly step: string;
  /** In the order of their step. */
  readonly expected: readonly string[];
  readonly got: readonly string[];
  /** Rules that what is missing or too much is about; none where it is about no rule. */
  readonly rules: readonly string[];
}

/** The first step in which a kernel shows other facts than the model, or in which it complains; null if there is none. */
export function differenceOf(program: PairProgram, run: PairRun): PairDifference | null {
  const { seed, steps } = program;
  for (const [index, step] of steps.entries()) {
    const expected = [...program.facts[index]!, ...program.sights[index]!];
    const got = [...run.facts[index]!, ...run.sights[index]!];
    if (JSON.stringify(expected) !== JSON.stringify(got))
      return { seed, step: wordsOf(step), expected, got, rules: rulesOfDifference(step, expected, got) };
  }
  const { complaints, ending } = run;
  if (complaints.length === 0 && ending !== null && ending.lockdep && ending.stuck + ending.late === 0) return null;
  const rules = complaints.flatMap((text) => rulesOf(complaintOf(text), undefined));
  const end = ending === null ? ["the program does not end"] : [];
  const state = ending === null || ending.lockdep ? [] : ["the lock checker has stopped"];
  const stuck = (ending?.stuck ?? 0) > 0 ? ["a task is stuck"] : [];
  const late = (ending?.late ?? 0) > 0 ? ["the kernel complains when the program is cleared away"] : [];
  return { seed, step: "the end", expected: [], got: [...complaints, ...end, ...state, ...stuck, ...late], rules };
}

function complaintOf(text: string): Complaint {
  return { step: null, kind: kindOfComplaint(text), text, seq: 0 };
}

/** What a fact that is missing, or that should not be there, says of the contract. */
function rulesOfDifference(step: PairStep, expected: readonly string[], got: readonly string[]): readonly string[] {
  const missing = without(expected, got);
  const extra = without(got, expected);
  const lacks = (start: string) => missing.some((fact) => fact.startsWith(start));
  const has = (start: string) => extra.some((fact) => fact.startsWith(start));
  const rules: string[] = [];
  if (extra.some((fact) => fact.endsWith(" without the lock"))) rules.push("MOVE-01");
  switch (step.op) {
    case "revoke":
    case "unrevoke":
      if (lacks("invalidated") && lacks("told ")) rules.push(step.op === "revoke" ? "REV-03" : "REV-19");
      else if (lacks("told ")) rules.push("MOVE-02");
      // Of several page tables one is forgotten: some are gone.
      if (lacks("off ") || missing.some((fact) => fact.endsWith(": nothing"))) rules.push("REV-48");
      break;
    case "plug":
    case "domain":
      if (has("on ") || missing.some((fact) => fact.endsWith(": nothing"))) rules.push("REV-52");
      break;
    case "import":
      if (lacks("ENODEV")) rules.push("REV-04", "REV-49");
      if (has("ENODEV")) rules.push("REV-20");
      break;
    case "release":
    case "quit":
      if (lacks("detach ") || lacks("put ") || has("off ")) rules.push("REV-54");
      break;
    default:
  }
  return rules;
}

/** The facts of the first list that the second has not, counting repetitions. */
function without(facts: readonly string[], others: readonly string[]): readonly string[] {
  const left = [...others];
  return facts.filter((fact) => {
    const at = left.indexOf(fact);
    if (at < 0) return true;
    left.splice(at, 1);
    return false;
  });
}

/** A difference for people. */
export function differenceText({ seed, step, expected, got, rules }: PairDifference): readonly string[] {
  return [
    `seed ${seed}, ${step}${rules.length > 0 ? `: ${rules.join(", ")}` : ""}`,
    ...without(expected, got).map((fact) => `  - ${fact}`),
    ...without(got, expected).map((fact) => `  + ${fact}`),
    ...(without(expected, got).length + without(got, expected).length === 0
      ? [`  other order: ${got.join("; ")}`, `  the model:   ${expected.join("; ")}`]
      : []),
  ];
}
