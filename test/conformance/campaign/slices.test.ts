import { describe, expect, it } from "vitest";
import { sliceBudget, sliceCount } from "../../../conformance/campaign/campaign.ts";
import { runCampaign } from "../../../conformance/campaign/run-campaign.ts";
import { mergeFindings, nothingFound, type Findings } from "../../../conformance/campaign/findings.ts";
import { fewest } from "../../../conformance/campaign/kept.ts";
import { prepareCampaign } from "../../../conformance/campaign/prepare.ts";
import { runSlice } from "../../../conformance/campaign/slice.ts";
import { check } from "../../../conformance/check.ts";
import { Footprint } from "../../../conformance/campaign/footprint.ts";
import { runProposal } from "../../../conformance/run-proposal.ts";
import { hash128 } from "../../../spec/hash.ts";
import { Judge } from "../../../contracts/judge.ts";
import { Random } from "../../../generators/random.ts";
import type { Subject } from "../../../conformance/subject.ts";

// Handed over as a text: the examples are plain JavaScript.
const example = "../../../examples/exporter-broken.mjs";
const subject = ((await import(example)) as { readonly default: Subject }).default;
const options = { profile: "K7.1", seed: 8, budget: 5_500, slice: 1_500 };
const { campaign } = prepareCampaign(subject, options);
const slices: readonly Findings[] = await Promise.all([0, 1, 2, 3].map((index) => runSlice(campaign, index)));

function merged(order: readonly number[]): Findings {
  return order
    .map((index) => slices[index]!)
    .reduce((sum, slice) => mergeFindings(sum, slice, campaign.rules), nothingFound);
}

/** A hash that does not depend on the order of keys: a difference is told in one line. */
function digest(findings: Findings): string {
  return hash128(
    JSON.stringify(findings, (_key, value: unknown) =>
      typeof value === "object" && value !== null && !Array.isArray(value)
        ? Object.fromEntries(Object.entries(value).toSorted(([one], [other]) => (one < other ? -1 : 1)))
        : value,
    ),
  );
}

describe("slices of a campaign", () => {
  it("share its operations, the last one is shorter", () => {
    expect(sliceCount(campaign)).toBe(4);
    expect([0, 1, 2, 3].map((index) => sliceBudget(campaign, index))).toEqual([1_500, 1_500, 1_500, 1_000]);
    for (const [index, { operations }] of slices.entries()) {
      expect(operations).toBeGreaterThanOrEqual(sliceBudget(campaign, index));
      expect(operations).toBeLessThan(sliceBudget(campaign, index) + 200);
    }
  });

  it("are functions of the campaign and their number", async () => {
    const again = await runSlice(prepareCampaign(subject, options).campaign, 2);
    expect(digest(again)).toBe(digest(slices[2]!));
    expect(slices[1]!.kept[0]!.program).not.toEqual(slices[2]!.kept[0]!.program);
  });

  it("merge to the same findings in every order and grouping", async () => {
    const whole = digest(await runCampaign(campaign));
    expect(digest(merged([0, 1, 2, 3]))).toBe(whole);
    expect(digest(merged([3, 1, 0, 2]))).toBe(whole);
    expect(digest(mergeFindings(merged([2, 0]), merged([3, 1]), campaign.rules))).toBe(whole);
  });

  it("are merged once: the same slice in two parts is an error", () => {
    expect(() => mergeFindings(merged([0, 1]), merged([1, 2]), campaign.rules)).toThrow("slice 1 is in both parts");
  });

  it("the first program of the first slice that broke a rule counts", () => {
    const { finds } = merged([3, 2, 1, 0]);
    const found = slices.flatMap((slice) => slice.finds).filter(({ rule }) => rule === "MAP-17");
    expect(found.length).toBeGreaterThan(1);
    expect(finds.find(({ rule }) => rule === "MAP-17")).toEqual(found[0]);
  });

  it("begin with the corpus, in the first of them only", async () => {
    const program = merged([0]).finds[0]!.program;
    const { campaign: warm } = prepareCampaign(subject, { ...options, budget: 2_000, corpus: [program] });
    const first = await runSlice(warm, 0);
    expect(first.shares["corpus"]).toMatchObject({ programs: 1 });
    expect(first.finds[0]).toMatchObject({ rule: "MAP-17", programs: 1 });
    expect((await runSlice(warm, 1)).shares["corpus"]).toBeUndefined();
  });
});

describe("what a campaign keeps", () => {
  const { kept, counted } = merged([0, 1, 2, 3]);
  const left = fewest(kept);

  it("shows every feature with fewer programs", () => {
    expect(new Set(left.flatMap(({ features }) => features))).toEqual(new Set(counted.features));
    expect(left.length).toBeLessThan(kept.length);
    // None of them could be left out.
    for (const entry of left) {
      const others = new Set(left.filter((other) => other !== entry).flatMap(({ features }) => features));
      expect(entry.features.some((feature) => !others.has(feature))).toBe(true);
    }
  });

  it("shows the same when it is replayed: what was extended or swept is a program like any other", async () => {
    const judge = new Judge(campaign.rules, campaign.profile);
    const footprint = new Footprint(judge);
    const stage = { system: campaign.system, judge, profileName: campaign.profileName, watch: null, footprint };
    for (const { program, features } of left) {
      const run = await runProposal({ kind: "replay", program }, new Random(1), stage);
      expect(run.program).toEqual(program);
      expect(footprint.end().features).toEqual(features);
    }
  });
});

describe("the report of a campaign", () => {
  it("says what is left to be found, and who found what", async () => {
    const { campaign: told, operations, budget } = await check(subject, options);
    expect(budget).toBe(5_500);
    expect(operations).toBe(slices.reduce((sum, slice) => sum + slice.operations, 0));
    expect(told).toMatchObject({ slice: 1_500, slices: 4 });
    expect(told.residualRisk).toBeCloseTo(told.once / told.observations, 4);
    expect(Object.keys(told.shares)).toEqual(
      expect.arrayContaining(["debt", "extension", "failures", "swarm", "targeted", "uniform"]),
    );
  });
});
