import { describe, expect, it } from "vitest";
import { program, type ProgramBuilder } from "../../../spec/builder.ts";
import { judgeProgram } from "../../kit/judge-program.ts";
import { a1, callback, f1, f2, fence } from "../../mutants/fence/kit.ts";

const onArray = { fence: "a1", callback: "k1" } as const;

/** Two fences that fail, the later one first, in an array. */
function failing(builder: ProgramBuilder): ProgramBuilder {
  return builder
    .step("fenceInit", fence("f1"))
    .step("fenceInit", fence("f2", { timeline: 2 }))
    .step("fenceGet", f1)
    .step("fenceGet", f2)
    .step("setError", { fence: "f1", error: -5 })
    .step("setError", { fence: "f2", error: -7 })
    .step("createArray", { fence: "a1", members: ["f1", "f2"], timeline: 4, seqno: 1 });
}

/** Nodes 1, 5 and 9, each with a fence of its own. */
function chain(builder: ProgramBuilder): ProgramBuilder {
  for (const [index, seqno] of [1, 5, 9].entries()) {
    const contained = `f${index + 1}`;
    builder.step("fenceInit", fence(contained, { timeline: index + 1 })).step("fenceGet", { fence: contained });
    const previous = index === 0 ? null : `c${index}`;
    if (previous !== null) builder.step("fenceGet", { fence: previous });
    builder.step("createChain", { fence: `c${index + 1}`, previous, contained, seqno });
  }
  return builder;
}

function findAll(builder: ProgramBuilder): ProgramBuilder {
  for (const seqno of [0, 1, 2, 5, 6, 9, 10]) builder.step("findSeqno", { fence: "c3", seqno });
  return builder;
}

/** What real kernels do and what was reported as a bug and is none: the rules have nothing to say. */
const controls: readonly {
  what: string;
  rule: string;
  show: (builder: ProgramBuilder) => ProgramBuilder;
  only?: "K6.12";
}[] = [
  {
    what: "an array enabled early ends with the error that came first",
    rule: "FENCE-42",
    show: (builder) => failing(builder).step("addCallback", onArray).step("signal", f2).step("signal", f1),
  },
  {
    what: "an array that is only queried ends well",
    rule: "FENCE-42",
    show: (builder) => failing(builder).step("signal", f2).step("signal", f1).step("getStatus", a1),
  },
  {
    what: "an array enabled after both ends with the first error by index",
    rule: "FENCE-42",
    show: (builder) => failing(builder).step("signal", f2).step("signal", f1).step("addCallback", onArray),
  },
  {
    what: "an array enabled in between ends with the error it saw first",
    rule: "FENCE-42",
    show: (builder) => failing(builder).step("signal", f2).step("enableSignaling", a1).step("signal", f1),
  },
  {
    what: "look-ups that hit, miss and end early keep the references in balance",
    rule: "FENCE-49",
    show: (builder) => findAll(chain(builder)),
  },
  {
    what: "a look-up may answer a smaller number where nodes were unlinked",
    rule: "FENCE-27",
    show: (builder) => findAll(findAll(chain(builder).step("signal", f2)).step("signal", f1)),
  },
  {
    what: "an array of a series that has it signals on any member",
    only: "K6.12",
    rule: "FENCE-25",
    show: (builder) =>
      builder
        .step("fenceInit", fence("f1"))
        .step("fenceInit", fence("f2", { timeline: 2 }))
        .step("fenceGet", f1)
        .step("fenceGet", f2)
        .step("createArray", { fence: "a1", members: ["f1", "f2"], timeline: 4, seqno: 1, signalOnAny: true })
        .step("addCallback", onArray)
        .step("signal", f2),
  },
  {
    what: "a fence nobody counts on may go unsignaled",
    rule: "FENCE-24",
    show: (builder) =>
      builder
        .step("fenceInit", fence("f1"))
        .step("addCallback", callback)
        .step("removeCallback", callback)
        .step("fencePut", f1),
  },
];

const runs = controls.flatMap((control) =>
  (control.only === undefined ? (["K6.12", "K7.1"] as const) : [control.only]).map((series) => ({
    ...control,
    series,
  })),
);

describe.each(runs)("$what on $series", ({ rule, show, series }) => {
  it("is no violation", () => {
    const judged = judgeProgram(show(program(series)).build());
    expect(judged.fault).toBeNull();
    expect(judged.ids).toEqual([]);
    expect(judged.exercised(rule)).toBeGreaterThan(0);
  });
});
