import { describe, expect, it } from "vitest";
import { Portfolio } from "../../../conformance/campaign/portfolio.ts";
import { failureSweep } from "../../../generators/strategies/failure-sweep.ts";
import { Random } from "../../../generators/random.ts";
import type { Proposal, Strategy } from "../../../generators/strategy.ts";
import { program } from "../../../spec/builder.ts";
import type { Program } from "../../../spec/program.ts";

const stored: Program = program("K7.1").step("export", { buffer: "b1" }).step("put", { buffer: "b1" }).build();
const proposal: Proposal = { kind: "replay", program: stored };

function strategy(name: string, offers: () => boolean = () => true): Strategy {
  return { name, draw: () => (offers() ? proposal : null) };
}

/** Operations by strategy after many programs of which only one strategy's bring anything. */
function spend(portfolio: Portfolio, programs: number, good: string): Record<string, number> {
  const spent: Record<string, number> = {};
  const random = new Random(1);
  for (let count = 0; count < programs; count += 1) {
    const { name } = portfolio.draw(random);
    const operations = random.between(10, 200);
    spent[name] = (spent[name] ?? 0) + operations;
    portfolio.book(name, operations, name === good ? 30 : 0);
  }
  return spent;
}

describe("a portfolio", () => {
  it("gives most to who brings most, and a tenth to everybody", () => {
    const spent = spend(new Portfolio(["a", "b", "c", "d", "e"].map((name) => strategy(name))), 4_000, "c");
    const total = Object.values(spent).reduce((sum, operations) => sum + operations, 0);
    expect(spent["c"]! / total).toBeGreaterThan(0.5);
    for (const name of ["a", "b", "d", "e"]) expect(spent[name]! / total).toBeGreaterThan(0.095);
  });

  it("shares add up to one", () => {
    const portfolio = new Portfolio(["a", "b", "c"].map((name) => strategy(name)));
    spend(portfolio, 100, "a");
    expect(portfolio.shares().reduce((sum, share) => sum + share, 0)).toBeCloseTo(1, 10);
  });

  it("passes over who has nothing to offer, and owes nothing for that time", () => {
    let open = false;
    const portfolio = new Portfolio([strategy("steady"), strategy("late", () => open)]);
    expect(spend(portfolio, 1_000, "steady")["late"]).toBeUndefined();
    open = true;
    const spent = spend(portfolio, 200, "steady");
    expect(spent["late"]!).toBeLessThan(spent["steady"]!);
  });

  it("says so where nobody has anything to offer", () => {
    expect(() => new Portfolio([strategy("none", () => false)]).draw(new Random(1))).toThrow("no strategy");
  });
});

describe("a failure sweep", () => {
  it("runs a program to learn where it can fail, then once for every such place", () => {
    const sweep = failureSweep(() => [stored]);
    const random = new Random(1);
    const first = sweep.draw(random)!;
    if (first.kind !== "replay" || first.passed === undefined) throw new Error("the first run is to learn");
    expect(first.program).toBe(stored);
    first.passed("s1", "storage", 1);
    first.passed("s1", "storage", 2);
    first.passed("s2", "hook:release", 1);
    const failures = [sweep.draw(random), sweep.draw(random), sweep.draw(random)].map((entry) =>
      entry?.kind === "replay" ? entry.program.failures : [],
    );
    expect(failures.map((list) => list.map(({ step, site, nth }) => [step, site, nth]))).toEqual([
      [["s1", "storage", 1]],
      [["s1", "storage", 2]],
      [["s2", "hook:release", 1]],
    ]);
    expect(sweep.draw(random)).toBeNull();
  });

  it("leaves passages alone that have failed in a few programs", () => {
    const sweep = failureSweep(() => [stored, stored, stored, stored]);
    const random = new Random(1);
    let injected = 0;
    for (let next = sweep.draw(random); next !== null; next = sweep.draw(random)) {
      if (next.kind !== "replay") throw new Error("a sweep draws nothing");
      if (next.passed === undefined) injected += 1;
      else next.passed("s1", "storage", 1);
    }
    expect(injected).toBe(3);
  });
});
