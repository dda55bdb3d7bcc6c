import { holdsIn, registry } from "../contracts/registry.ts";
import type { Rule } from "../contracts/rule.ts";
import type { Capability, Party } from "../contracts/rule-text.ts";
import { probe } from "../harness/probe.ts";
import { profileNamed } from "../spec/profile-name.ts";
import type { EventKind } from "../spec/event.ts";
import { exerciseFloor, runCampaign, type Campaign } from "./campaign.ts";
import type { Counterexample } from "./counterexample.ts";
import type { Report, RuleReport } from "./report.ts";
import { shrinkViolation } from "./shrink-violation.ts";
import { capabilitiesOf, kindsOf, methodsOf, rolesOf, systemOf, type Subject } from "./subject.ts";
import { suiteVersion } from "./version.ts";
import { fallsTo, redVerdicts, type SubjectRole, type VerdictKind } from "./verdict.ts";

/** Settings of a check; all have defaults. */
export interface CheckOptions {
  /** A series, or a series with its move-notify switch on ("K6.12+moveNotify"). */
  readonly profile?: string;
  readonly seed?: number;
  /** Operations of the campaign. */
  readonly budget?: number;
  /** SHOULD violations count as failures. */
  readonly strict?: boolean;
  /** Expected verdicts by rule id; every other scored rule is expected to pass. */
  readonly expectations?: Readonly<Record<string, VerdictKind>>;
}

export const checkDefaults = { profile: "K7.1", seed: 1, budget: 40_000 } as const;

/** Event kinds that only the subject's use of `env` produces: without them some rules have nothing to look at. */
const optionalEvidence: readonly EventKind[] = ["epoch", "alloc", "free", "translate", "device", "access"];

/** Checks a subject and answers a report: plain data, the same for the same options. Throws for nothing the subject does. */
export async function check(subject: Subject, options: CheckOptions = {}): Promise<Report> {
  const profileName = options.profile ?? checkDefaults.profile;
  const profile = profileNamed(profileName);
  const seed = options.seed ?? checkDefaults.seed;
  const budget = options.budget ?? checkDefaults.budget;
  const roles = rolesOf(subject);
  const system = systemOf(subject);
  const rules = [...registry, ...(subject.rules ?? [])];
  const judged = rules.filter((rule) => rule.monitor !== undefined && holdsIn(rule, profile.series));
  let capabilities: readonly Capability[] = [];
  let methods: readonly string[] = [];
  let early: string | null = roles.length === 0 ? "the subject brings no role: give it an exporter, an importer or a framework" : null;
  if (early === null)
    try {
      ({ capabilities, methods } = examine(subject, roles, system, profile));
    } catch (error) {
      early = `the adapter threw while it was made: ${error instanceof Error ? error.message : String(error)}`;
    }
  const scored = new Set(judged.filter((rule) => applies(rule, roles, capabilities) === null).map((rule) => rule.id));
  const started = process.cpuUsage();
  const campaign =
    early === null
      ? await runCampaign({
          system,
          kinds: kindsOf(subject),
          profile,
          profileName,
          rules: judged,
          scored,
          seed,
          budget,
        })
      : null;
  const fault = early ?? campaign?.fault?.text ?? null;
  const reports: RuleReport[] = [];
  for (const rule of rules) {
    const decided = decide(rule, { roles, capabilities, campaign, fault, series: profile.series });
    const find = campaign?.finds.get(rule.id);
    const counterexample =
      decided.verdict === "violated" && find !== undefined
        ? await shrunk(find, system, rule, seed)
        : null;
    reports.push({ ...decided, expected: options.expectations?.[rule.id] ?? null, counterexample });
  }
  const spent = process.cpuUsage(started);
  const seconds = (spent.user + spent.system) / 1e6;
  return {
    schemaVersion: 1,
    suite: { name: "dmabuf-conformance", version: suiteVersion },
    ruleSet: "2026-11",
    implementation: { name: subject.name, version: subject.version ?? "0", roles },
    profile: profileName,
    seed,
    budget,
    programs: campaign?.programs ?? 0,
    operations: campaign?.operations ?? 0,
    capabilities: methods,
    rules: reports,
    counts: countVerdicts(reports),
    fault,
    conformant: fault === null && reports.every((rule) => !isRed(rule, options.strict === true)),
    complete: true,
    measured: {
      seconds,
      operationsPerSecond: Math.round((campaign?.operations ?? 0) / Math.max(seconds, 1e-6)),
      node: process.version,
    },
  };
}

/** Whether a rule's verdict makes the run red. */
export function isRed(rule: Pick<RuleReport, "verdict" | "level">, strict: boolean): boolean {
  if (!redVerdicts.includes(rule.verdict)) return false;
  return rule.verdict !== "violated" || rule.level === "MUST" || strict;
}

function examine(subject: Subject, roles: readonly SubjectRole[], system: ReturnType<typeof systemOf>, profile: ReturnType<typeof profileNamed>) {
  const methods: string[] = [];
  let capabilities: readonly Capability[] = ["dynamicExporter", "revoke", "unrevoke", "permanentRevoke", "pin", "move", "importerCallback", "peer2peer"];
  if (subject.exporter !== undefined) {
    const instances = [probe(system, subject.exporter, profile), probe(system, subject.exporter, profile)];
    const [first, second] = instances.map((instance) => methodsOf("exporter", instance));
    if (first!.join() !== second!.join())
      throw new Error(
        `it changes its capabilities: one instance offers ${first!.join(", ")}, the next ${second!.join(", ")}; optional methods are the manifest and must be the same for every instance`,
      );
    methods.push(...first!);
    capabilities = [...capabilitiesOf(instances[0]!), "importerCallback", "peer2peer"];
  }
  if (subject.importer !== undefined) methods.push(...methodsOf("importer", probe(system, subject.importer, profile)));
  void roles;
  return { capabilities, methods };
}

/** Why a rule is not scored for these roles and capabilities, or null. */
function applies(
  rule: Rule,
  roles: readonly SubjectRole[],
  capabilities: readonly Capability[],
): { readonly verdict: VerdictKind; readonly reason: string } | null {
  const parties: readonly Party[] = [...rule.obliged, ...(rule.provokedBy ?? [])];
  if (!parties.some((party) => fallsTo(party, roles)))
    return { verdict: "inapplicable", reason: `a duty of the ${rule.obliged.join(" and ")}` };
  const missing = rule.needs?.filter((need) => !capabilities.includes(need)) ?? [];
  if (missing.length > 0) return { verdict: "absent", reason: `the subject does not offer ${missing.join(", ")}` };
  return null;
}

interface Circumstances {
  readonly roles: readonly SubjectRole[];
  readonly capabilities: readonly Capability[];
  readonly campaign: Campaign | null;
  readonly fault: string | null;
  readonly series: Parameters<typeof holdsIn>[1];
}

function decide(rule: Rule, now: Circumstances): Omit<RuleReport, "expected" | "counterexample"> {
  const base = { id: rule.id, level: rule.level, statement: rule.statement };
  const nothing = { times: 0, programs: 0 };
  const untestedReason = whyUntested(rule);
  const verdict = (kind: VerdictKind, reason: string | null, exercised: RuleReport["exercised"] = nothing) => ({
    ...base,
    verdict: kind,
    reason,
    exercised,
  });
  if (!holdsIn(rule, now.series)) return verdict("inapplicable", `not part of ${now.series}`);
  if (untestedReason !== null) return verdict("untested", untestedReason);
  const unscored = applies(rule, now.roles, now.capabilities);
  if (unscored !== null) return verdict(unscored.verdict, unscored.reason);
  const record = now.campaign?.judge.exercises().find((entry) => entry.rule === rule);
  const exercised = { times: record?.times ?? 0, programs: record?.programs ?? 0 };
  if (now.campaign?.finds.has(rule.id) === true) return verdict("violated", null, exercised);
  if (now.fault !== null) return verdict("harness-error", now.fault, exercised);
  if (exercised.times >= exerciseFloor.times && exercised.programs >= exerciseFloor.programs)
    return verdict("pass", null, exercised);
  const missing = missingEvidence(rule, now.campaign);
  if (missing !== null) return verdict("untested", missing, exercised);
  const { times, programs } = exercised;
  return verdict("blocked", `exercised ${times} times in ${programs} programs; the floor is ${exerciseFloor.times} in ${exerciseFloor.programs}`, exercised);
}

/** A rule whose evidence the subject never produces is untested, not blocked. */
function missingEvidence(rule: Rule, campaign: Campaign | null): string | null {
  const named = Object.keys(rule.monitor?.handlers ?? {}).map((key) => key.split(" ")[0] as EventKind);
  const missing = [...(rule.evidence ?? []), ...named].filter(
    (kind) => optionalEvidence.includes(kind) && campaign?.kinds.has(kind) !== true,
  );
  return missing.length === 0 ? null : `the history has no ${[...new Set(missing)].join(", ")} events to judge by`;
}

function whyUntested(rule: Rule): string | null {
  const { status } = rule;
  switch (status.kind) {
    case "checked":
    case "sampled":
      return null;
    case "later":
      return `arrives with the area ${status.area}`;
    case "kernelOnly":
      return "only a real kernel can show it";
    case "fact":
      return "a fact about a series, nobody can break it";
    case "untested":
    case "excluded":
      return status.reason;
  }
}

async function shrunk(
  find: NonNullable<ReturnType<Campaign["finds"]["get"]>>,
  system: ReturnType<typeof systemOf>,
  rule: Rule,
  seed: number,
): Promise<Counterexample> {
  const shrink = await shrinkViolation(system, find.program, rule.id, { rules: [rule] });
  return {
    schema: 1,
    rule: rule.id,
    program: shrink.program,
    why: shrink.violation.why,
    seq: shrink.violation.seq,
    evidence: shrink.violation.evidence,
    also: find.also,
    found: {
      programs: find.programs,
      operations: find.operations,
      seed,
      steps: find.program.steps.length,
      executions: shrink.executions,
    },
  };
}

function countVerdicts(reports: readonly RuleReport[]): Report["counts"] {
  const counts: Partial<Record<VerdictKind, number>> = {};
  for (const { verdict } of reports) counts[verdict] = (counts[verdict] ?? 0) + 1;
  return counts;
}
