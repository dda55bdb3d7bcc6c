import { describe, expect, it } from "vitest";
import { fullJudge, pipeline, profile } from "../../bench/programs.ts";
import { referenceSystem } from "../../conformance/reference-system.ts";
import { replay } from "../../conformance/replay.ts";
import { Random } from "../../generators/random.ts";
import { ProgramBuilder } from "../../spec/builder.ts";
import { ENOMEM } from "../../spec/errno.ts";
import type { Program } from "../../spec/program.ts";

/** The program without some of its steps, as an editor or a shrinker leaves it. */
function without(program: Program, random: Random): Program {
  const lost = new Set(Array.from({ length: random.between(1, 3) }, () => random.pick(program.steps).id));
  const isThere = (id: string) => !lost.has(id);
  return {
    ...program,
    steps: program.steps.filter(({ id }) => isThere(id)),
    failures: program.failures.filter(({ step }) => isThere(step)),
    schedule: program.schedule.filter(({ step, until }) => isThere(step) && isThere(until)),
  };
}

describe("a program that lost steps", () => {
  it("accuses nobody: what hung on them is skipped", async () => {
    const system = referenceSystem();
    const judge = fullJudge();
    const random = new Random(1);
    let skipped = 0;
    for (let seed = 1; seed <= 60; seed += 1) {
      const { program } = pipeline(system, judge, seed);
      if (program.steps.length < 2) continue;
      const less = without(program, random);
      const run = await replay(less, system, [], profile, judge);
      const broken = judge.violations.map(({ rule, why }) => `${rule.id}: ${why}`);
      expect({ seed, broken, fault: run.fault }).toEqual({ seed, broken: [], fault: null });
      if (run.steps.length < less.steps.length) skipped += 1;
    }
    expect(skipped).toBeGreaterThan(15);
  });

  it("skips the merge with a sync file that could not be made", async () => {
    const program = new ProgramBuilder("K7.1")
      .step("fenceInit", { fence: "f1", timeline: 1, seqno: 1 })
      .step("createSyncFile", { fence: "f1", syncFile: "y1" })
      .step("createSyncFile", { fence: "f1", syncFile: "y2" })
      .fail({ step: "s3", site: "sync-file", errno: ENOMEM })
      .step("mergeSyncFiles", { first: "y1", second: "y2", other: null, syncFile: "y3", flags: 1, pad: 0 })
      .build();
    const run = await replay(program, referenceSystem(), [], profile);
    expect(run.fault).toBeNull();
    expect(run.steps.map(({ op }) => op)).toEqual(["fenceInit", "createSyncFile", "createSyncFile"]);
  });

  it("ends no signalling section but the innermost", async () => {
    const program = new ProgramBuilder("K7.1")
      .step("beginSignalling", { section: "c1" })
      .step("beginSignalling", { section: "c2" })
      .step("endSignalling", { section: "c1" })
      .step("endSignalling", { section: "c2" })
      .step("endSignalling", { section: "c1" })
      .build();
    const run = await replay(program, referenceSystem(), [], profile, fullJudge());
    expect(run.violations).toEqual([]);
    const ends = run.events.filter((event) => event.kind === "call" && event.op === "endSignalling");
    expect(ends.map(({ step }) => step).filter((step) => step !== null)).toEqual(["s4", "s5"]);
  });
});
