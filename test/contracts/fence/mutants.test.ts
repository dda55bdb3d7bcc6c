import { describe, expect, it } from "vitest";
import { judgeProgram } from "../../kit/judge-program.ts";
import { examples as callbacks } from "../../mutants/fence/callbacks.ts";
import { examples as containers } from "../../mutants/fence/containers.ts";
import { examples as lifetime } from "../../mutants/fence/lifetime.ts";
import { examples as order } from "../../mutants/fence/order.ts";
import { examples as promise } from "../../mutants/fence/promise.ts";
import { examples as signal } from "../../mutants/fence/signal.ts";
import { examples as signalling } from "../../mutants/fence/signalling.ts";
import { examples as waits } from "../../mutants/fence/waits.ts";

const all = [...signal, ...promise, ...signalling, ...callbacks, ...waits, ...order, ...containers, ...lifetime];

describe.each(all)("$mutant.name", ({ mutant, program }) => {
  it("breaks its rule and nothing else", () => {
    let reached = 0;
    const judged = judgeProgram(
      program,
      mutant.system(() => (reached += 1)),
    );
    expect(judged.fault).toBeNull();
    expect(reached).toBeGreaterThan(0);
    expect(judged.ids).toContain(mutant.rule);
    expect(judged.ids.filter((id) => id !== mutant.rule && !mutant.also.includes(id))).toEqual([]);
  });

  it("is acquitted without the fault", () => {
    const judged = judgeProgram(program);
    expect(judged.fault).toBeNull();
    expect(judged.ids).toEqual([]);
    expect(judged.exercised(mutant.rule)).toBeGreaterThan(0);
  });
});
