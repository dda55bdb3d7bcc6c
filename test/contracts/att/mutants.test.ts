import { describe, expect, it } from "vitest";
import { examples as coreExamples } from "../../mutants/att/core.ts";
import { examples as roleExamples } from "../../mutants/att/roles.ts";
import { judgeExample } from "../../kit/judge-example.ts";

const examples = [...coreExamples, ...roleExamples];

describe("ATT: each mutant is convicted by its rule, and the reference acquitted on the same program", () => {
  it.each(examples.map((example) => [example.mutant.name, example] as const))("%s", (_name, example) => {
    const { rule, also } = example.mutant;
    const { mutant, reference, exercised, reached } = judgeExample(example);
    expect(mutant).toContain(rule);
    expect(mutant.filter((id) => id !== rule && !also.includes(id))).toEqual([]);
    expect(reference).toEqual([]);
    expect(exercised).toBeGreaterThan(0);
    expect(reached).toBeGreaterThan(0);
  });
});
