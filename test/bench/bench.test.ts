import { describe, expect, it } from "vitest";
import { isNear } from "../../bench/baseline.ts";
import { leastOfEach, median } from "../../bench/clock.ts";
import { huntWithCommands } from "../../bench/commands.ts";
import { mapPair } from "../../bench/map-pair.ts";
import { measurePoint } from "../../bench/points.ts";
import { fullJudge, pipeline, profile } from "../../bench/programs.ts";
import { fencesTwin, lockingTwin, withOurs } from "../../bench/spin.ts";
import { isMissed, printTable, type Row } from "../../bench/table.ts";
import { measureTwice } from "../../bench/twice.ts";
import { measureUseful } from "../../bench/useful.ts";
import { referenceSystem } from "../../conformance/reference-system.ts";
import { executeBare } from "../../harness/bare.ts";
import { Session } from "../../harness/session.ts";
import { eventLine } from "../../spec/write.ts";
import { mutants } from "../mutants/fence/lifetime.ts";

const row: Row = { what: "what", measured: "1 ns", must: "2", goal: "1", reached: true, gate: true };

describe("bench: figures", () => {
  it("takes the middle value", () => {
    expect([median([]), median([3]), median([5, 1, 9]), median([4, 1, 2, 3])]).toEqual([0, 3, 5, 3]);
  });

  it("runs every job every round and sums their least times", () => {
    const runs = [0, 0];
    const jobs = [() => void (runs[0]! += 1), () => void (runs[1]! += 1)];
    expect(leastOfEach(jobs, 5)).toBeGreaterThanOrEqual(0);
    expect(runs).toEqual([5, 5]);
  });

  it("guards a figure by a quarter either way", () => {
    expect([isNear(125, 100), isNear(75, 100), isNear(126, 100), isNear(74, 100)]).toEqual([true, true, false, false]);
  });

  it("prints at most 80 columns and tells a missed gate from a goal that is not reached yet", () => {
    const rows = [row, { ...row, reached: false }, { ...row, reached: false, gate: false }, { ...row, reached: null }];
    const lines = printTable(rows).split("\n");
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(80);
    expect(lines.slice(2).map((line) => line.slice(73))).toEqual(["ok", "MISSED", "not yet", ""]);
    expect(rows.map(isMissed)).toEqual([false, true, false, false]);
  });

  it("has a unit", () => {
    expect(mapPair(5)).toBeGreaterThan(0);
  });
});

describe("bench: what it runs", () => {
  const judge = fullJudge();
  const system = referenceSystem();
  const runs = Array.from({ length: 12 }, (_, index) => pipeline(system, judge, index + 1));

  it("plays most programs to the end without a history", () => {
    const whole = runs.filter(({ program, execution }) => {
      const bare = executeBare(program, profile, system);
      expect(bare.events).toEqual([]);
      return bare.fault === null && bare.steps === execution.steps;
    });
    expect(whole.length).toBeGreaterThanOrEqual(8);
  });

  it("plays a program step by step as it was played at once", () => {
    const plain = runs.filter(
      ({ program: { steps, schedule, failures } }) =>
        new Set(steps.map((step) => step.task)).size === 1 && schedule.length === 0 && failures.length === 0,
    );
    expect(plain.length).toBeGreaterThan(0);
    for (const { program, execution } of plain) {
      judge.begin({ misuse: program.steps.some((step) => step.misuse === true) });
      const session = new Session(program.setup, profile, system, judge);
      for (const step of program.steps) expect(session.apply(step)).toBe(true);
      expect(session.finish().events.map(eventLine)).toEqual(execution.events.map(eventLine));
    }
  });

  it("says when a step cannot begin because its task waits", () => {
    judge.begin();
    const { setup } = runs[0]!.program;
    const session = new Session(setup, profile, system, judge);
    const lock = { op: "lock", resv: "r1", acquire: null } as const;
    expect(session.apply({ id: "s1", task: "t1", ...lock })).toBe(true);
    expect(session.apply({ id: "s2", task: "t2", ...lock })).toBe(true);
    expect(session.inFlight.map((step) => step.id)).toEqual(["s2"]);
    expect(session.apply({ id: "s3", task: "t2", ...lock })).toBe(false);
    expect(session.finish().fault).toBeNull();
    expect(judge.violations).toEqual([]);
  });

  it("counts steps without effect, and programs that do not repeat", () => {
    const useful = measureUseful(3);
    expect(useful.steps).toBe(useful.carriedOut + useful.idle.reduce((sum, [, count]) => sum + count, 0));
    expect(useful.draws).toBeGreaterThanOrEqual(useful.steps);
    expect(measureTwice(3)).toEqual({ programs: 3, different: 0 });
  });

  it("counts what the Promela twins count", () => {
    const counts = [lockingTwin(2, 2), fencesTwin(2, 1, 1)].map(withOurs).map((one) => [one.states, one.transitions]);
    expect(counts).toEqual([
      [1561, 12268],
      [8980, 201184],
    ]);
  });

  it.each(["generator", "async"] as const)("passes points in a %s method", async (style) => {
    expect(await measurePoint(style, 2)).toBeLessThan(1e6);
  });

  it("hunts with commands until it is told to stop", () => {
    const { rule, profile: series, system: faulty } = mutants[0]!;
    let programs = 0;
    const hunt = huntWithCommands(
      faulty(() => undefined),
      series,
      rule,
      1,
      () => (programs += 1) <= 6,
    );
    expect(hunt.killed || programs === 7).toBe(true);
    expect(hunt.operations).toBeGreaterThan(0);
  });
});
