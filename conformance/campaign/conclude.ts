import { registry } from "../../contracts/registry.ts";
import { profileNamed } from "../../spec/profile-name.ts";
import { conductCapabilities } from "../conduct.ts";
import type { Counterexample } from "../counterexample.ts";
import { isRed, type CampaignReport, type Report, type RuleReport } from "../report.ts";
import { decide, factsOf } from "../scoring.ts";
import type { VerdictKind } from "../verdict.ts";
import { waivedVerdict, type TriedWaiver } from "../waiver.ts";
import type { About } from "./about.ts";
import type { Findings } from "./findings.ts";
import { fewest } from "./kept.ts";
import { tourReports } from "./toured.ts";

/** How findings are looked at: what is expected, what is tolerated. Plain data. */
export interface Terms {
  /** SHOULD violations count as failures. */
  readonly strict?: boolean;
  /** Expected verdicts by rule id; every other scored rule is expected to pass. */
  readonly expectations?: Readonly<Record<string, VerdictKind>>;
  /** Rules whose violation is expected too, but does not come up in every run. */
  readonly tolerated?: readonly string[];
}

/** What a campaign came to, but for what the report makes of it: plain data. */
export interface Outcome {
  readonly about: About;
  readonly terms: Terms;
  readonly findings: Findings;
  /** Rules that only all runs together break. */
  readonly joint: readonly string[];
  /** The shrunk program of each find. */
  readonly counterexamples: readonly Counterexample[];
  readonly waivers: readonly TriedWaiver[];
}

/** The report of an outcome. A function of it alone: whoever has the outcome has no need of the subject. */
export function conclude({
  about,
  terms,
  findings,
  joint,
  counterexamples,
  waivers,
}: Outcome): Omit<Report, "measured"> {
  const { key } = about;
  const { roles } = key.implementation;
  const ran = findings.programs > 0;
  const fault = about.fault ?? findings.fault?.text ?? null;
  // An importer's own conduct says what it is capable of; beside other subjects the partners show it.
  const capabilities =
    roles.join() === "importer" && ran
      ? about.capabilities.filter((name) => !conductCapabilities.includes(name) || findings.conduct.includes(name))
      : about.capabilities;
  const now = {
    roles,
    capabilities,
    series: profileNamed(key.profile).series,
    findings: ran ? findings : null,
    joint,
    fault,
    mode: key.mode,
  };
  const rules = [...registry.map(factsOf), ...about.ownRules].map((rule): RuleReport => {
    const plain = decide(rule, now);
    const waiver = fault === null ? waivers.find((entry) => entry.rule === rule.id) : undefined;
    const decision = waiver === undefined ? plain : { ...plain, ...waivedVerdict(waiver, plain.verdict) };
    const isViolated = decision.verdict === "violated";
    const tolerated = isViolated && terms.tolerated?.includes(rule.id) === true;
    return {
      id: rule.id,
      level: rule.level,
      statement: rule.statement,
      ...decision,
      expected: terms.expectations?.[rule.id] ?? (tolerated ? "violated" : null),
      counterexample: (isViolated ? counterexamples.find((entry) => entry.rule === rule.id) : undefined) ?? null,
    };
  });
  return {
    schemaVersion: 1,
    suite: key.suite,
    ruleSet: key.ruleSet,
    implementation: key.implementation,
    profile: key.profile,
    seed: key.seed,
    budget: key.budget,
    programs: findings.programs,
    operations: findings.operations,
    capabilities: about.methods,
    rules,
    counts: countVerdicts(rules),
    campaign: campaignReport(about, findings),
    unexplained: findings.unexplained,
    fault,
    conformant: fault === null && rules.every((rule) => !isRed(rule, terms.strict === true)),
    complete: true,
  };
}

function campaignReport({ key }: About, { slices, counted, kept, shares, toured }: Findings): CampaignReport {
  const observations = counted.programs.reduce((sum, programs) => sum + programs, 0);
  const once = counted.programs.filter((programs) => programs === 1).length;
  return {
    slice: key.slice,
    slices: slices.length,
    features: counted.features.length,
    once,
    observations,
    residualRisk: observations === 0 ? 1 : Number((once / observations).toPrecision(3)),
    corpus: fewest(kept).length,
    shares,
    tours: tourReports(toured),
  };
}

function countVerdicts(reports: readonly RuleReport[]): Report["counts"] {
  const counts: Partial<Record<VerdictKind, number>> = {};
  for (const { verdict } of reports) counts[verdict] = (counts[verdict] ?? 0) + 1;
  return counts;
}
