import { afterAll, describe, expect, it } from "vitest";
import { program } from "../../spec/builder.ts";
import { writeProgram } from "../../spec/write.ts";
import { BuiltCommand } from "./built.ts";

const command = new BuiltCommand();
afterAll(() => command.dispose());

const good = writeProgram(program("K7.1").step("export", { buffer: "b1" }).step("put", { buffer: "b1" }).build());

function expectOneSentence(err: string): void {
  expect(err).not.toMatch(/\n\s+at /);
  expect(err.trim().split("\n").length).toBeLessThanOrEqual(3);
}

describe("rules and explain", () => {
  it("lists 530 rules as data", async () => {
    const { out, code } = await command.run("rules", "--format", "json");
    const rules = JSON.parse(out) as readonly { id: string; level: string; obliged: string[]; status: string }[];
    expect(code).toBe(0);
    expect(rules).toHaveLength(530);
    expect(rules.find((rule) => rule.id === "REV-21")).toMatchObject({
      level: "MUST",
      obliged: ["exporter"],
      status: "checked",
    });
  });

  it("explains a rule within 80 columns", async () => {
    const { out, code } = await command.run("explain", "rev-04");
    expect(code).toBe(0);
    expect(out).toContain("REV-04  MUST  exporter");
    expect(out).toContain("Check: ");
    expect(Math.max(...out.split("\n").map((line) => line.length))).toBeLessThanOrEqual(80);
  });

  it("names the nearest rule for an unknown id", () => {
    const { err, code } = command.spawn({}, "explain", "REV-99");
    expect(code).toBe(3);
    expect(err).toMatch(/REV-99: there is no such rule.*REV-/);
    expectOneSentence(err);
  });
});

describe("proposal", () => {
  it("finds the shortest program, keeps it, replays it, and the core refuses it", async () => {
    const out = `${command.folder}/proposal`;
    const run = await command.run("proposal", "get-pfn", "--operations", "1500", "--output", out);
    expect(run.code).toBe(0);
    expect(run.out).toContain("PFN-01 broken in 4 steps");
    const file = `${out}/get-pfn-PFN-01.json`;
    const again = await command.run("proposal", "get-pfn", "--replay", file);
    expect(again.code).toBe(1);
    expect(again.out).toContain("get-pfn: 4 steps, PFN-01 broken");
    // Here the proposal is known by now.
    const core = command.spawn({}, "replay", file);
    expect(core.code).toBe(3);
    expect(core.err).toMatch(/line 3, contract: a program for the contract "get-pfn", which is not loaded/);
    expectOneSentence(core.err);
    const other = await command.run("proposal", "follow-pfn", "--replay", file);
    expect(other.code).toBe(3);
    expectOneSentence(other.err);
  });

  it("in its long form says what a proposal lacks that nobody defends", async () => {
    const { out, code } = await command.run("proposal", "get-pfn", "--defend", "--operations", "300");
    expect(code).toBe(1);
    expect(out).toMatch(/^get-pfn under K7\.1, seed 1: DOES NOT HOLD\n/);
    expect(out).toContain("scopes: 0, and 1 are demanded");
  });

  it("answers with data, and names the nearest proposal", async () => {
    const { out, code } = await command.run("proposal", "mmio-phys-mixed", "--operations", "400", "--format", "json");
    expect(code).toBe(0);
    const report = JSON.parse(out) as { proposal: string; rules: { id: string; verdict: string; length: number }[] };
    expect(report.proposal).toBe("mmio-phys-mixed");
    expect(report.rules.find(({ id }) => id === "MMIO-03")).toMatchObject({ verdict: "violated", length: 1 });
    const unknown = await command.run("proposal", "get-pnf");
    expect(unknown.code).toBe(3);
    expect(unknown.err).toMatch(/did you mean "get-pfn"/);
    expectOneSentence(unknown.err);
  });
});

describe("run, smoke and replay", () => {
  it("finds the broken line, keeps the counterexample, and replays it in a new process", async () => {
    const out = `${command.folder}/out`;
    const run = await command.run("run", "examples/exporter-broken.mjs", "--budget", "1200", "--output", out);
    expect(run.code).toBe(1);
    expect(run.out).toContain("FAIL  MAP-17");
    const file = /replay (\S+MAP-17\S+\.json)/.exec(run.out)![1]!;
    const again = command.spawn({}, "replay", file, "--adapter", "examples/exporter-broken.mjs");
    expect(again.code).toBe(1);
    expect(again.out).toContain("MAP-17");
    const fixed = await command.run("replay", file, "--adapter", "examples/exporter-plain.mjs");
    expect(fixed.code).toBe(0);
    expect(fixed.out).toContain("MAP-17 no longer fails");
    const stepwise = await command.run("replay", file, "--step");
    expect(stepwise.out).toMatch(/s\d+ \(t1\): export b\d/);
    const test = await command.run("replay", file, "--format", "ts");
    expect(test.out).toContain('import { runProgram, type Program } from "dmabuf-conformance"');
  });

  it("tours every transition the subject has a part in, and says how many of how many", async () => {
    const { out, code } = await command.run("run", "examples/exporter-plain.mjs", "--mode", "tour");
    expect(code).toBe(0);
    expect(out).toMatch(/transitions carried out: lifetime (\d+) of \1,/);
    const wrong = await command.run("run", "examples/exporter-plain.mjs", "--mode", "tuor");
    expect(wrong.code).toBe(3);
    expectOneSentence(wrong.err);
  });

  it("smoke is quick and says what it found", async () => {
    const { out, code } = await command.run("smoke", "examples/exporter-plain.mjs", "--format", "json");
    const { reports } = JSON.parse(out) as { reports: readonly { operations: number; fault: string | null }[] };
    expect(reports[0]!.fault).toBeNull();
    expect(reports[0]!.operations).toBeLessThan(3_000);
    expect([0, 2]).toContain(code);
  });

  it("ends an adapter that loops, and says so", async () => {
    const path = command.file(
      "busy.mjs",
      "export default { name: 'busy', exporter: () => ({ map() { for (;;); }, unmap() {}, release() {} }) };\n",
    );
    const { out, err, code } = await command.run("run", path, "--silence", "1");
    expect(code).toBe(3);
    expect(out).toMatch(/harness error: the adapter gave no sign of life for 1 s.*loops without calling env/);
    expectOneSentence(err);
  });

  it("keeps what it had found when an adapter ends the process", async () => {
    const path = command.file(
      "exits.mjs",
      `let maps = 0;
export default { name: "exits", exporter: (env) => ({
  map({ buffer, device }, direction) {
    if ((maps += 1) > 60) process.exit(0);
    const storage = env.allocateStorage(buffer.size, "system");
    if (typeof storage === "number") return storage;
    const segment = env.dmaMap(device, storage, 0, storage.size, direction);
    return typeof segment === "number" ? segment : { segments: [segment] };
  }, unmap() {}, release() {} }) };\n`,
    );
    const { out, code } = await command.run("run", path);
    expect(code).toBe(3);
    expect(out).toMatch(/violated before that/);
    expect(out).toMatch(/harness error: the adapter/);
  });
});

/** Bad input, a part of the sentence that names it, and the exit code 3. */
const bad: readonly (readonly [string, () => readonly string[], RegExp])[] = [
  ["a missing file", () => ["replay", "no-such-file.json"], /no-such-file\.json: there is no such file/],
  [
    "a truncated program",
    () => ["replay", command.file("cut.json", good.slice(0, 200))],
    /cut\.json.*(ends|truncated)/,
  ],
  [
    "a wrong type",
    () => [
      "replay",
      command.file("type.json", good.replace('"closeOnExec"', '"x"').replace('"size": 4096', '"size": "big"')),
    ],
    /type\.json, line \d+, setup\.buffers\[0\]\.size: .*"big"/,
  ],
  [
    "an unknown operation",
    () => ["replay", command.file("op.json", good.replace('"op": "put"', '"op": "putt"'))],
    /op\.json.*steps\[1\]\.op.*putt.*put/,
  ],
  [
    "another contract's file",
    () => ["replay", command.file("other.json", good.replace('"contract": "core"', '"contract": "pfn"'))],
    /other\.json.*contract.*pfn/,
  ],
  ["no JSON at all", () => ["replay", command.file("text.json", "hello\n")], /text\.json, line 1/],
  [
    "a module that is no adapter",
    () => ["run", command.file("none.mjs", "export default 7;\n")],
    /the default export is no subject/,
  ],
  [
    "a module with a syntax error",
    () => ["run", command.file("syntax.mjs", "export default {;\n")],
    /syntax\.mjs: cannot be loaded/,
  ],
  ["an unknown profile", () => ["run", "examples/exporter-plain.mjs", "--profile", "K9.9"], /K9\.9/],
  ["a wrong number", () => ["run", "examples/exporter-plain.mjs", "--budget", "lots"], /whole number/],
  ["an unknown command", () => ["frobnicate"], /frobnicate|too many arguments/],
  ["an unknown format", () => ["rules", "--format", "xml"], /text, json/],
  ["an unknown subject", () => ["replay", command.file("good.json", good), "--subject", "nobody"], /nobody.*built-in/],
];

describe("bad input: one clear sentence, exit code 3, no stack", () => {
  it.each(bad)("%s", async (_, words, sentence) => {
    const { err, out, code } = await command.run(...words());
    expect(err + out).toMatch(sentence);
    expect(code).toBe(3);
    expectOneSentence(err);
  });
});

describe("a corpus", () => {
  it("is tried first: what was found once is found at once", async () => {
    const out = `${command.folder}/corpus`;
    await command.run("run", "examples/exporter-broken.mjs", "--budget", "600", "--output", out);
    const again = await command.run(
      "run",
      "examples/exporter-broken.mjs",
      "--budget",
      "1",
      "--corpus",
      out,
      "--format",
      "json",
    );
    const { reports } = JSON.parse(again.out) as {
      reports: readonly {
        rules: readonly { id: string; verdict: string; counterexample: { found: { programs: number } } | null }[];
      }[];
    };
    const broken = reports[0]!.rules.find((rule) => rule.id === "MAP-17")!;
    expect(broken.verdict).toBe("violated");
    expect(broken.counterexample!.found.programs).toBe(1);
  });
});
