import { afterEach, describe, expect, it } from "vitest";
import { Linux } from "../../adapters/linux/linux.ts";
import { MachineLost } from "../../adapters/linux/machine.ts";
import { campaign } from "../../kernel/compare/campaign.ts";
import { drawPlan } from "../../kernel/compare/draw-plan.ts";
import { KnownDifferences } from "../../kernel/compare/known-differences.ts";
import { FakeKernel, type Behaviour } from "./fake-kernel.ts";

const bounds = { profile: "K6.12+moveNotify", longest: 12 };
const open: { readonly linux: Linux; readonly fake: FakeKernel }[] = [];

function start(behaviour: Behaviour): Linux {
  const fake = new FakeKernel(behaviour);
  const linux = new Linux(fake.options, 0);
  open.push({ linux, fake });
  return linux;
}

afterEach(() => {
  for (const { linux, fake } of open.splice(0)) {
    linux.close();
    fake.dispose();
  }
});

async function plans(linux: Linux, count: number) {
  const { operations } = await linux.introduction();
  return Array.from({ length: count }, (_, index) => drawPlan(index + 1, { ...bounds, operations }).plan);
}

describe("a kernel", () => {
  it("runs a batch and says how each program ended", async () => {
    const linux = start("quiet");
    const runs = await linux.run(await plans(linux, 3));
    expect(runs.map(({ end, ending }) => [end, ending?.lockdep])).toEqual([
      ["whole", true],
      ["whole", true],
      ["whole", true],
    ]);
    expect(linux.started).toBe(1);
  });

  it("that hangs is killed, and the program is what it hung in", async () => {
    const linux = start("hangs");
    const [run] = await linux.run(await plans(linux, 1));
    expect(run).toMatchObject({ end: "hung", ending: null });
    expect(linux.wasted).toBe(1);
    expect(linux.causeless).toBe(0);
  });

  it("that dies is replaced, and its last words are kept", async () => {
    const linux = start("dies");
    const runs = await linux.run(await plans(linux, 2));
    expect(runs.map(({ end }) => end)).toEqual(["crashed", "crashed"]);
    expect(runs[0]!.log).toContain("this kernel stops");
  });

  it("that somebody kills once is nobody's fault: the programs run on the next", async () => {
    const linux = start("diesOnce");
    const runs = await linux.run(await plans(linux, 4));
    expect(runs.map(({ end }) => end)).toEqual(["whole", "whole", "whole", "whole"]);
    expect(linux.wasted).toBe(1);
    expect(linux.causeless).toBe(1);
  });

  it("that never starts is an error in one line, after a few tries", async () => {
    const linux = start("neverStarts");
    const error: unknown = await linux.introduction().catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(MachineLost);
    expect((error as MachineLost).message).toBe("the kernel ended (exit 1)");
    expect(linux.started).toBe(3);
  });
});

describe("a comparison", () => {
  const known = new KnownDifferences("[]");
  // Not every seed is a program that is worth a kernel.
  const options = { ...bounds, firstSeed: 3, seeds: 1, known };

  it("counts a hang that a fresh kernel repeats as trouble", async () => {
    const tally = await campaign(start("hangs"), options);
    expect(tally.troubles.map(({ what }) => what)).toEqual(["hung"]);
    expect(tally.unrepeated).toBe(0);
  });

  it("counts a death that a fresh kernel repeats as trouble", async () => {
    const tally = await campaign(start("dies"), options);
    expect(tally.troubles.map(({ what }) => what)).toEqual(["crashed"]);
  });

  it("forgives a death that no fresh kernel repeats, and says so", async () => {
    const tally = await campaign(start("diesOnce"), options);
    expect(tally.unrepeated).toBe(1);
    // The fake one does nothing, which is a difference.
    expect(tally.troubles.map(({ what }) => what)).toEqual(["difference"]);
  });
});
