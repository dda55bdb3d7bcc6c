import { describe, expect, it } from "vitest";
import { examples as coreExamples } from "../../mutants/life/core.ts";
import { examples as roleExamples } from "../../mutants/life/roles.ts";
import { judgeExample } from "../../kit/judge-example.ts";

describe("LIFE: each mutant is convicted by its rule, the reference is acquitted", () => {
  for (const example of [...coreExamples, ...roleExamples])
    it(example.mutant.name, () => {
      const { mutant, reference, exercised, reached } = judgeExample(example);
      expect(mutant).toContain(example.mutant.rule);
      expect(mutant.filter((id) => id !== example.mutant.rule && !example.mutant.also.includes(id))).toEqual([]);
      expect(reference).toEqual([]);
      expect(exercised).toBeGreaterThan(0);
      expect(reached).toBeGreaterThan(0);
    });
});
