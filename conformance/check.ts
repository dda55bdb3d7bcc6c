import { checkDefaults } from "./defaults.ts";
import { registry } from "../contracts/registry.ts";
import type { Mode, Watch } from "./campaign/campaign.ts";
import { conclude, type Terms } from "./campaign/conclude.ts";
import { counterexamplesOf, jointCounterexamples } from "./campaign/counterexamples.ts";
import { nothingFound } from "./campaign/findings.ts";
import { prepareCampaign } from "./campaign/prepare.ts";
import { runCampaign } from "./campaign/run-campaign.ts";
import { programsOf, type Counterexample } from "./counterexample.ts";
import type { Report } from "./report.ts";
import type { Subject } from "./subject.ts";
import { checkWaivers, tryWaivers, type Waiver } from "./waiver.ts";

/** Settings of a check; all have defaults. */
export interface CheckOptions extends Terms {
  /** A series, or a series with its move-notify switch on ("K6.12+moveNotify"). Throws RangeError-like BadInput if unknown. */
  readonly profile?: string;
  readonly seed?: number;
  /** Operations of the campaign. */
  readonly budget?: number;
  /** Operations of one slice of it; see docs/campaigns.md. 200 000 by default. */
  readonly slice?: number;
  /**
   * "search" (the default), or "tour": every transition of every scope in which the subject has a part is carried out
   * once, and that is all. Finite, without chance and without a budget; rules that no scope leads to are untested.
   */
  readonly mode?: Mode;
  /** Stop once every scored rule was exercised often enough, below the budget. For a quick answer; a search goes on. */
  readonly untilPaid?: boolean;
  /** Counterexamples of earlier runs, tried first. Those of another profile are left out. */
  readonly corpus?: readonly Counterexample[];
  /** Violations that are known and tolerated; one that no longer fails is red. */
  readonly waivers?: readonly Waiver[];
  readonly watch?: Watch;
}

/**
 * Checks a subject and answers a report: plain data, the same for the same options but for `measured`.
 * Nothing the subject does makes it throw; a subject that cannot be run gets `harness-error` verdicts and `fault`.
 * Throws BadInput for an unknown profile or a waiver that does not say what it has to.
 */
export async function check(subject: Subject, options: CheckOptions = {}): Promise<Report> {
  const started = process.cpuUsage();
  const {
    profile,
    seed,
    budget,
    slice,
    mode,
    untilPaid,
    watch,
    waivers = [],
    corpus = [],
  } = { ...checkDefaults, ...options };
  const rules = [...registry, ...(subject.rules ?? [])];
  checkWaivers(waivers, rules);
  const programs = corpus.flatMap(programsOf);
  const { campaign, about } = prepareCampaign(subject, {
    profile,
    seed,
    budget,
    corpus: programs,
    ...(slice && { slice }),
    ...(mode && { mode }),
    ...(untilPaid && { untilPaid }),
  });
  const findings = about.fault === null ? await runCampaign(campaign, watch) : nothingFound;
  const tried = await tryWaivers(waivers, rules, campaign.system);
  const joint = await jointCounterexamples(campaign, findings, tried);
  const counterexamples = [...(await counterexamplesOf(campaign, findings, tried)), ...joint];
  const report = conclude({
    about,
    terms: options,
    findings,
    joint: joint.map(({ rule }) => rule),
    counterexamples,
    waivers: tried,
  });
  const { user, system } = process.cpuUsage(started);
  return { ...report, measured: measuredIn((user + system) / 1e6, report.operations) };
}

/** How long a run took, and how fast that was. */
export function measuredIn(seconds: number, operations: number): Report["measured"] {
  const operationsPerSecond = Math.round(operations / Math.max(seconds, 1e-6));
  return { seconds, operationsPerSecond, node: process.version };
}
