import type { Rule } from "../contracts/rule.ts";
import type { System } from "../harness/system.ts";
import { BadInput } from "../spec/bad-input.ts";
import { profileNamed } from "../spec/profile-name.ts";
import { programsOf, type Counterexample } from "./counterexample.ts";
import { replayTogether } from "./joint.ts";
import { replay } from "./replay.ts";
import type { VerdictKind } from "./verdict.ts";

/** A violation that is known and tolerated for now. */
export interface Waiver {
  readonly rule: string;
  /** Why it is tolerated. */
  readonly reason: string;
  /** Where it is tracked, for example the address of an issue. */
  readonly issue: string;
  /** The program that shows it: it is replayed, so that a mended bug is noticed. */
  readonly counterexample: Counterexample;
}

/** Throws BadInput for a waiver without a reason or an issue, for an unknown rule, or for two of one rule. */
export function checkWaivers(waivers: readonly Waiver[], rules: readonly Rule[]): void {
  const seen = new Set<string>();
  for (const [index, { rule, reason, issue, counterexample }] of waivers.entries()) {
    const where = `waiver ${index + 1} (${rule})`;
    if (!rules.some((entry) => entry.id === rule)) throw new BadInput("rule", where, "there is no such rule");
    if (reason.trim() === "") throw new BadInput("field", where, "says no reason; a waiver needs one");
    if (issue.trim() === "") throw new BadInput("field", where, "names no issue; say where the bug is tracked");
    if (counterexample.rule !== rule)
      throw new BadInput(
        "field",
        where,
        `brings a counterexample of ${counterexample.rule}; it has to be one of ${rule}`,
      );
    if (seen.has(rule)) throw new BadInput("name", where, "is the second one for this rule; one is enough");
    seen.add(rule);
  }
}

/** A waiver, and whether its counterexample still fails: plain data. */
export interface TriedWaiver extends Omit<Waiver, "counterexample"> {
  readonly fails: boolean;
}

/** Replays the counterexamples of waivers. */
export async function tryWaivers(
  waivers: readonly Waiver[],
  rules: readonly Rule[],
  system: System,
): Promise<readonly TriedWaiver[]> {
  const tried: TriedWaiver[] = [];
  for (const { rule, reason, issue, counterexample } of waivers) {
    const judged = rules.filter(({ id }) => id === rule);
    tried.push({ rule, reason, issue, fails: await stillFails(counterexample, judged, system) });
  }
  return tried;
}

/** The verdict of a waived rule: `known` while its counterexample fails; otherwise what the search found, or `stale`. */
export function waivedVerdict(
  { fails, reason, issue }: TriedWaiver,
  found: VerdictKind,
): { readonly verdict: VerdictKind; readonly reason: string | null } {
  if (fails) return { verdict: "known", reason: `${reason} (${issue})` };
  if (found === "violated") return { verdict: "violated", reason: null };
  return { verdict: "stale", reason: `the waived counterexample no longer fails: take the waiver out (${issue})` };
}

async function stillFails(counterexample: Counterexample, rules: readonly Rule[], system: System): Promise<boolean> {
  const { program, others = [] } = counterexample;
  if (others.length > 0) return (await replayTogether(programsOf(counterexample), system, rules)).violations.length > 0;
  return (await replay(program, system, rules, profileNamed(program.profile))).violations.length > 0;
}
