import { describe, expect, it } from "vitest";
import { drawRun } from "../../conformance/draw-run.ts";
import { referenceKinds } from "../../conformance/reference-roles.ts";
import { referenceSystem } from "../../conformance/reference-system.ts";
import { replay } from "../../conformance/replay.ts";
import { Judge } from "../../contracts/judge.ts";
import { Random } from "../../generators/random.ts";
import { drawSchedule, schedulingOf, type ScheduleChoice } from "../../generators/schedule/choose.ts";
import { profiles } from "../../spec/profile.ts";
import { eventLine } from "../../spec/write.ts";
import { schedules } from "../../bench/schedules.ts";

const profile = profiles["K7.1"];
const system = referenceSystem();

describe.each(Object.entries(schedules))("a program scheduled by %s", (_name, schedule) => {
  it("holds its schedule, and replays to the same history by itself", () => {
    let points = 0;
    for (let seed = 1; seed <= 40; seed += 1) {
      const drawn = drawRun(system, new Judge([], profile), "K7.1", seed, {
        kinds: referenceKinds,
        longest: 60,
        schedule,
      });
      if (drawn instanceof Promise) throw new Error("the reference is synchronous");
      points += drawn.program.schedule.length;
      const again = replay(drawn.program, system, [], profile);
      if (again instanceof Promise) throw new Error("the reference is synchronous");
      expect(again.events.map(eventLine), `seed ${seed}`).toEqual(drawn.execution.events.map(eventLine));
    }
    expect(points).toBeGreaterThan(15);
  });
});

const tasks = ["t1", "t2", "t3"] as const;
const length = 40;
/** Where the one-step window of t1 opens. */
const opens = 13;

/** Whether `width` consecutive points of t2 fall into the window of t1, in one run of three tasks of 40 points each. */
function hits(choice: ScheduleChoice, seed: number, width: number): boolean {
  const scheduling = schedulingOf(choice, new Random(seed), (tasks.length * length) / 1.5)!;
  const done: Record<string, number> = { t1: 0, t2: 0, t3: 0 };
  // Everybody has begun: those who do not run are parked, the longest first.
  const parked: string[] = [...tasks];
  const touched = new Set<string>();
  let running = parked.splice(seed % parked.length, 1)[0];
  let inside = 0;
  while (running !== undefined) {
    done[running] = done[running]! + 1;
    if (running === "t2" && done["t1"] === opens) inside += 1;
    if (inside >= width) return true;
    if (done["t1"] !== opens) inside = 0;
    const ended = done[running] === length;
    if (!ended && !scheduling.givesWay({ task: running, touches: () => touched }, { parked, idle: [] })) continue;
    const next: string | undefined = scheduling.goesOn(running, { parked, idle: [] }) ?? parked[0];
    if (next !== undefined) parked.splice(parked.indexOf(next), 1);
    if (!ended) parked.push(running);
    running = next;
  }
  return false;
}

function hitsOf(choose: (random: Random) => ScheduleChoice, width: number): number {
  let found = 0;
  for (let seed = 1; seed <= 4000; seed += 1) if (hits(choose(new Random(seed)), seed * 7919, width)) found += 1;
  return found;
}

describe("a window of one point that a whole operation of another task has to fit into", () => {
  it.each(["rotation", "pos", "pct", "sticky"] as const)("is found by %s, however long the operation is", (name) => {
    expect(hitsOf(schedules[name]!, 10)).toBeGreaterThan(10);
    expect(hitsOf(schedules[name]!, 20)).toBeGreaterThan(5);
  });

  it("is not found by a plain random walk", () => {
    expect(hitsOf(schedules["walk"]!, 3)).toBeGreaterThan(10);
    expect(hitsOf(schedules["walk"]!, 20)).toBe(0);
  });
});

it("the rotation takes every strategy in turn, and never the random walk", () => {
  const kinds = new Map<string, number>();
  const depths = new Set<number>();
  for (let seed = 1; seed <= 2000; seed += 1) {
    const choice = drawSchedule(new Random(seed));
    kinds.set(choice.kind, (kinds.get(choice.kind) ?? 0) + 1);
    if (choice.kind === "pct") depths.add(choice.depth);
  }
  expect([...kinds.keys()].toSorted()).toEqual(["pauses", "pct", "pos", "sticky"]);
  expect(Math.min(...kinds.values())).toBeGreaterThan(400);
  expect([...depths].toSorted((one, other) => one - other)).toEqual([2, 3, 4, 5, 6]);
});
