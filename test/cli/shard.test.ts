import { describe, expect, it } from "vitest";
import { readShard } from "../../cli/shard.ts";

const kubernetes = { JOB_COMPLETION_INDEX: "0" };
const slurm = {
  SLURM_ARRAY_TASK_ID: "12",
  SLURM_ARRAY_TASK_MIN: "10",
  SLURM_ARRAY_TASK_COUNT: "4",
};
const ci = { CI_NODE_INDEX: "2", CI_NODE_TOTAL: "3" };

describe("which shard this is", () => {
  it.each([
    ["2/4", {}, { index: 2, count: 4 }],
    ["auto/8", kubernetes, { index: 1, count: 8 }],
    ["auto", slurm, { index: 3, count: 4 }],
    ["auto", { ...slurm, SLURM_ARRAY_TASK_STEP: "2" }, { index: 2, count: 4 }],
    ["auto", ci, { index: 2, count: 3 }],
    ["auto/3", ci, { index: 2, count: 3 }],
  ] as const)("%s with %j", (text, variables, shard) => {
    expect(readShard(text, variables)).toEqual(shard);
  });

  it.each([
    ["4", {}, "write 2/4, auto or auto/4"],
    ["0/4", {}, "shard 0 of 4; there are 1 to 4"],
    ["5/4", {}, "shard 5 of 4"],
    ["a/b", {}, "write 2/4"],
    ["auto", {}, "none of JOB_COMPLETION_INDEX"],
    ["auto", kubernetes, "write --shard auto/8"],
    ["auto/8", { JOB_COMPLETION_INDEX: "x" }, "has to be a whole number"],
    ["auto/8", { JOB_COMPLETION_INDEX: "8" }, "shard 9 of 8"],
    ["auto", { ...slurm, ...ci }, "both SLURM_ARRAY_TASK_ID and CI_NODE_INDEX"],
    ["auto/4", ci, "CI_NODE_INDEX says that there are 3"],
    ["auto", { CI_NODE_INDEX: "0", CI_NODE_TOTAL: "3" }, "shard 0 of 3; there are 1 to 3"],
    ["auto", { ...slurm, SLURM_ARRAY_TASK_STEP: "3" }, "there are 1 to 4"],
  ] as const)("%s with %j is refused", (text, variables, sentence) => {
    expect(() => readShard(text, variables)).toThrow(sentence);
  });
});
