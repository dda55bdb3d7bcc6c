import { holdsIn, registry } from "../../contracts/registry.ts";
import type { System } from "../../harness/system.ts";
import { hash128 } from "../../spec/hash.ts";
import type { Profile } from "../../spec/profile.ts";
import { profileNamed } from "../../spec/profile-name.ts";
import type { Program } from "../../spec/program.ts";
import { scopesFor } from "../explore/graphs.ts";
import { factsOf, isScored } from "../scoring.ts";
import { readManifest, type Manifest } from "../manifest.ts";
import { kindsOf, rolesOf, situationFor, systemOf, type Subject } from "../subject.ts";
import { suiteVersion } from "../version.ts";
import type { About } from "./about.ts";
import { usualSlice } from "../defaults.ts";
import type { Campaign, Mode } from "./campaign.ts";

/** What a campaign on a subject is made from. */
export interface PrepareOptions {
  readonly profile: string;
  readonly seed: number;
  readonly budget: number;
  readonly slice?: number;
  /** "search" by default. */
  readonly mode?: Mode;
  readonly untilPaid?: boolean;
  /** Programs of another profile are left out. */
  readonly corpus?: readonly Program[];
}

/** A campaign on a subject, and what its report needs to know of both. */
export interface Prepared {
  readonly subject: Subject;
  readonly campaign: Campaign;
  readonly about: About;
}

/** Reads a subject's manifest and lays a campaign out. Throws BadInput for an unknown profile. */
export function prepareCampaign(subject: Subject, options: PrepareOptions): Prepared {
  const { profile: profileName, seed, budget, slice = usualSlice, mode = "search", untilPaid = false } = options;
  const profile = profileNamed(profileName);
  const roles = rolesOf(subject);
  const system = systemOf(subject);
  const rules = [...registry, ...(subject.rules ?? [])];
  const scopes = scopesFor(roles, profileName);
  const judged = rules.filter((rule) => rule.monitor !== undefined && holdsIn(rule, profile.series));
  const manifest = manifestOf(subject, system, profile);
  const { methods, capabilities } = typeof manifest === "string" ? { methods: [], capabilities: [] } : manifest;
  const circumstances = { roles, capabilities, series: profile.series };
  const corpus = (options.corpus ?? []).filter((program) => program.profile === profileName);
  return {
    subject,
    campaign: {
      system,
      kinds: kindsOf(subject),
      profile,
      profileName,
      rules: judged,
      scored: new Set(judged.filter((rule) => isScored(factsOf(rule), circumstances)).map((rule) => rule.id)),
      mode,
      untilPaid,
      scopes,
      seed,
      budget,
      slice,
      corpus,
      situationOf: (situation) => situationFor(subject, situation),
    },
    about: {
      key: {
        suite: { name: "dmabuf-conformance", version: suiteVersion },
        ruleSet: "2026-11",
        contract: "core",
        implementation: { name: subject.name, version: subject.version ?? "0", roles },
        profile: profileName,
        mode,
        seed,
        budget,
        slice,
        corpus: corpus.length === 0 ? "" : hash128(JSON.stringify(corpus)),
      },
      methods,
      capabilities,
      ownRules: (subject.rules ?? []).map(factsOf),
      fault:
        typeof manifest === "string"
          ? manifest
          : mode === "tour" && scopes.length === 0
            ? nothingToTour(roles, profileName)
            : null,
    },
  };
}

function nothingToTour(roles: readonly string[], profile: string): string {
  return `no scope of ${profile} has a part for the subject's ${roles.join(" and ")}; leave mode "tour" away and search`;
}

function manifestOf(subject: Subject, system: System, profile: Profile): Manifest | string {
  if (rolesOf(subject).length === 0)
    return "the subject brings no role; give it an exporter, an importer or a framework";
  try {
    return readManifest(subject, system, profile);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
