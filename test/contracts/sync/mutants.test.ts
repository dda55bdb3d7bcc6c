import { describe, expect, it } from "vitest";
import { judgeProgram } from "../../kit/judge-program.ts";
import { examples as core } from "../../mutants/sync/core.ts";
import { examples as files } from "../../mutants/sync/files.ts";
import { examples as poll } from "../../mutants/sync/poll.ts";

describe.each([...core, ...files, ...poll])("$mutant.name", ({ mutant, program }) => {
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
