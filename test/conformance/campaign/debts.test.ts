import { describe, expect, it } from "vitest";
import { Debts } from "../../../conformance/campaign/debts.ts";
import { prepareCampaign } from "../../../conformance/campaign/prepare.ts";
import { referenceSubject } from "../../../conformance/reference-subject.ts";
import { Random } from "../../../generators/random.ts";
import { program } from "../../../spec/builder.ts";

const { campaign } = prepareCampaign(referenceSubject, { profile: "K7.1", seed: 1, budget: 1000 });
const rule = campaign.rules.find(({ id }) => id === "REV-21")!;
const decided = program("K7.1").step("export", { buffer: "b1" }).step("put", { buffer: "b1" }).build();

/** Draws for the rule in turn, and how many of them went on from a program that had decided. */
function draws(debts: Debts, count: number, decides: (again: boolean) => boolean): number {
  let again = 0;
  let times = 1;
  for (let index = 1; index <= count; index += 1) {
    const proposal = debts.draw(rule, times, new Random(index));
    const goesOn = proposal.kind === "draw" && proposal.prefix !== null;
    if (goesOn) again += 1;
    const hit = decides(goesOn);
    if (hit) times += 1;
    debts.book(decided, 50, hit ? [{ rule, times, programs: 1 }] : []);
  }
  return again;
}

describe("a rule in debt", () => {
  it("has a turn in every round while it decides, and ever more rarely while it does not", () => {
    const debts = new Debts(campaign);
    const rounds = (from: number, to: number) =>
      Array.from({ length: to - from + 1 }, (_, index) => from + index).filter((round) => debts.isDue(rule, round));
    expect(rounds(1, 40)).toEqual([1, 2, 4, 8, 16, 24, 32, 40]);
    debts.book(decided, 50, [{ rule, times: 1, programs: 1 }]);
    expect(rounds(41, 42)).toEqual([41, 42]);
  });

  it("is drawn from nothing until a program has decided something", () => {
    expect(draws(new Debts(campaign), 20, () => false)).toBe(0);
  });

  it("goes the way that brings more, and tries the other now and then", () => {
    const known = () => {
      const debts = new Debts(campaign);
      debts.book(decided, 50, [{ rule, times: 1, programs: 1 }]);
      return debts;
    };
    const [again, fresh] = [draws(known(), 200, (goesOn) => goesOn), draws(known(), 200, (goesOn) => !goesOn)];
    expect(again).toBeGreaterThan(140);
    expect(again).toBeLessThan(195);
    expect(fresh).toBeLessThan(60);
    expect(fresh).toBeGreaterThan(5);
  });
});
