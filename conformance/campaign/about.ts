import type { Capability } from "../../contracts/rule-text.ts";
import type { RuleFacts } from "../scoring.ts";
import type { SubjectRole } from "../verdict.ts";
import type { Mode } from "./campaign.ts";

/** What a campaign's findings are a function of, beside the code of suite and subject: plain data. */
export interface CampaignKey {
  readonly suite: { readonly name: "dmabuf-conformance"; readonly version: string };
  readonly ruleSet: string;
  readonly contract: string;
  readonly implementation: { readonly name: string; readonly version: string; readonly roles: readonly SubjectRole[] };
  readonly profile: string;
  readonly mode: Mode;
  readonly seed: number;
  /** Operations. */
  readonly budget: number;
  /** Operations of one slice. */
  readonly slice: number;
  /** Hash of the programs that it began with; empty for none. */
  readonly corpus: string;
}

/** What a report needs to know beside the findings: plain data, so that it can be written without the subject at hand. */
export interface About {
  readonly key: CampaignKey;
  /** Optional methods of the subject, and what they make it capable of. */
  readonly methods: readonly string[];
  readonly capabilities: readonly Capability[];
  /** Rules that the subject brings. */
  readonly ownRules: readonly RuleFacts[];
  /** Why the subject cannot be run at all; null if it can. */
  readonly fault: string | null;
}
