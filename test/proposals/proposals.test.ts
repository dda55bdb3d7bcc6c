import { describe, expect, it } from "vitest";
import { searchContract } from "../../conformance/proposal/search.ts";
import { tryProposal } from "../../conformance/proposal/try-proposal.ts";
import { proposals } from "../../proposals/index.ts";

/** Faults of the proposals' implementations, by proposal: a count that only changes on purpose. */
const faults = { "get-pfn-fenced": 8 };

const faultsOf = (name: string) =>
  Object.entries(proposals.find((entry) => entry.name === name)?.contract.extension?.faults ?? {});

describe("the proposals", () => {
  it.each(proposals)("$name breaks what its table says, in programs as short as it says", async (proposal) => {
    const broken = proposal.expectations.map(({ rule }) => rule);
    const report = await tryProposal(proposal, { budget: 4000, further: 60, until: broken });
    expect(report.fault).toBeNull();
    expect(report.compared.filter(({ outcome }) => outcome !== "as-expected")).toEqual([]);
    expect(report.unexplained).toEqual([]);
    expect(report.rules.filter(({ verdict }) => verdict === "blocked")).toEqual([]);
    const longest = Math.max(0, ...report.rules.map(({ length }) => length ?? 0));
    expect(longest).toBeLessThanOrEqual(proposal.longest ?? 6);
  });

  it("have these faults", () => {
    const counts = proposals.map(({ name }) => [name, faultsOf(name).length] as const);
    expect(Object.fromEntries(counts.filter(([, count]) => count > 0))).toEqual(faults);
  });

  describe.each(Object.keys(faults))("%s", (name) => {
    const { contract } = proposals.find((entry) => entry.name === name)!;
    it.each(faultsOf(name))("with the fault %s breaks the rule it names", async (fault, { rule }) => {
      const terms = { profile: "K7.1", seed: 1, budget: 12_000, until: [rule], ownOnly: true } as const;
      const found = await searchContract(contract, contract.roles([fault]), terms);
      expect(found.fault).toBeNull();
      expect(found.broken.map((broken) => broken.rule.id)).toContain(rule);
    });
  });
});
