import { expect, it } from "vitest";
import { numbered } from "../../generators/shrink/numbered.ts";
import { program } from "../../spec/builder.ts";

it("numbers steps from 1, and with them what refers to them", () => {
  const built = program("K7.1").step("export", { buffer: "b1" }).task("t2").step("put", { buffer: "b1" }).build();
  const [first, second] = built.steps;
  const sparse = {
    ...built,
    steps: [
      { ...first!, id: "s12" },
      { id: "s40", task: "t1", op: "signal", fence: "s12.fence1" } as const,
      { ...second!, id: "s127" },
    ],
    schedule: [
      { step: "s40", site: "lock", nth: 1, until: "s127" },
      { step: "s127", site: "lock", nth: 1, until: "idle" },
    ],
    failures: [{ step: "s12", site: "alloc", nth: 1, errno: 12 }],
  };
  const now = numbered(sparse);
  expect(now.steps.map(({ id }) => id)).toEqual(["s1", "s2", "s3"]);
  expect(now.steps[1]).toMatchObject({ fence: "s1.fence1" });
  expect(now.schedule).toEqual([
    { step: "s2", site: "lock", nth: 1, until: "s3" },
    { step: "s3", site: "lock", nth: 1, until: "idle" },
  ]);
  expect(now.failures).toEqual([{ step: "s1", site: "alloc", nth: 1, errno: 12 }]);
  expect(numbered(now)).toEqual(now);
});
