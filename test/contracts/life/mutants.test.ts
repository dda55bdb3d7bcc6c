import { describe, expect, it } from "vitest";
import { examples as coreExamples } from "../../mutants/life/core.ts";
import { examples as keepaliveExamples } from "../../mutants/life/keepalive.ts";
import { examples as roleExamples } from "../../mutants/life/roles.ts";
import { judgeExample } from "../../kit/judge-example.ts";

const examples = [...coreExamples, ...keepaliveExamples, ...roleExamples];

describe("LIFE: each mutant is convicted by its rule, and the reference acquitted on the same program", () => {
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
