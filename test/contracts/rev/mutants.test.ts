import { describe, expect, it } from "vitest";
import { examples as device } from "../../mutants/rev/device.ts";
import { examples as pinned } from "../../mutants/rev/pinned.ts";
import { examples as refusal } from "../../mutants/rev/refusal.ts";
import { examples as unrevoke } from "../../mutants/rev/unrevoke.ts";
import { examples as waits } from "../../mutants/rev/waits.ts";
import { judgeProgram } from "../../kit/judge-program.ts";

describe.each([...refusal, ...waits, ...unrevoke, ...device, ...pinned])("$mutant.name", ({ mutant, program }) => {
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
