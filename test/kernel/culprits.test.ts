import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import type { Introduction } from "../../adapters/linux/introduction.ts";
import { linuxOperations } from "../../adapters/linux/encode-step.ts";
import type { KernelRun } from "../../adapters/linux/linux.ts";
import { culpritsOf, shortestText } from "../../kernel/compare/culprits.ts";
import { drawPlan } from "../../kernel/compare/draw-plan.ts";
import { storedPlan } from "../../kernel/compare/stored-plan.ts";
import { emptyTally, type Trouble } from "../../kernel/compare/tally.ts";
import { outcomeOf } from "../../kernel/outcome.ts";
import { BadInput } from "../../spec/bad-input.ts";

const folder = mkdtempSync(join(tmpdir(), "culprits-"));
afterAll(() => rmSync(folder, { recursive: true }));

const operations = new Map([...linuxOperations].map((name, index) => [name, index]));
const introduction: Introduction = {
  version: "6.12.99",
  operations,
  hooks: [],
  lockdep: true,
  kasan: false,
  moveNotify: "on",
};
const draw = (seed: number) => drawPlan(seed, { profile: "K6.12+moveNotify", longest: 12, operations });

function trouble(seed: number, operation: string, extra: string): Trouble {
  return { seed, what: "difference", difference: { step: "s1", operation, missing: [], extra: [extra] }, log: "" };
}

describe("what a comparison holds against a kernel", () => {
  const tally = emptyTally();
  tally.violations["MAP-17"] = { count: 4, first: { seed: 3, what: "", difference: null, log: "" } };
  tally.violations["unknown complaint"] = { count: 1, first: { seed: 4, what: "", difference: null, log: "" } };
  tally.troubles.push(trouble(5, "map", 'ret errno=0 op="map"'), trouble(6, "map", 'ret errno=7 op="map"'));
  tally.troubles.push(trouble(7, "map", "warn"), { seed: 8, what: "hung", difference: null, log: "" });

  it("is shrunk once for each rule, kind of difference and end", () => {
    const culprits = culpritsOf(tally, draw, 10);
    expect(culprits.map(({ drawn, shape }) => [drawn.seed, shape.kind])).toEqual([
      [3, "rule"],
      [5, "difference"],
      [7, "difference"],
      [8, "end"],
    ]);
    expect(culpritsOf(tally, draw, 2)).toHaveLength(2);
  });

  it("is told as steps, and as a file that is played again", () => {
    const [culprit] = culpritsOf(tally, draw, 1);
    const run: KernelRun = { events: culprit!.drawn.events, skipped: new Map(), ending: null, end: "whole", log: "" };
    const lines = shortestText([{ ...culprit!, run, executions: 9, initial: 40, reproduced: true }], "6.12.99", folder);
    expect(lines[0]).toMatch(/^ {2}shortest program for MAP-17: \d+ steps of 40, 9 tried$/);
    expect(readdirSync(folder)).toEqual(["6.12.99-MAP-17-3.json"]);
    const again = storedPlan(join(folder, "6.12.99-MAP-17-3.json"), introduction);
    expect(again.plan).toEqual(culprit!.drawn.plan);
  });

  it("is only named where no fresh kernel shows it", () => {
    const [culprit] = culpritsOf(tally, draw, 1);
    const run: KernelRun = { events: [], skipped: new Map(), ending: null, end: "whole", log: "" };
    const lines = shortestText([{ ...culprit!, run, executions: 1, initial: 5, reproduced: false }], "6.12.99", folder);
    expect(lines).toEqual(["  MAP-17: no fresh kernel shows it (seed 3)"]);
  });
});

describe("a stored program", () => {
  it("that is not there is one line", () => {
    const path = join(folder, "nowhere.json");
    expect(() => storedPlan(path, introduction)).toThrow(/nowhere\.json: there is no such file/);
    expect(outcomeOf(new BadInput("file", path, "there is no such file"))).toMatchObject({ status: "failed" });
  });

  it("with what the module has not is one line", () => {
    const path = join(folder, "6.12.99-MAP-17-3.json");
    expect(() => storedPlan(path, { ...introduction, operations: new Map() })).toThrow(
      /MAP-17-3\.json: it cannot be run on Linux 6\.12\.99: this module has no \w+ \(step s\d+\)$/,
    );
  });

  it("that is none is one line", () => {
    const path = join(folder, "none.json");
    writeFileSync(path, "{}");
    expect(() => storedPlan(path, introduction)).toThrow(BadInput);
  });
});
