import { describe, expect, it } from "vitest";
import { runProgram } from "../../conformance/run-program.ts";
import { program } from "../../spec/builder.ts";
import type { Program } from "../../spec/program.ts";

/**
 * Behaviour that was once reported as a bug and is correct (section 3 of the bug collection). A checker that complains
 * here is wrong.
 */
const controls: readonly (readonly [string, Program])[] = [
  [
    "F-1 a search in a fence chain that hits, misses and ends early leaves every reference where it was",
    program("K7.1")
      .step("fenceInit", { fence: "f1", timeline: 1, seqno: 1 })
      .step("fenceGet", { fence: "f1" })
      .step("createChain", { fence: "f2", contained: "f1", seqno: 5 })
      .step("fenceInit", { fence: "f3", timeline: 1, seqno: 2 })
      .step("fenceGet", { fence: "f3" })
      .step("fenceGet", { fence: "f2" })
      .step("createChain", { fence: "f4", previous: "f2", contained: "f3", seqno: 9 })
      .step("findSeqno", { fence: "f4", seqno: 5 })
      .step("findSeqno", { fence: "f4", seqno: 7 })
      .step("findSeqno", { fence: "f4", seqno: 12 })
      .step("findSeqno", { fence: "f1", seqno: 1 })
      .step("signal", { fence: "f1" })
      .step("findSeqno", { fence: "f4", seqno: 5 })
      .step("signal", { fence: "f3" })
      .build(),
  ],
  [
    "F-3 a poll adds a callback to what is pending and keeps nothing of what is over",
    program("K7.1")
      .step("export", { buffer: "b1" })
      .step("fenceInit", { fence: "f1", timeline: 1, seqno: 1 })
      .step("lock", { resv: "b1.resv" })
      .step("reserveFences", { resv: "b1.resv", count: 1 })
      .step("addFence", { resv: "b1.resv", fence: "f1", usage: "write" })
      .step("unlock", { resv: "b1.resv" })
      .step("poll", { buffer: "b1", input: true, output: true, sleep: false })
      .step("poll", { buffer: "b1", input: true, output: true, sleep: false })
      .step("signal", { fence: "f1" })
      .step("poll", { buffer: "b1", input: true, output: true, sleep: false })
      .step("fencePut", { fence: "f1" })
      .build(),
  ],
  [
    "F-9 after an ordinary invalidate the importer may unmap later, and until then read what it throws away",
    program("K7.1")
      .importer("i1", { ops: "callback", onInvalidate: "defer" })
      .step("export", { buffer: "b1" })
      .step("attach", { importer: "i1", buffer: "b1", attachment: "a1" })
      .step("mapUnlocked", { attachment: "a1", mapping: "m1" })
      .step("move", { buffer: "b1", placement: "system" })
      .step("access", { mapping: "m1", kind: "speculativeRead" })
      .step("mapUnlocked", { attachment: "a1", mapping: "m2" })
      .step("unmapUnlocked", { mapping: "m1" })
      .build(),
  ],
  [
    "F-9 while its fence is pending the importer may still read and write the old place",
    program("K7.1")
      .importer("i1", { ops: "callback", onInvalidate: "fence" })
      .step("export", { buffer: "b1" })
      .step("attach", { importer: "i1", buffer: "b1", attachment: "a1" })
      .step("mapUnlocked", { attachment: "a1", mapping: "m1" })
      .step("lock", { resv: "b1.resv" })
      .step("invalidate", { buffer: "b1" })
      .step("unlock", { resv: "b1.resv" })
      .step("access", { mapping: "m1", kind: "write" })
      .step("unmapUnlocked", { mapping: "m1" })
      .build(),
  ],
];

describe("controls: correct behaviour nobody may complain about", () => {
  it.each(controls)("%s", async (_, control) => {
    const run = await runProgram(control);
    expect(run.fault).toBeNull();
    expect(run.skipped).toEqual([]);
    expect(run.violations.map(({ rule, why }) => `${rule.id}: ${why}`)).toEqual([]);
  });

  it("F-7 who polls a file that was closed is refused, the reference is not blamed", async () => {
    const closed = program("K7.1")
      .step("fenceInit", { fence: "f1", timeline: 1, seqno: 1 })
      .step("createSyncFile", { fence: "f1", syncFile: "y1" })
      .step("closeSyncFile", { syncFile: "y1" })
      .step("pollSyncFile", { syncFile: "y1", sleep: false })
      .step("export", { buffer: "b1" })
      .step("put", { buffer: "b1" })
      .step("poll", { buffer: "b1", input: true, output: false, sleep: false })
      .build();
    const run = await runProgram(closed);
    expect(run.fault).toBeNull();
    expect(run.skipped).toEqual(["s4", "s7"]);
    expect(run.violations).toEqual([]);
  });

  it("F-5 steps in the wrong order are left out, the reference is not blamed", async () => {
    const wrong = program("K7.1")
      .step("export", { buffer: "b1" })
      .step("attach", { importer: "i1", buffer: "b1", attachment: "a1" })
      .step("detach", { attachment: "a1" })
      .step("mapUnlocked", { attachment: "a1", mapping: "m1" })
      .build();
    const run = await runProgram(wrong);
    expect(run.skipped).toEqual(["s4"]);
    expect(run.violations).toEqual([]);
  });
});
