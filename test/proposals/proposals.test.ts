import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { searchContract } from "../../conformance/proposal/search.ts";
import { tryProposal } from "../../conformance/proposal/try-proposal.ts";
import type { Proposal } from "../../conformance/proposal/proposal.ts";
import { proposals } from "../../proposals/index.ts";
import template from "../../proposals/template.ts";
import { proposalsDocs, proposalsDocsPath } from "../../tools/proposals-docs.ts";

const committed = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), "utf8");

/** Faults of the proposals' implementations: a count that only changes on purpose. */
const faults = {
  "get-pfn-fenced": 8,
  "follow-pfn": 6,
  "dma-only-list": 5,
  "exporter-maps": 6,
  "mmio-phys": 5,
  "secure-provider": 6,
  compositor: 5,
  "unrevoke-negotiated": 7,
  "mapping-types": 5,
};

const faultsOf = (name: string) =>
  Object.entries(proposals.find((entry) => entry.name === name)?.contract.extension?.faults ?? {});

describe("the proposals", () => {
  it.each<Proposal>([...proposals, template])(
    "$name breaks what its table says, in programs as short as it says",
    async (one) => {
      const { expectations, longest = 6 } = one;
      const until = expectations.filter(({ mayHide }) => mayHide !== true).map(({ rule }) => rule);
      // What is expected ends the search; the rest of a budget is for generators that draw otherwise than today's.
      const cut = until.length > 0;
      const budget = cut ? 40_000 : 1500;
      const report = await tryProposal(one, { budget, further: 0, until, searchOnly: true });
      expect(report.fault).toBeNull();
      expect(report.compared.filter(({ outcome }) => outcome !== "as-expected")).toEqual([]);
      expect(one.changesCore === true ? [] : report.unexplained).toEqual([]);
      const blocked = report.rules.filter(({ verdict }) => verdict === "blocked");
      expect(cut ? [] : blocked).toEqual([]);
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
      const isOwn = contract.extension?.rules.some(({ id }) => id === rule) === true;
      const searched = { profile: "K7.1", seed: 1, budget: 60_000, until: [rule] };
      const terms = { ...searched, ...(isOwn && { ownOnly: true as const }) };
      const found = await searchContract(contract, contract.roles([fault]), terms);
      expect(found.fault).toBeNull();
      expect(found.broken.map((broken) => broken.rule.id)).toContain(rule);
    });
  });

  it("are documented with what they break", () => {
    const text = committed(proposalsDocsPath);
    expect(text.startsWith(proposalsDocs([]).split("\n## ")[0]!.trimEnd())).toBe(true);
    for (const { name, about, expectations } of proposals) {
      const section = text.split(`## ${name}\n`)[1]?.split("\n## ")[0] ?? "";
      expect(section).toContain(about);
      const found = expectations.filter(({ mayHide }) => mayHide !== true);
      expect(found.filter(({ rule }) => !section.includes(`${rule}`))).toEqual([]);
    }
    expect(committed("docs/write-a-proposal.md")).toContain(committed("proposals/template.ts"));
  });
});
