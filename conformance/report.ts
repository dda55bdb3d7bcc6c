import type { Level } from "../contracts/rule-text.ts";
import type { Counterexample } from "./counterexample.ts";
import type { Share } from "./campaign/findings.ts";
import type { TourReport } from "./campaign/toured.ts";
import type { Unexplained } from "./unexplained.ts";
import { redVerdicts, type SubjectRole, type VerdictKind } from "./verdict.ts";

/** What a run says about one rule, as reports carry it. */
export interface RuleReport {
  readonly id: string;
  readonly level: Level;
  readonly statement: string;
  readonly verdict: VerdictKind;
  /** Why it is untested, inapplicable, blocked or absent; null otherwise. */
  readonly reason: string | null;
  /** What the table of expectations says, where the subject has one. */
  readonly expected: VerdictKind | null;
  /** Times an outcome would have been a violation, and programs in which it was. */
  readonly exercised: { readonly times: number; readonly programs: number };
  readonly counterexample: Counterexample | null;
}

/** What the search saw of what there is to see. */
export interface CampaignReport {
  /** Operations of one slice, and how many slices were run. */
  readonly slice: number;
  readonly slices: number;
  /** Combinations of operations, answers and situations that programs showed; of these, the ones only one program did. */
  readonly features: number;
  readonly once: number;
  /** Programs that showed a feature, summed over features. */
  readonly observations: number;
  /** Estimate (Good and Turing) of the chance that the next observation is of a feature nobody has seen: once / observations. */
  readonly residualRisk: number;
  /** Programs that together show every feature. */
  readonly corpus: number;
  /** What each strategy got and brought. */
  readonly shares: Readonly<Record<string, Share>>;
  /** How many of the transitions of each scope were carried out: a whole slice tours them, and a campaign in mode "tour". */
  readonly tours: readonly TourReport[];
}

/** The whole result of a run: plain data. Everything but `measured` is equal for equal seeds. */
export interface Report {
  readonly schemaVersion: 1;
  readonly suite: { readonly name: "dmabuf-conformance"; readonly version: string };
  readonly ruleSet: string;
  readonly implementation: { readonly name: string; readonly version: string; readonly roles: readonly SubjectRole[] };
  readonly profile: string;
  readonly seed: number;
  readonly budget: number;
  readonly programs: number;
  readonly operations: number;
  /** Optional operations the subject has, by name. */
  readonly capabilities: readonly string[];
  readonly rules: readonly RuleReport[];
  /** Rules by verdict. */
  readonly counts: Readonly<Partial<Record<VerdictKind, number>>>;
  readonly campaign: CampaignReport;
  /** Answers that no rule calls wrong and no operation declares: notes, at most twenty. */
  readonly unexplained: readonly Unexplained[];
  /** Our failure or the adapter's that ended the run early; null for a whole run. */
  readonly fault: string | null;
  /** No MUST is red, and with an expectation table nothing is unexpected. */
  readonly conformant: boolean;
  /** The list of rules is whole: a report that was cut off says false or cannot be read. */
  readonly complete: boolean;
  readonly measured: { readonly seconds: number; readonly operationsPerSecond: number; readonly node: string };
}

/** Whether a rule's verdict makes the run red. What the table of expectations says is as expected, and only that. */
export function isRed(rule: Pick<RuleReport, "verdict" | "level" | "expected">, strict: boolean): boolean {
  if (rule.expected !== null) return rule.verdict !== rule.expected;
  if (!redVerdicts.includes(rule.verdict)) return false;
  return rule.verdict !== "violated" || rule.level === "MUST" || strict;
}
