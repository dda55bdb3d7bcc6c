import type { JointViolation } from "../../contracts/across.ts";
import type { Counterexample } from "../counterexample.ts";
import { shrinkJoint } from "../joint.ts";
import { findShortest } from "../shortest.ts";
import type { TriedWaiver } from "../waiver.ts";
import type { Campaign } from "./campaign.ts";
import { jointViolations, type Find, type Findings } from "./findings.ts";

/** What of a campaign decides about its counterexamples. */
type Setting = Pick<Campaign, "system" | "kinds" | "rules" | "scored" | "seed" | "situationOf">;

/** Executions that looking for a shorter counterexample may take beyond shrinking. The same for every rule, so that a find has one counterexample, whatever else was found. */
const further = 100;

/**
 * Shrinks the finds of scored rules that are not waived away. A find's counterexample is a function of the find.
 * `each` is called before every one.
 */
export async function counterexamplesOf(
  setting: Setting,
  { finds }: Pick<Findings, "finds">,
  waivers: readonly TriedWaiver[],
  each: () => void = () => undefined,
): Promise<readonly Counterexample[]> {
  const counterexamples: Counterexample[] = [];
  for (const find of finds) {
    if (!isWanted(setting, find.rule, waivers)) continue;
    each();
    counterexamples.push(await shrunk(find, setting));
  }
  return counterexamples;
}

/** Shrinks what all runs break only together: `findings` are those of the whole campaign. */
export async function jointCounterexamples(
  setting: Setting,
  findings: Findings,
  waivers: readonly TriedWaiver[],
): Promise<readonly Counterexample[]> {
  const alone = new Set(findings.finds.map(({ rule }) => rule));
  const counterexamples: Counterexample[] = [];
  for (const joint of jointViolations(setting.rules, findings)) {
    const { id } = joint.rule;
    if (alone.has(id) || !isWanted(setting, id, waivers)) continue;
    const { violation, executions } = await shrinkJoint(setting.system, joint);
    counterexamples.push(together(violation, joint, findings, setting.seed, executions));
  }
  return counterexamples;
}

function isWanted({ scored }: Setting, rule: string, waivers: readonly TriedWaiver[]): boolean {
  return scored.has(rule) && !waivers.some((waiver) => waiver.rule === rule && waiver.fails);
}

/** Of runs that break a rule only together: all of them count as having found it, as none of them did alone. */
export function together(
  { rule, why, shares }: JointViolation,
  found: JointViolation,
  { programs, operations }: Pick<Findings, "programs" | "operations">,
  seed: number,
  executions: number,
): Counterexample {
  const [first, ...others] = shares;
  const steps = found.shares.reduce((sum, share) => sum + share.program.steps.length, 0);
  return {
    schema: 1,
    rule: rule.id,
    program: first!.program,
    why,
    seq: first!.seq,
    evidence: first!.evidence,
    others: others.map((share) => ({
      program: share.program,
      why: share.why,
      seq: share.seq,
      evidence: share.evidence,
    })),
    also: [],
    found: { slice: 0, programs, operations, seed, steps, executions },
  };
}

async function shrunk(find: Find, { system, kinds, rules, seed, situationOf }: Setting): Promise<Counterexample> {
  const rule = rules.find(({ id }) => id === find.rule)!;
  const situation = rule.situation && situationOf(rule.situation);
  const shortest = await findShortest(find.program, { system, rule, kinds, situation, seed, further });
  return {
    schema: 1,
    rule: rule.id,
    program: shortest.program,
    why: shortest.violation.why,
    seq: shortest.violation.seq,
    evidence: shortest.violation.evidence,
    also: find.also,
    bound: shortest.bound,
    found: {
      slice: find.slice,
      programs: find.programs,
      operations: find.operations,
      seed,
      steps: find.program.steps.length,
      executions: shortest.executions + shortest.further,
    },
  };
}
