import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { replay, type Replay } from "../../conformance/replay.ts";
import { referenceSystem } from "../../conformance/reference-system.ts";
import { shrinkViolation, type ShrunkViolation } from "../../conformance/shrink-violation.ts";
import { namesGiven, pruned, withoutSteps } from "../../generators/shrink/names.ts";
import { shrink } from "../../generators/shrink/shrink.ts";
import { lengthOf } from "../../generators/shrink/session.ts";
import { programProblem } from "../../spec/check-program.ts";
import { profiles } from "../../spec/profile.ts";
import type { Program } from "../../spec/program.ts";
import { readProgram } from "../../spec/schema/read-program.ts";
import { writeProgram } from "../../spec/write.ts";
import { arbitraryProgram } from "../spec/arbitrary-program.ts";
import { faults, find, type Fault } from "./shrink-faults.ts";

function shrunkOf(fault: Fault, program: Program, executions?: number): ShrunkViolation {
  const options = { rules: [fault.rule], ...(executions !== undefined && { executions }) };
  const shrunk = shrinkViolation(fault.system(), program, fault.rule.id, options);
  if (shrunk instanceof Promise) throw new Error("these systems are synchronous");
  return shrunk;
}

function rerun(fault: Fault, program: Program): Replay {
  const run = replay(program, fault.system(), [fault.rule], profiles["K7.1"]);
  if (run instanceof Promise) throw new Error("these systems are synchronous");
  return run;
}

describe.each(faults)("a shrunk program: $name", (fault) => {
  const cases = find(fault, 4).map((program) => ({ program, shrunk: shrunkOf(fault, program) }));

  it("is as short as the shortest one written by hand", () => {
    expect(cases.map(({ shrunk }) => shrunk.steps)).toEqual(cases.map(() => fault.minimum));
    expect(cases).toHaveLength(4);
  });

  it("takes at most 250 executions, and usually at most 120", () => {
    const executions = cases.map(({ shrunk }) => shrunk.executions).toSorted((first, second) => first - second);
    expect(executions.at(-1)).toBeLessThanOrEqual(250);
    expect(executions[1]).toBeLessThanOrEqual(120);
  });

  it("still breaks the rule, where and as it says", () => {
    for (const { shrunk } of cases) {
      const run = rerun(fault, shrunk.program);
      expect(run.fault).toBeNull();
      expect(run.violations).toEqual([shrunk.violation]);
    }
  });

  it("holds no step that is skipped and no point that is not passed", () => {
    for (const { shrunk } of cases) {
      const run = rerun(fault, shrunk.program);
      expect(run.steps).toEqual(shrunk.program.steps);
      expect(run.schedule).toEqual(shrunk.program.schedule);
      expect(run.failures).toEqual(shrunk.program.failures);
    }
  });

  it("is never longer, and says how long it is", () => {
    for (const { program, shrunk } of cases) {
      expect(shrunk.steps).toBe(lengthOf(shrunk.program));
      expect(shrunk.initial).toBe(lengthOf(program));
      expect(shrunk.steps).toBeLessThanOrEqual(shrunk.initial);
    }
  });

  it("is the same every time, and cannot be shrunk further", () => {
    for (const { program, shrunk } of cases) {
      expect(shrunkOf(fault, program)).toEqual(shrunk);
      expect(shrunkOf(fault, shrunk.program).program).toEqual(shrunk.program);
    }
  });

  it("is read back from its file and replays to the same history", () => {
    for (const { shrunk } of cases) {
      const read = readProgram(writeProgram(shrunk.program), "the test");
      expect(read).toEqual(shrunk.program);
      expect(rerun(fault, read).events).toEqual(rerun(fault, shrunk.program).events);
    }
  });
});

describe("shrinkViolation", () => {
  const [first] = faults;
  const misusing = faults.find(({ rule }) => rule.id === "OWN-08")!;

  it("leaves misuse misuse, and makes none of what is legal", () => {
    for (const program of find(misusing, 4)) {
      const marked = new Set(program.steps.filter(({ misuse }) => misuse === true).map(({ id }) => id));
      const { steps } = shrunkOf(misusing, program).program;
      expect(steps.filter(({ misuse }) => misuse === true).map(({ op }) => op)).toEqual(["addFence"]);
      for (const step of steps) expect(step.misuse === true).toBe(marked.has(step.id));
    }
  });

  it("answers a program that fails within any budget", () => {
    const [program] = find(first!, 1);
    for (const executions of [1, 2, 5, 10, 20]) {
      const shrunk = shrunkOf(first!, program!, executions);
      expect(shrunk.executions).toBeLessThanOrEqual(executions);
      expect(rerun(first!, shrunk.program).violations).toHaveLength(1);
    }
  });

  it("answers the program itself where it does not break the rule", () => {
    const [program] = find(first!, 1);
    const shrunk = shrunkOf({ ...first!, system: referenceSystem }, program!);
    expect(shrunk).toMatchObject({ reproduced: false, executions: 1, program });
    expect(shrunk.violation.why).toBe("the program broke the rule once and did not when it ran again");
  });

  it("refuses a rule it does not know", () => {
    const [program] = find(first!, 1);
    expect(() => shrinkViolation(referenceSystem(), program!, "REV-99")).toThrow("no rule REV-99");
  });

  it("shrinks async roles to the same program", async () => {
    const [program] = find(first!, 1);
    const synchronous = shrunkOf(first!, program!);
    const later = referenceSystem({
      buffers: (env) => {
        const inner = first!.system().framework(env).buffers;
        const seek: typeof inner.seek = async (...args) => inner.seek(...args) as number;
        return Object.assign(Object.create(inner) as typeof inner, { seek });
      },
    });
    const shrunk = shrinkViolation(later, program!, first!.rule.id, { rules: [first!.rule] });
    expect(shrunk).toBeInstanceOf(Promise);
    expect((await shrunk).program).toEqual(synchronous.program);
  });
});

describe("shrink", () => {
  /** A target that needs no run: the program still has this step. */
  const keeps = (id: string) => (program: Program) =>
    program.steps.some((step) => step.id === id) ? { program } : null;

  it("answers a readable program that is no longer, whatever the program", () => {
    fc.assert(
      fc.property(arbitraryProgram, fc.nat(), (program, dice) => {
        const { id } = program.steps[dice % program.steps.length]!;
        const shrunk = shrink(program, keeps(id));
        expect(programProblem(shrunk.program)).toBeNull();
        expect(keeps(id)(shrunk.program)).not.toBeNull();
        expect(shrunk.steps).toBeLessThanOrEqual(shrunk.initial);
        expect(shrunk.executions).toBeLessThanOrEqual(250);
        expect(shrunk.program.schedule).toEqual([]);
        expect(shrunk.program.failures).toEqual([]);
      }),
      { numRuns: 60 },
    );
  });

  it("never runs a candidate twice, and runs only readable ones", () => {
    fc.assert(
      fc.property(arbitraryProgram, fc.nat(), (program, dice) => {
        const { id } = program.steps[dice % program.steps.length]!;
        const seen = new Set<string>();
        shrink(program, (candidate) => {
          const text = writeProgram(candidate);
          expect(seen).not.toContain(text);
          seen.add(text);
          expect(programProblem(candidate)).toBeNull();
          return keeps(id)(candidate);
        });
      }),
      { numRuns: 60 },
    );
  });

  it("drops a step together with what depends on it", () => {
    fc.assert(
      fc.property(arbitraryProgram, fc.array(fc.nat(40)), (program, picks) => {
        const ids = picks.map((pick) => program.steps[pick % program.steps.length]!.id);
        const given = namesGiven(program);
        const rest = pruned(withoutSteps(program, ids), given);
        expect(programProblem(rest)).toBeNull();
        expect(pruned(rest, given)).toEqual(rest);
        for (const { id } of rest.steps) expect(ids).not.toContain(id);
      }),
    );
  });
});
