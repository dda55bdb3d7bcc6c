import { describe, expect, it } from "vitest";
import { coreContract } from "../../conformance/contract/contract.ts";
import { extendContract, extension } from "../../conformance/contract/extend.ts";
import { judgedRules, searchContract } from "../../conformance/proposal/search.ts";
import { replay } from "../../conformance/replay.ts";
import { runProgram } from "../../conformance/run-program.ts";
import { shrinkViolation } from "../../conformance/shrink-violation.ts";
import { checked } from "../../contracts/rule-text.ts";
import { derived } from "../../contracts/source.ts";
import { contractNamed } from "../../spec/added-contract.ts";
import { eventKinds } from "../../spec/event.ts";
import { historySchema, type History } from "../../spec/history.ts";
import { createOwn, integer, refer, referOwn } from "../../spec/operations/define.ts";
import { printEvent, printStep } from "../../spec/print-step.ts";
import { profileNamed } from "../../spec/profile-name.ts";
import { readHistory } from "../../spec/schema/read-history.ts";
import { readProgram } from "../../spec/schema/read-program.ts";
import { diffStates, encodeState, hashState, printState } from "../../spec/state/codec.ts";
import { observe } from "../../spec/state/observe.ts";
import { field, table } from "../../spec/state/schema.ts";
import { initialState } from "../../spec/state/state.ts";
import { writeHistory, writeHistoryLines, writeProgram } from "../../spec/write.ts";

const counter = extension({
  name: "test-counters",
  state: { counters: table({ buffer: field<string>(), value: field<number>() }) },
});

/** Counters that may be used when their buffer is gone: a contract without any role of its own. */
const contract = extendContract(coreContract, {
  ...counter,
  operations: {
    startCounter: counter.operation({
      summary: "Starts a counter for a buffer.",
      fields: { buffer: refer("buffer"), counter: createOwn("counters") },
      run: () => 0,
      print: (of) => `start ${of.counter} for ${of.buffer}`,
    }),
    count: counter.operation({
      summary: "Counts.",
      fields: { counter: referOwn("counters"), step_: integer(1, 3) },
      answers: { reached: "integer" },
      run: (_actor, of) => ({ reached: of.step_ }),
      print: (of) => `count ${of.counter} by ${of.step_}`,
    }),
  },
  fold: ({ changes }) =>
    changes({
      "ret startCounter"({ counter: name, buffer }, own) {
        own.counters.set(name, { buffer, value: 0 });
      },
      "ret count"({ counter: name, reached }, own) {
        const row = own.counters.get(name);
        if (row !== undefined) row.value += reached;
      },
    }),
  near: { export: 1, put: 1 },
  without: ["LIFE-01"],
  rules: ({ on, own }) => [
    {
      id: "COUNT-01",
      level: "MUST",
      obliged: ["caller"],
      statement: "Nobody counts for a buffer that is gone.",
      intent: "A test.",
      sources: [derived("nothing")],
      hints: [],
      status: checked,
      monitor: on({
        "call count"(event, state, verdict) {
          const { buffer } = own(state).counters.get(event.counter)!;
          verdict.exercised();
          if (state.buffers.get(buffer)?.released === true)
            verdict.violated(`${event.counter} is of ${buffer}`, verdict.since("buffers", buffer, "released"));
        },
      }),
    },
  ],
});

const system = contract.roles([]);
const terms = { profile: "K7.1", seed: 3, budget: 3000, until: ["COUNT-01"] };
const { broken } = await searchContract(contract, system, terms);
const found = broken.find(({ rule }) => rule.id === "COUNT-01")!;
const { program } = await shrinkViolation(system, found.program, "COUNT-01", { rules: [found.rule] });
const run = await replay(program, system, judgedRules(contract, profileNamed("K7.1")), profileNamed("K7.1"));

const beginning = { ...counter, operations: {}, near: {} };

describe("a contract as a value", () => {
  it("has a hash over its language and is known by name", () => {
    expect(coreContract.key).toBe("core");
    expect(coreContract.hash).toMatch(/^[0-9a-f]{32}$/);
    expect(contract.key).toBe(`test-counters@${contract.hash}`);
    expect(contract.hash).not.toBe(coreContract.hash);
    expect(contractNamed("test-counters")?.hash).toBe(contract.hash);
  });

  it("holds the core, what was added, and not what was taken away", () => {
    expect(Object.keys(contract.operations)).toContain("test-counters.count");
    expect(Object.keys(contract.operations)).toContain("export");
    expect(Object.keys(contract.state)).toContain("counters");
    expect(contract.scopes).toEqual(coreContract.scopes);
    const ids = contract.rules.map(({ id }) => id);
    expect(ids).toContain("COUNT-01");
    expect(ids).not.toContain("LIFE-01");
    expect(ids).toHaveLength(coreContract.rules.length);
  });

  it.each([
    ["a name", { name: "Not A Name" }, /small letters, digits and dashes/],
    ["a rule to take away", { without: ["LIFE-99"] }, /no rule LIFE-99/],
    ["a contract of that name", { name: "test-counters" }, /two different contracts/],
  ])("says what is wrong with %s", (_, changes, words) => {
    expect(() => extendContract(coreContract, { ...beginning, ...changes })).toThrow(words);
  });

  it("says what is wrong with an operation", () => {
    const bad = (name: string, fields: Record<string, ReturnType<typeof refer>>) => () =>
      extendContract(coreContract, {
        ...beginning,
        name: "test-bad",
        operations: { [name]: counter.operation({ summary: "", fields, run: () => 0, print: () => "" }) },
      });
    expect(bad("map", {})).toThrow(/the core has a call map already/);
    expect(bad("mine", { task: refer("buffer") })).toThrow(/mine has a field task/);
    expect(() => extendContract(contract, { ...beginning, name: "test-more" })).toThrow(/only the core/);
  });
});

describe("programs and histories of a contract", () => {
  it("are written, read, replayed and printed", () => {
    const text = writeProgram(program);
    expect(text).toContain(`"contract": "test-counters@${contract.hash}"`);
    expect(readProgram(text, "p.json")).toEqual(program);
    expect(run.violations.map(({ rule }) => rule.id)).toContain("COUNT-01");
    const step = program.steps.find(({ op }) => String(op) === "test-counters.count")!;
    expect(printStep(step)).toMatch(/^count x\d+ by [123]$/);
    const event = run.events.find((entry) => entry.kind === "ret" && String(entry.op) === "test-counters.count")!;
    expect(printEvent(event)).toMatch(/^program: count x\d+ by [123] → ok$/);
    expect(printEvent(run.events[0]!)).toMatch(/^under the contract test-counters \([0-9a-f]{8}\)$/);
  });

  it("have histories that name contract and hash, in both forms", () => {
    expect(run.events[0]).toMatchObject({ kind: "contract", name: "test-counters", hash: contract.hash });
    const header = { implementation: "x", version: "", profile: "K7.1", capabilities: [], observes: eventKinds };
    const history: History = { schema: historySchema, header, program, events: run.events };
    expect(readHistory(writeHistory(history), "h.json")).toEqual(history);
    expect(readHistory(writeHistoryLines(history), "h.ndjson")).toEqual(history);
  });

  it("are refused by the core with one sentence", async () => {
    await expect(runProgram(program)).rejects.toThrow(
      /runs programs for the contract "core", got one for "test-counters@/,
    );
    const other = writeProgram(program).replace(contract.hash, "0".repeat(32));
    expect(() => readProgram(other, "p.json")).toThrow(/line 3, contract: a program for another version/);
    const core = { ...program, contract: "core", steps: [] };
    expect(() => replay(core, system, [], profileNamed("K7.1"))).toThrow(/got one for "core"/);
  });

  it("refuse a wrong argument and an unknown operation", () => {
    const text = writeProgram(program);
    expect(() => readProgram(text.replace(/"step_": \d/, '"step_": 9'), "p.json")).toThrow(/an integer from 1 to 3/);
    expect(() => readProgram(text.replace("test-counters.count", "test-counters.cuont"), "p.json")).toThrow(
      /unknown operation "test-counters.cuont"/,
    );
  });

  it("have states with the contract's tables in text, hash and differences", () => {
    const state = initialState();
    let before = structuredClone(state);
    for (const event of run.events) {
      if (event.kind === "ret" && String(event.op) === "test-counters.count") before = structuredClone(state);
      observe(state, event);
    }
    expect(encodeState(state)).toMatch(/\ncounters "x\d+" \["b\d",\d+\]/);
    expect(printState(state)).toMatch(/\ncounter x\d+: buffer b\d/);
    const counted = run.events.find((entry) => entry.kind === "ret" && String(entry.op) === "test-counters.count")!;
    const after = structuredClone(before);
    observe(after, counted);
    expect(hashState(after)).not.toBe(hashState(before));
    expect(diffStates(before, after)).toMatchObject([{ table: "counters", field: "value" }]);
  });
});
