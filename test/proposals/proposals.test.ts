import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { searchContract } from "../../conformance/proposal/search.ts";
import { tryProposal } from "../../conformance/proposal/try-proposal.ts";
import { proposals } from "../../proposals/index.ts";
import template from "../../proposals/template.ts";
import { proposalsDocs, proposalsDocsPath } from "../../tools/proposals-docs.ts";

const committed = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), "utf8");

/** Faults of the proposals' implementations: a count that only changes on purpose. */
const faults = { "get-pfn-fenced": 8, "follow-pfn": 6, "mmio-phys": 3 };

/** Seeds with which a race comes up soon; 1 otherwise. */
const seeds: Readonly<Record<string, number>> = {
  "follow-pfn-no-retry": 3,
  "follow-pfn noRetry": 3,
  "follow-pfn retryUnlocked": 2,
  "follow-pfn lateSequence": 3,
  "follow-pfn noSequence": 3,
  "get-pfn-fenced zapLater": 3,
  "get-pfn-fenced lateInstall": 3,
};

const faultsOf = (name: string) =>
  Object.entries(proposals.find((entry) => entry.name === name)?.contract.extension?.faults ?? {});

describe("the proposals", () => {
  it.each([...proposals, template])(
    "$name breaks what its table says, in programs as short as it says",
    async (one) => {
      const { name, expectations, longest = 6 } = one;
      const until = expectations.filter(({ mayHide }) => mayHide !== true).map(({ rule }) => rule);
      const budget = until.length === 0 ? 1500 : 6000;
      const report = await tryProposal(one, { seed: seeds[name] ?? 1, budget, further: 0, until });
      expect(report.fault).toBeNull();
      expect(report.compared.filter(({ outcome }) => outcome !== "as-expected")).toEqual([]);
      expect(report.unexplained).toEqual([]);
      expect(report.rules.filter(({ verdict }) => verdict === "blocked")).toEqual([]);
      expect(Math.max(0, ...report.rules.map(({ length }) => length ?? 0))).toBeLessThanOrEqual(longest);
    },
  );

  it("have these faults", () => {
    const counts = proposals.filter((one) => one.faults === undefined).map(({ name }) => [name, faultsOf(name).length]);
    const some = counts.filter(([name, count]) => count !== 0 && name !== "follow-pfn-private");
    expect(Object.fromEntries(some)).toEqual(faults);
  });

  describe.each(Object.keys(faults))("%s", (name) => {
    const { contract } = proposals.find((entry) => entry.name === name)!;
    it.each(faultsOf(name))("with the fault %s breaks the rule it names", async (fault, { rule }) => {
      const seed = seeds[`${name} ${fault}`] ?? 1;
      const terms = { profile: "K7.1", seed, budget: 12_000, until: [rule], ownOnly: true } as const;
      const found = await searchContract(contract, contract.roles([fault]), terms);
      expect(found.fault).toBeNull();
      expect(found.broken.map((broken) => broken.rule.id)).toContain(rule);
    });
  });

  it("are documented with what they break", () => {
    const text = committed(proposalsDocsPath);
    expect(text.startsWith(proposalsDocs([]).trimEnd())).toBe(true);
    for (const { name, about, expectations } of proposals) {
      const section = text.split(`## ${name}\n`)[1]?.split("\n## ")[0] ?? "";
      expect(section).toContain(about);
      const found = expectations.filter(({ mayHide }) => mayHide !== true);
      expect(found.filter(({ rule }) => !section.includes(`${rule}`))).toEqual([]);
    }
    expect(committed("docs/write-a-proposal.md")).toContain(committed("proposals/template.ts"));
  });
});
