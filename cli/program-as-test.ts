import type { Program } from "../spec/program.ts";

/** A program as a runnable test file: everything it needs stands in it. */
export function programAsTest(program: Program, rule: string | null): string {
  const name = rule === null ? "the program breaks no rule" : `${rule} holds`;
  const expectation =
    rule === null
      ? `  expect(run.violations.map((violation) => violation.rule.id)).toEqual([]);`
      : `  expect(run.violations.map((violation) => violation.rule.id)).not.toContain(${JSON.stringify(rule)});`;
  return `import { expect, test } from "vitest";
import { runProgram, type Program } from "dmabuf-conformance";

// Hand your own subject to runProgram as its second argument; without one the reference runs.
const program: Program = ${JSON.stringify(program, null, 2)};

test(${JSON.stringify(name)}, async () => {
  const run = await runProgram(program);
  expect(run.fault).toBeNull();
${expectation}
});
`;
}
