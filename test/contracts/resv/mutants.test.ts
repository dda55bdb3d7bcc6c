import { describe, expect, it } from "vitest";
import { judgeProgram } from "../../kit/judge-program.ts";
import { examples as contexts } from "../../mutants/resv/contexts.ts";
import { examples as entries } from "../../mutants/resv/entries.ts";
import { examples as jobs } from "../../mutants/resv/jobs.ts";
import { examples as locks } from "../../mutants/resv/locks.ts";
import { examples as readers } from "../../mutants/resv/readers.ts";
import { examples as slots } from "../../mutants/resv/slots.ts";

describe.each([...locks, ...contexts, ...slots, ...entries, ...readers, ...jobs])(
  "$mutant.name",
  ({ mutant, program }) => {
    it("breaks its rule and nothing that is not named", () => {
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
  },
);
