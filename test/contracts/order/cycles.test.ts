import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { AcrossRuns, type Seen } from "../../../contracts/across.ts";
import type { Rule } from "../../../contracts/rule.ts";
import { monitored, registry } from "../../../contracts/registry.ts";
import { drawRun } from "../../../conformance/draw-run.ts";
import { referenceKinds } from "../../../conformance/reference-roles.ts";
import { referenceSystem } from "../../../conformance/reference-system.ts";
import { Judge } from "../../../contracts/judge.ts";
import type { System } from "../../../harness/system.ts";
import { profiles } from "../../../spec/profile.ts";
import type { Program } from "../../../spec/program.ts";
import { judgeProgram } from "../../kit/judge-program.ts";
import { examples } from "../../mutants/order/cycles.ts";

const rules = monitored("K7.1");

function seen(program: Program, system?: System): Seen {
  return { program, events: judgeProgram(program, system).events };
}

/** The edges of the order, as `from > to`. */
function edges(runs: AcrossRuns): readonly string[] {
  const { lockOrder } = runs.data() as { readonly lockOrder: object };
  return Object.keys(lockOrder);
}

function judge(histories: readonly Seen[], by: readonly Rule[] = rules) {
  const runs = new AcrossRuns(by);
  for (const history of histories) runs.collect(history);
  return runs.judge();
}

describe.each(examples)("$mutant.name", ({ mutant, programs }) => {
  let reached = 0;
  const system = mutant.system(() => (reached += 1));
  const alone = programs.map((program) => judgeProgram(program, system));

  it("comes to its end in each program, and no monitor has anything to say", () => {
    for (const { fault, ids, events } of alone) {
      expect(fault).toBeNull();
      expect(ids).toEqual([]);
      expect(events.at(-1)).toMatchObject({ kind: "end", waiting: [] });
    }
    expect(reached).toBeGreaterThan(0);
  });

  it("breaks its rule in all of them together, and only that one, with a program for every edge", () => {
    const found = judge(programs.map((program) => seen(program, system)));
    expect(found.map(({ rule }) => rule.id)).toEqual([mutant.rule]);
    const { shares, why } = found[0]!;
    expect(why).toMatchSnapshot();
    for (const [index, share] of shares.entries()) {
      const [from, to] = share.fact.split(" > ");
      expect(shares[(index + 1) % shares.length]!.fact.startsWith(`${to} > `)).toBe(true);
      expect(from).not.toBe(to);
      // The program says it by itself.
      const runs = new AcrossRuns([found[0]!.rule]);
      runs.collect(seen(share.program, system));
      expect(edges(runs)).toContain(share.fact);
    }
  });

  it("is acquitted without the fault", () => {
    expect(judge(programs.map((program) => seen(program)))).toEqual([]);
  });
});

describe("facts of several runs", () => {
  const judging = new Judge([], profiles["K7.1"]);
  const drawn = (system: System, seed: number): Seen => {
    const run = drawRun(system, judging, "K7.1", seed, { kinds: referenceKinds, longest: 40 });
    if (run instanceof Promise) throw new Error("synchronous roles only");
    return { program: run.program, events: run.execution.events };
  };
  const faulty = examples.map(({ mutant }) => mutant.system(() => undefined));
  const histories = Array.from({ length: 40 }, (_, index) => drawn(faulty[index % faulty.length]!, 500 + index));
  const whole = new AcrossRuns(rules);
  for (const history of histories) whole.collect(history);

  it("are the same however the runs are cut, ordered and put together", () => {
    fc.assert(
      fc.property(
        fc.shuffledSubarray(histories, { minLength: histories.length }),
        fc.array(fc.nat(4), { minLength: histories.length, maxLength: histories.length }),
        fc.shuffledSubarray([0, 1, 2, 3, 4], { minLength: 5 }),
        (order, places, merging) => {
          const parts = Array.from({ length: 5 }, () => new AcrossRuns(rules));
          order.forEach((history, index) => parts[places[index]!]!.collect(history));
          const all = new AcrossRuns(rules);
          // Through text, as between processes.
          for (const index of merging)
            all.merge(JSON.parse(JSON.stringify(parts[index]!.data())) as Record<string, unknown>);
          expect(all.data()).toEqual(whole.data());
          expect(all.judge().map(({ why }) => why)).toEqual(whole.judge().map(({ why }) => why));
        },
      ),
      { numRuns: 30 },
    );
  });

  it("say nothing of programs that misuse the contract on purpose", () => {
    const [history] = histories;
    const [step, ...rest] = history!.program.steps;
    const misused = { ...history!.program, steps: [{ ...step!, misuse: true as const }, ...rest] };
    const runs = new AcrossRuns(rules);
    runs.collect({ program: misused, events: history!.events });
    expect(runs.data()).toEqual({ lockOrder: {} });
  });

  it("acquit the reference over drawn programs, though its order is seen", () => {
    const reference = referenceSystem();
    const runs = new AcrossRuns(registry);
    for (let seed = 1; seed <= 250; seed += 1) runs.collect(drawn(reference, seed));
    expect(runs.judge()).toEqual([]);
    expect(edges(runs)).toEqual(
      expect.arrayContaining([
        "acquire > reservation",
        "exporter subject.exporterDevice > reservation",
        "reservation > fence",
        "exporter subject.exporterDevice > fence",
        "unmapped > reservation",
      ]),
    );
  });
});
