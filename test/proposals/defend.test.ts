import { describe, expect, it } from "vitest";
import { defend, demands } from "../../conformance/proposal/defend.ts";
import { proposals } from "../../proposals/index.ts";

describe("the long run of a proposal", () => {
  it("ends with what breaks, shortened, and says what is missing", async () => {
    const undefended = proposals.find(({ name }) => name === "get-pfn")!;
    const told: number[] = [];
    const report = await defend(undefended, {
      seed: 1,
      operations: 1500,
      progress: (operations) => void told.push(operations),
    });
    expect(report.fault).toBeNull();
    expect(told).toEqual([report.operations]);
    expect(report.isBroken).toBe(true);
    const breach = report.breaches.find(({ rule }) => rule === "PFN-01")!;
    expect(breach.counterexample.program.steps.length).toBeLessThanOrEqual(4);
    const { shortfalls } = report;
    expect(shortfalls[0]).toMatch(/^PFN-0\d broke in slice 0: i\d \w+es /);
    expect(shortfalls).toContain(`scopes: 0, and ${demands.scopes} are demanded`);
    expect(shortfalls).toContain(`faults that were caught: 0, and ${demands.kills} are demanded`);
  });

  it("is demanded of three proposals, each with faults enough and a scope", () => {
    const defended = proposals.filter((proposal) => proposal.defended === true);
    expect(defended.map(({ name }) => name)).toEqual(["get-pfn-fenced", "follow-pfn", "unrevoke-negotiated"]);
    for (const { faults, expectations, contract } of defended) {
      expect([faults, expectations]).toEqual([undefined, []]);
      expect(Object.keys(contract.extension?.faults ?? {}).length).toBeGreaterThanOrEqual(demands.kills);
      expect(contract.extension?.scopes.length).toBeGreaterThanOrEqual(demands.scopes);
    }
  });
});
