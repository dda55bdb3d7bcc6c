import { describe, expect, it } from "vitest";
import { defend, demands } from "../../conformance/proposal/defend.ts";
import { defenceSlice, slicesOf, sumSlices, type SliceResult } from "../../conformance/proposal/defence-slice.ts";
import { Script } from "../../generators/explore/script.ts";
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

describe("slices of a long run", () => {
  const nothing = { own: {}, exercised: {}, unexplained: {}, fault: null };
  const broke = {
    rule: "X-01",
    must: true,
    program: new Script({ ...proposals[0]!.contract.scopes[0]!, prelude: [] }).program(),
    programs: 1,
    operations: 1,
  };
  const result = (slice: number, breaksAt: number): SliceResult => ({
    ...nothing,
    slice,
    programs: 1,
    operations: defenceSlice,
    broken: slice >= breaksAt ? [broke] : [],
  });

  it("are of one length but for the last", () => {
    expect(slicesOf(1, 2 * defenceSlice + 7).map(({ budget }) => budget)).toEqual([defenceSlice, defenceSlice, 7]);
  });

  it.each([1, 2, 5])(
    "add up to the same with %s at a time, later ones ending first, up to the first that breaks",
    async (jobs) => {
      const ended: number[] = [];
      const sum = await sumSlices(
        slicesOf(1, 6 * defenceSlice),
        async ({ slice }) => {
          for (let turn = 0; turn < (6 - slice) * 3; turn += 1) await Promise.resolve();
          ended.push(slice);
          return result(slice, 3);
        },
        jobs,
        () => undefined,
      );
      expect([sum.slices, sum.operations, sum.broken.map(({ slice }) => slice)]).toEqual([4, 4 * defenceSlice, [3]]);
      expect(ended.length).toBeGreaterThanOrEqual(4);
    },
  );
});
