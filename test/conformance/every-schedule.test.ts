import { expect, it } from "vitest";
import { searchSchedules } from "../../conformance/every-schedule.ts";
import { referenceSystem } from "../../conformance/reference-system.ts";
import { monitored } from "../../contracts/registry.ts";
import { everySchedule } from "../../generators/schedule/every-schedule.ts";
import { windowMutants } from "../../bench/schedules.ts";
import { program } from "../../spec/builder.ts";
import { readShortest } from "../mutants/shortest.ts";

const shortest = readShortest();
const preemptionsOf = ({ name }: { readonly name: string }) => shortest.get(name)!.schedule.length;
const windows = await windowMutants();
const mutants = windows.filter((mutant) => preemptionsOf(mutant) <= 2);

it("covers every window mutant", () => {
  expect(windows.length).toBeGreaterThanOrEqual(12);
  expect(windows.filter((mutant) => preemptionsOf(mutant) > 2).map(({ name }) => name)).toEqual([]);
});

it.each(mutants.map((mutant) => [mutant.name, mutant] as const))("finds the window of %s again", (name, mutant) => {
  const bare = { ...shortest.get(name)!, schedule: [] };
  const rule = monitored(mutant.profile).find(({ id }) => id === mutant.rule)!;
  const search = searchSchedules(
    bare,
    mutant.system(() => undefined),
    rule,
  );
  expect(search.found?.schedule.length).toBe(shortest.get(name)!.schedule.length);
  expect(searchSchedules(bare, referenceSystem(), rule, 300).found).toBeNull();
});

it("places none, one and two preemptions, each once, and says when the limit cuts it", () => {
  const two = program("K7.1").step("export", { buffer: "b1" }).task("t2").step("put", { buffer: "b1" }).build();
  const [first] = two.steps;
  const passed = [1, 2, 3].map((nth) => ({ step: first!.id, site: "x", nth }));
  const seen: string[] = [];
  const run = (candidate: typeof two) => {
    seen.push(JSON.stringify(candidate.schedule));
    return { passed, stop: false };
  };
  // Three points, two ways to wait for somebody: 1 + 3·2 + (2 + 1)·2·2.
  expect(everySchedule(two, run)).toEqual({ schedules: 19, cut: false, found: null });
  expect(new Set(seen).size).toBe(19);
  expect(everySchedule(two, run, 5)).toEqual({ schedules: 5, cut: true, found: null });
});
