import { describe, expect, it } from "vitest";
import { replay, type Replay } from "../../conformance/replay.ts";
import { referenceSystem } from "../../conformance/reference-system.ts";
import { shorterPrefixes } from "../../generators/shrink/prefixes.ts";
import { Session } from "../../generators/shrink/session.ts";
import { program } from "../../spec/builder.ts";
import { programProblem } from "../../spec/check-program.ts";
import { printStep } from "../../spec/print-step.ts";
import { profiles } from "../../spec/profile.ts";
import type { Program } from "../../spec/program.ts";

function run(candidate: Program): Replay {
  const done = replay(candidate, referenceSystem(), [], profiles["K7.1"]);
  if (done instanceof Promise) throw new Error("the reference is synchronous");
  return done;
}

/** Runs the pass alone; a candidate counts where all of it is carried out and its last step is `last`. */
function shortened(start: Program, last: string): { readonly program: Program; readonly executions: number } {
  const session = new Session({ program: start }, 0, 250, { exporters: [], importers: [] });
  const search = shorterPrefixes(session);
  for (let next = search.next(); next.done !== true;) {
    const candidate = next.value;
    expect(programProblem(candidate)).toBeNull();
    const whole = run(candidate).steps.length === candidate.steps.length && candidate.steps.at(-1)?.id === last;
    next = search.next(whole ? { program: candidate } : null);
  }
  return session;
}

const words = ({ steps }: Program) => steps.map((step) => `${step.task} ${printStep(step)}`);

describe("the beginning of a program", () => {
  it("becomes the shortest way to where it led, with the names that are used later", () => {
    const detour = program("K7.1")
      .exporter("e1", { kind: "subject" })
      .importer("i7", { ops: "callback" })
      .step("export", { buffer: "b1" })
      .step("attach", { importer: "i7", buffer: "b1", attachment: "a9" })
      .step("mapUnlocked", { attachment: "a9", mapping: "m1" })
      .step("unmapUnlocked", { mapping: "m1" })
      .step("lock", { resv: "b1.resv" })
      .step("pin", { attachment: "a9" })
      .step("unlock", { resv: "b1.resv" })
      .step("getName", { buffer: "b1" })
      .build();
    expect(words(detour)).toHaveLength(8);
    const { program: short, executions } = shortened(detour, "s8");
    expect(words(short)).toEqual([
      "t1 export b1",
      "t1 attach i7 to b1 as a9",
      "t1 lock b1.resv",
      "t1 pin a9",
      "t1 unlock b1.resv",
      "t1 read the name of b1",
    ]);
    expect(executions).toBeGreaterThan(0);
  });

  it("keeps tasks and fences apart in the scope of fences", () => {
    const detour = program("K7.1")
      .step("fenceInit", { fence: "f4", timeline: 1, seqno: 1 })
      .step("fenceGet", { fence: "f4" })
      .step("fencePut", { fence: "f4" })
      .step("fenceInit", { fence: "f9", timeline: 2, seqno: 1 })
      .step("signal", { fence: "f9" })
      .step("getStatus", { fence: "f4" })
      .build();
    const { program: short } = shortened(detour, "s6");
    expect(short.steps.length).toBeLessThanOrEqual(detour.steps.length);
    const made = short.steps.filter(({ op }) => op === "fenceInit").map((step) => ("fence" in step ? step.fence : ""));
    expect(new Set(made)).toEqual(new Set(["f4", "f9"]));
    expect(made).toHaveLength(2);
    expect(run(short).steps).toEqual(short.steps);
  });

  it("stays where no scope knows it, and where it is as short as can be", () => {
    const plain = program("K7.1")
      .step("export", { buffer: "b1" })
      .step("setName", { buffer: "b1", name: "n" })
      .step("getName", { buffer: "b1" })
      .step("setName", { buffer: "b1", name: "n" })
      .step("getName", { buffer: "b1" })
      .build();
    expect(shortened(plain, "s5").program).toBe(plain);
    expect(shortened(plain, "s5").executions).toBe(0);
  });
});
