import { describe, expect, it } from "vitest";
import { excludeShorter, type ExcludedShorter } from "../../conformance/exclude-shorter.ts";
import { replay } from "../../conformance/replay.ts";
import { referenceSystem } from "../../conformance/reference-system.ts";
import { shrinkViolation } from "../../conformance/shrink-violation.ts";
import { on } from "../../contracts/monitor.ts";
import { alphabetOf, type Alphabet, type Breadth } from "../../generators/enumerate/alphabet.ts";
import { enumerating } from "../../generators/enumerate/enumerate.ts";
import { lengthOf } from "../../generators/shrink/session.ts";
import { program } from "../../spec/builder.ts";
import { profiles } from "../../spec/profile.ts";
import type { Program } from "../../spec/program.ts";
import { faults, find, ownRule, type Fault } from "./shrink-faults.ts";

function listed(fault: Pick<Fault, "system" | "rule">, of: Program, alphabet: Alphabet, below: number, most = 20_000) {
  return excludeShorter(fault.system(), of, fault.rule, alphabet, below, most) as ExcludedShorter;
}

/** A rule that sees every program and convicts none. */
function collector(into: string[][]) {
  return ownRule(
    "OWN-30",
    on({
      call(event) {
        if (event.by === "program" && event.step?.startsWith("s") === true) into.at(-1)!.push(event.op);
      },
      drain(_event, _state, verdict) {
        verdict.exercised();
        into.push([]);
      },
    }),
  );
}

describe("programs listed by length", () => {
  const fences = program("K7.1")
    .step("fenceInit", { fence: "f1", timeline: 1, seqno: 1 })
    .step("fenceGet", { fence: "f1" })
    .step("fencePut", { fence: "f1" })
    .build();

  it("are all that the contract allows over the alphabet, each once", () => {
    const runs: string[][] = [[]];
    const alphabet = alphabetOf(fences, null, "own");
    const result = listed({ system: referenceSystem, rule: collector(runs) }, fences, alphabet, 4);
    // By hand: a fence first; then get, or put while the program holds one, or another fence.
    const words = runs.slice(0, -1).map((ops) => ops.map((op) => op.replace("fence", "")).join(" "));
    const ofTwo = ["Init Init", "Init Get", "Init Put"];
    expect(words.filter((text) => text.split(" ").length < 3).toSorted()).toEqual(["", "Init", ...ofTwo].toSorted());
    // Of three, with a name for each fence: init init {init, get 1, get 2, put 1, put 2}, init get {init, get, put}, init put {init}.
    expect(words.filter((text) => text.split(" ").length === 3)).toHaveLength(9);
    expect(result).toMatchObject({ atLeast: 4, found: null, decides: 0, executions: 14, faults: 0 });
  });

  it("cover tasks in the order in which they come up", () => {
    const runs: string[][] = [[]];
    const two = program("K7.1")
      .step("fenceInit", { fence: "f1", timeline: 1, seqno: 1 })
      .task("t2")
      .step("signal", { fence: "f1" })
      .build();
    const alphabet = alphabetOf(two, null, "own");
    expect(alphabet.tasks).toEqual(["t1", "t2"]);
    // Nothing; init; init by either task, signal by either.
    expect(listed({ system: referenceSystem, rule: collector(runs) }, two, alphabet, 3).executions).toBe(6);
  });

  it.each(["own", "wide"] satisfies Breadth[])("%s: say no more than the budget has shown", (breadth) => {
    const search = enumerating(fences, 4, 0);
    expect(search.next()).toEqual({ done: true, value: { atLeast: 0, found: null, decides: null, executions: 0 } });
    const alphabet = alphabetOf(fences, { weights: { signal: 4 } }, breadth);
    const fault = { system: referenceSystem, rule: collector([[]]) };
    for (const most of [1, 2, 5, 7]) expect(listed(fault, fences, alphabet, 4, most).executions).toBe(most);
    // After nothing, and the one step that may come first, of one kind or of several.
    expect(listed(fault, fences, alphabet, 4, 2).atLeast).toBe(breadth === "own" ? 2 : 1);
  });
});

// Preemptions are not listed.
describe.each(faults.filter(({ prepare }) => prepare === undefined))("the shortest program: $name", (fault) => {
  const [first] = find(fault, 1);
  const shrunk = shrinkViolation(fault.system(), first!, fault.rule.id, { rules: [fault.rule] });
  if (shrunk instanceof Promise) throw new Error("these systems are synchronous");
  const alphabet = alphabetOf(shrunk.program, fault.situation, "own");

  it.runIf(shrunk.program.schedule.length === 0)("is as long as worked out by hand", () => {
    const below = Math.min(fault.minimum, 6);
    expect(listed(fault, shrunk.program, alphabet, below)).toMatchObject({ atLeast: below, found: null, faults: 0 });
    if (fault.minimum > below) return;
    const found = listed(fault, shrunk.program, alphabet, below + 1);
    expect(found.atLeast).toBe(fault.minimum);
    expect(lengthOf(found.found!)).toBe(fault.minimum);
    const run = replay(found.found!, fault.system(), [fault.rule], profiles["K7.1"]);
    expect(run).toMatchObject({ violations: [{ rule: { id: fault.rule.id } }] });
  });
});
