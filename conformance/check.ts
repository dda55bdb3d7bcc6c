import type { JointViolation } from "../contracts/across.ts";
import { holdsIn, registry } from "../contracts/registry.ts";
import type { System } from "../harness/system.ts";
import { profileNamed } from "../spec/profile-name.ts";
import { runCampaign, type Campaign, type Find, type Watch } from "./campaign.ts";
import { conductCapabilities } from "./conduct.ts";
import { programsOf, type Counterexample } from "./counterexample.ts";
import { shrinkJoint } from "./joint.ts";
import { readManifest, type Manifest } from "./manifest.ts";
import type { Report, RuleReport } from "./report.ts";
import { decide, isScored } from "./scoring.ts";
import { findShortest, type Search } from "./shortest.ts";
import { kindsOf, rolesOf, situationFor, systemOf, type Subject } from "./subject.ts";
import { redVerdicts, type VerdictKind } from "./verdict.ts";
import { checkWaivers, waivedVerdict, type Waiver } from "./waiver.ts";
import { suiteVersion } from "./version.ts";

/** Settings of a check; all have defaults. */
export interface CheckOptions {
  /** A series, or a series with its move-notify switch on ("K6.12+moveNotify"). Throws RangeError-like BadInput if unknown. */
  readonly profile?: string;
  readonly seed?: number;
  /** Operations of the campaign. */
  readonly budget?: number;
  /** SHOULD violations count as failures. */
  readonly strict?: boolean;
  /** Expected verdicts by rule id; every other scored rule is expected to pass. */
  readonly expectations?: Readonly<Record<string, VerdictKind>>;
  /** Rules whose violation is expected too, but does not come up in every run. */
  readonly tolerated?: readonly string[];
  /** Counterexamples of earlier runs, tried first. Those of another profile are left out. */
  readonly corpus?: readonly Counterexample[];
  /** Violations that are known and tolerated; one that no longer fails is red. */
  readonly waivers?: readonly Waiver[];
  readonly watch?: Watch;
}

export const checkDefaults = { profile: "K7.1", seed: 1, budget: 40_000 } as const;

/** Executions that looking for shorter counterexamples may take beyond shrinking: for one rule, and for all broken ones. */
const further = { aRule: 200, inAll: 400 } as const;

/**
 * Checks a subject and answers a report: plain data, the same for the same options but for `measured`.
 * Nothing the subject does makes it throw; a subject that cannot be run gets `harness-error` verdicts and `fault`.
 * Throws BadInput for an unknown profile or a waiver that does not say what it has to.
 */
export async function check(subject: Subject, options: CheckOptions = {}): Promise<Report> {
  const { profile: profileName, seed, budget } = { ...checkDefaults, ...options };
  const profile = profileNamed(profileName);
  const roles = rolesOf(subject);
  const system = systemOf(subject);
  const rules = [...registry, ...(subject.rules ?? [])];
  const waivers = options.waivers ?? [];
  checkWaivers(waivers, rules);
  const judged = rules.filter((rule) => rule.monitor !== undefined && holdsIn(rule, profile.series));
  const started = process.cpuUsage();
  const manifest = manifestOf(subject, system, profile);
  let campaign: Campaign | null = null;
  let fault = typeof manifest === "string" ? manifest : null;
  const { methods, capabilities } = typeof manifest === "string" ? { methods: [], capabilities: [] } : manifest;
  const circumstances = { roles, capabilities, series: profile.series };
  if (fault === null) {
    const scored = new Set(judged.filter((rule) => isScored(rule, circumstances)).map((rule) => rule.id));
    const kinds = kindsOf(subject);
    const watch = options.watch ?? {};
    const corpus = (options.corpus ?? []).flatMap(programsOf).filter((program) => program.profile === profileName);
    campaign = await runCampaign({
      system,
      kinds,
      profile,
      profileName,
      rules: judged,
      scored,
      seed,
      budget,
      corpus,
      watch,
      situationOf: (situation) => situationFor(subject, situation),
    });
    fault = campaign.fault?.text ?? null;
  }
  // An importer's own conduct says what it is capable of; beside other subjects the partners show it.
  const shown =
    roles.join() === "importer" && campaign !== null
      ? capabilities.filter((name) => !conductCapabilities.includes(name) || campaign?.conduct.has(name) === true)
      : capabilities;
  const search = {
    system,
    kinds: kindsOf(subject),
    seed,
    further: Math.min(further.aRule, Math.floor(further.inAll / Math.max(1, campaign?.finds.size ?? 0))),
  };
  const reports: RuleReport[] = [];
  for (const rule of rules) {
    const plain = decide(rule, { ...circumstances, capabilities: shown, campaign, fault });
    const waiver = waivers.find((entry) => entry.rule === rule.id);
    const decision =
      waiver === undefined || fault !== null
        ? plain
        : { ...plain, ...(await waivedVerdict(waiver, rule, system, plain.verdict)) };
    const tolerated = decision.verdict === "violated" && options.tolerated?.includes(rule.id) === true;
    const isViolated = decision.verdict === "violated";
    const find = isViolated ? campaign?.finds.get(rule.id) : undefined;
    const joint = isViolated ? campaign?.joint.get(rule.id) : undefined;
    reports.push({
      id: rule.id,
      level: rule.level,
      statement: rule.statement,
      ...decision,
      expected: options.expectations?.[rule.id] ?? (tolerated ? "violated" : null),
      counterexample:
        find !== undefined
          ? await shrunk(find, { ...search, rule, situation: rule.situation && situationFor(subject, rule.situation) })
          : joint !== undefined && campaign !== null
            ? await shrunkTogether(joint, system, seed, campaign)
            : null,
    });
  }
  const spent = process.cpuUsage(started);
  const seconds = (spent.user + spent.system) / 1e6;
  const operations = campaign?.operations ?? 0;
  return {
    schemaVersion: 1,
    suite: { name: "dmabuf-conformance", version: suiteVersion },
    ruleSet: "2026-11",
    implementation: { name: subject.name, version: subject.version ?? "0", roles },
    profile: profileName,
    seed,
    budget,
    programs: campaign?.programs ?? 0,
    operations,
    capabilities: methods,
    rules: reports,
    counts: countVerdicts(reports),
    unexplained: campaign?.unexplained ?? [],
    fault,
    conformant: fault === null && reports.every((rule) => !isRed(rule, options.strict === true)),
    complete: true,
    measured: {
      seconds,
      operationsPerSecond: Math.round(operations / Math.max(seconds, 1e-6)),
      node: process.version,
    },
  };
}

/** Whether a rule's verdict makes the run red. What the table of expectations says is as expected, and only that. */
export function isRed(rule: Pick<RuleReport, "verdict" | "level" | "expected">, strict: boolean): boolean {
  if (rule.expected !== null) return rule.verdict !== rule.expected;
  if (!redVerdicts.includes(rule.verdict)) return false;
  return rule.verdict !== "violated" || rule.level === "MUST" || strict;
}

function manifestOf(subject: Subject, system: System, profile: ReturnType<typeof profileNamed>): Manifest | string {
  if (rolesOf(subject).length === 0)
    return "the subject brings no role; give it an exporter, an importer or a framework";
  try {
    return readManifest(subject, system, profile);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

async function shrunk(find: Find, search: Search): Promise<Counterexample> {
  const shortest = await findShortest(find.program, search);
  return {
    schema: 1,
    rule: search.rule.id,
    program: shortest.program,
    why: shortest.violation.why,
    seq: shortest.violation.seq,
    evidence: shortest.violation.evidence,
    also: find.also,
    bound: shortest.bound,
    found: {
      programs: find.programs,
      operations: find.operations,
      seed: search.seed,
      steps: find.program.steps.length,
      executions: shortest.executions + shortest.further,
    },
  };
}

/** Of runs that break a rule only together: all of them count as having found it, as none of them did alone. */
async function shrunkTogether(
  joint: JointViolation,
  system: System,
  seed: number,
  { programs, operations }: Campaign,
): Promise<Counterexample> {
  const { violation, executions } = await shrinkJoint(system, joint);
  const [first, ...others] = violation.shares;
  const steps = joint.shares.reduce((sum, share) => sum + share.program.steps.length, 0);
  return {
    schema: 1,
    rule: violation.rule.id,
    program: first!.program,
    why: violation.why,
    seq: first!.seq,
    evidence: first!.evidence,
    others: others.map(({ program, why, seq, evidence }) => ({ program, why, seq, evidence })),
    also: [],
    found: { programs, operations, seed, steps, executions },
  };
}

function countVerdicts(reports: readonly RuleReport[]): Report["counts"] {
  const counts: Partial<Record<VerdictKind, number>> = {};
  for (const { verdict } of reports) counts[verdict] = (counts[verdict] ?? 0) + 1;
  return counts;
}
