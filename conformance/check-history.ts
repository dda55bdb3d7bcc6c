import { judgeHistory, type Violation } from "../contracts/judge.ts";
import { holdsIn, registry } from "../contracts/registry.ts";
import type { Rule } from "../contracts/rule.ts";
import type { EventKind } from "../spec/event.ts";
import type { History } from "../spec/history.ts";
import { profileNamed } from "../spec/profile-name.ts";

/** What one recorded history says about one rule. */
export interface HistoryVerdict {
  readonly id: string;
  /** `pass`: exercised and kept. `blocked`: the history never came to where it decides. */
  readonly verdict: "pass" | "violated" | "blocked" | "untested" | "inapplicable";
  readonly reason: string | null;
  readonly exercised: number;
  readonly violation: Violation | null;
}

/**
 * Judges a history from anywhere: a trace, another process, a kernel. Rules whose evidence the source does not record
 * completely (`header.observes`) are untested. No subject is needed; duties of every party are judged.
 */
export function checkHistory(history: History, rules: readonly Rule[] = registry): readonly HistoryVerdict[] {
  const profile = profileNamed(history.header.profile);
  const judged = rules.filter((rule) => rule.monitor !== undefined && holdsIn(rule, profile.series));
  const judge = judgeHistory(history.events, judged, profile);
  return rules.map((rule) => {
    const nothing = { id: rule.id, exercised: 0, violation: null };
    if (!holdsIn(rule, profile.series))
      return { ...nothing, verdict: "inapplicable", reason: `not part of ${profile.series}` };
    if (rule.monitor === undefined) return { ...nothing, verdict: "untested", reason: "the rule has no monitor" };
    const missing = evidenceOf(rule).filter((kind) => !history.header.observes.includes(kind));
    if (missing.length > 0)
      return { ...nothing, verdict: "untested", reason: `the source does not record ${missing.join(", ")}` };
    const exercised = judge.exercises().find((entry) => entry.rule === rule)?.times ?? 0;
    const violation = judge.violations.find((entry) => entry.rule === rule) ?? null;
    if (violation !== null) return { id: rule.id, verdict: "violated", reason: null, exercised, violation };
    if (exercised === 0) return { ...nothing, verdict: "blocked", reason: "never exercised" };
    return { id: rule.id, verdict: "pass", reason: null, exercised, violation };
  });
}

/** Event kinds a rule's verdict rests on. */
export function evidenceOf(rule: Rule): readonly EventKind[] {
  const named = Object.keys(rule.monitor?.handlers ?? {}).map((key) => key.split(" ")[0] as EventKind);
  return [...new Set([...named, ...(rule.evidence ?? [])])].filter((kind) => kind !== "drain" && kind !== "end");
}
