import { holdsIn } from "../contracts/registry.ts";
import type { Rule } from "../contracts/rule.ts";
import type { Capability, Party } from "../contracts/rule-text.ts";
import type { EventKind } from "../spec/event.ts";
import type { Series } from "../spec/profile.ts";
import { exerciseFloor, type Mode } from "./campaign/campaign.ts";
import type { Findings } from "./campaign/findings.ts";
import type { RuleReport } from "./report.ts";
import { fallsTo, type SubjectRole, type VerdictKind } from "./verdict.ts";

/** What decides which verdict a rule gets. */
export interface Circumstances {
  readonly roles: readonly SubjectRole[];
  readonly capabilities: readonly Capability[];
  readonly series: Series;
  /** Null where nothing could be run. */
  readonly findings: Findings | null;
  /** Rules that only all runs together break. */
  readonly joint: readonly string[];
  /** Our failure or the adapter's, if the run is none. */
  readonly fault: string | null;
  readonly mode: Mode;
}

/** What of a rule decides about its verdict: plain data. */
export interface RuleFacts extends Omit<Rule, "monitor" | "across" | "situation"> {
  /** What its monitor listens to; null without a monitor. */
  readonly listens: readonly string[] | null;
}

/** A rule without its functions. */
export function factsOf({ monitor, across: _across, situation: _situation, ...words }: Rule): RuleFacts {
  return { ...words, listens: monitor === undefined ? null : Object.keys(monitor.handlers) };
}

/** A verdict and why it is that one. */
interface Decision {
  readonly verdict: VerdictKind;
  readonly reason: string | null;
}

/** Event kinds that only the subject's own use of `env` produces: without them some rules have nothing to look at. */
const optionalEvidence: readonly EventKind[] = ["epoch", "alloc", "free", "translate", "device", "access"];

/** Whether a rule is scored: it holds in the series, has a monitor, and is a duty of these roles with these capabilities. */
export function isScored(rule: RuleFacts, now: Pick<Circumstances, "roles" | "capabilities" | "series">): boolean {
  return rule.listens !== null && unscored(rule, now) === null;
}

/** The verdict of one rule. */
export function decide(rule: RuleFacts, now: Circumstances): Decision & Pick<RuleReport, "exercised"> {
  const exercised = now.findings?.exercised[rule.id] ?? { times: 0, programs: 0 };
  return { ...(unscored(rule, now) ?? scored(rule, now, exercised)), exercised };
}

function unscored(rule: RuleFacts, now: Pick<Circumstances, "roles" | "capabilities" | "series">): Decision | null {
  if (!holdsIn(rule, now.series)) return { verdict: "inapplicable", reason: `not part of ${now.series}` };
  const reason = whyUntested(rule);
  if (reason !== null) return { verdict: "untested", reason };
  const parties: readonly Party[] = [...rule.obliged, ...(rule.provokedBy ?? [])];
  if (!parties.some((party) => fallsTo(party, now.roles)))
    return { verdict: "inapplicable", reason: `a duty of the ${rule.obliged.join(" and ")}` };
  const missing = rule.needs?.filter((need) => !now.capabilities.includes(need)) ?? [];
  if (missing.length > 0) return { verdict: "absent", reason: `the subject does not offer ${missing.join(", ")}` };
  if (rule.needsAny !== undefined && !rule.needsAny.some((need) => now.capabilities.includes(need)))
    return { verdict: "absent", reason: `the subject offers none of ${rule.needsAny.join(", ")}` };
  return null;
}

function scored(
  rule: RuleFacts,
  { roles, findings, joint, fault, mode }: Circumstances,
  exercised: RuleReport["exercised"],
): Decision {
  const missing = findings === null ? null : missingEvidence(rule, findings);
  if (missing !== null && fault === null) return { verdict: "untested", reason: missing };
  if (joint.includes(rule.id) || findings?.finds.some((find) => find.rule === rule.id) === true)
    return { verdict: "violated", reason: null };
  if (fault !== null) return { verdict: "harness-error", reason: fault };
  const { times, programs } = exercised;
  if (times >= exerciseFloor.times && programs >= exerciseFloor.programs) return { verdict: "pass", reason: null };
  // A duty of whoever makes certain calls is no duty of a subject that does not make them.
  const named = [...rule.obliged, ...(rule.provokedBy ?? [])];
  if (!roles.some((role) => named.includes(role)))
    return { verdict: "inapplicable", reason: "the subject makes no calls that come to where it decides" };
  if (rule.level === "MAY")
    return times > 0
      ? { verdict: "pass", reason: null }
      : { verdict: "inapplicable", reason: "the subject makes no use of it" };
  if (rule.onlyIf !== undefined && times === 0 && roles.length === 1)
    return { verdict: "inapplicable", reason: `the subject was never seen to: ${rule.onlyIf}` };
  if (mode === "tour")
    return { verdict: "untested", reason: "no scope leads to where it decides often enough; a search does" };
  const floor = `${exerciseFloor.times} times in ${exerciseFloor.programs} programs`;
  return { verdict: "blocked", reason: `exercised ${times} times in ${programs} programs; it takes ${floor}` };
}

/** A rule whose evidence the subject never produces is untested, not blocked. */
function missingEvidence(rule: RuleFacts, findings: Findings): string | null {
  const named = (rule.listens ?? []).map((key) => key.split(" ")[0] as EventKind);
  const missing = [...(rule.evidence ?? []), ...named].filter(
    (kind) => optionalEvidence.includes(kind) && !findings.kinds.includes(kind),
  );
  return missing.length === 0 ? null : `the history has no ${[...new Set(missing)].join(", ")} events to judge by`;
}

function whyUntested({ status }: RuleFacts): string | null {
  switch (status.kind) {
    case "checked":
    case "sampled":
      return null;
    case "kernelOnly":
      return "only a real kernel can show it";
    case "fact":
      return "a fact about a series, nobody can break it";
    case "untested":
    case "excluded":
      return status.reason;
  }
}
