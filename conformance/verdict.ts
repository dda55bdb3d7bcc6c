import type { Party } from "../contracts/rule-text.ts";

/**
 * What a run says about one rule.
 * `pass`: exercised at least as often as the floor asks, never broken. `violated`: broken, with a counterexample.
 * `known`: waived, and the stored counterexample still fails. `stale`: waived, and it no longer fails.
 * `absent`: the subject honestly lacks the capability. `inapplicable`: not this subject's duty, or not in this series.
 * `blocked`: it should have been exercised and was not. `inconclusive`: a limit ended the search.
 * `untested`: the evidence is missing or nobody can check it this way. `harness-error`: our failure or the adapter's.
 */
export type VerdictKind =
  | "pass"
  | "violated"
  | "known"
  | "stale"
  | "absent"
  | "inapplicable"
  | "blocked"
  | "inconclusive"
  | "untested"
  | "harness-error";

/** Verdicts that make a run red. `violated` counts only where the rule is a MUST, or a SHOULD under strict. */
export const redVerdicts: readonly VerdictKind[] = ["violated", "stale", "blocked", "inconclusive", "harness-error"];

/** Which side of the contract a subject brings. */
export type SubjectRole = "exporter" | "importer" | "framework";

/** Whether a party's duty falls to one of the subject's roles. */
export function fallsTo(party: Party, roles: readonly SubjectRole[]): boolean {
  switch (party) {
    case "exporter":
    case "importer":
    case "framework":
      return roles.includes(party);
    // Anybody who calls or signals is a caller or a fence owner.
    case "caller":
    case "fenceOwner":
      return roles.includes("exporter") || roles.includes("importer");
  }
}
