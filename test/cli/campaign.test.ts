import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { spawn } from "node:child_process";
import { afterAll, describe, expect, it } from "vitest";
import type { Report } from "../../conformance/report.ts";
import { BuiltCommand, type Answer } from "./built.ts";

const command = new BuiltCommand();
afterAll(() => command.dispose());

const subject = "examples/exporter-broken.mjs";
const search = ["--operations", "2750", "--slice", "750", "--seed", "5"] as const;

/** The report of an answer without what was measured, as text: equal texts are equal reports. */
function reportOf({ out }: Answer): string {
  const { reports } = JSON.parse(out) as { readonly reports: readonly Report[] };
  const { measured, ...report } = reports[0]!;
  expect(measured.seconds).toBeGreaterThan(0);
  return JSON.stringify(report);
}

function folder(name: string): string {
  return join(command.folder, name);
}

function corpusOf(name: string): string {
  const file = readdirSync(folder(name)).find((entry) => entry.endsWith(".corpus.ndjson"))!;
  return readFileSync(join(folder(name), file), "utf8");
}

const one = await command.run("run", subject, ...search, "--format", "json", "--output", folder("one"));

function shard(text: string, output: string, ...more: readonly string[]): Promise<Answer> {
  return command.run("run", subject, ...search, ...more, "--shard", text, "--output", output, "--format", "json");
}

function partOf({ out }: Answer): string {
  return (JSON.parse(out) as { readonly parts: readonly string[] }).parts[0]!;
}

const shards: string[] = [];
for (const index of [1, 2, 3, 4]) shards.push(partOf(await shard(`${index}/4`, folder("shards"))));

describe("one campaign, however it is cut", () => {
  it("is the same report and corpus on two workers", async () => {
    const two = await command.run(
      "run",
      subject,
      ...search,
      "--workers",
      "2",
      "--format",
      "json",
      "--output",
      folder("two"),
    );
    expect(two.code).toBe(one.code);
    expect(reportOf(two)).toBe(reportOf(one));
    expect(corpusOf("two")).toBe(corpusOf("one"));
  });

  it("is the same report and corpus from four shards, in any order", async () => {
    const merged = await command.run("merge", ...shards.toReversed(), "--format", "json", "--output", folder("merged"));
    expect(merged.err).toBe("");
    expect(merged.code).toBe(one.code);
    expect(reportOf(merged)).toBe(reportOf(one));
    expect(corpusOf("merged")).toBe(corpusOf("one"));
  });

  it("goes on from where it was ended", async () => {
    const file = join(
      folder("one"),
      readdirSync(folder("one")).find((name) => name.endsWith(".campaign.json"))!,
    );
    const whole = JSON.parse(readFileSync(file, "utf8")) as { findings: { slices: number[] } };
    expect(whole.findings.slices).toEqual([0, 1, 2, 3]);
    const again = await command.run(
      "run",
      subject,
      ...search,
      "--resume",
      "--format",
      "json",
      "--output",
      folder("one"),
    );
    expect(reportOf(again)).toBe(reportOf(one));
    const other = await command.run("run", subject, ...search, "--seed", "6", "--resume", "--output", folder("one"));
    expect(other.code).toBe(3);
    expect(other.err).toMatch(/is of another campaign: seed 5 instead of 6/);
  });

  it("stops at Ctrl-C, keeps what it has, and goes on", async () => {
    const output = folder("stopped");
    const words = ["run", subject, ...search, "--output", output, "--progress"];
    const child = spawn(process.execPath, [command.main, ...words], { stdio: "pipe" });
    let out = "";
    child.stdout.on("data", (data: Buffer) => (out += data.toString()));
    const timer = setInterval(() => {
      try {
        // Once: whoever asks twice is not kept waiting.
        if (readdirSync(output).length > 0 && child.kill("SIGINT")) clearInterval(timer);
      } catch {
        // Not there yet.
      }
    }, 5);
    const code = await new Promise((resolve) => child.on("close", resolve));
    clearInterval(timer);
    // It may have come to its end first on a quick machine; it found something by then either way.
    expect([1, 2]).toContain(code);
    expect(out).toMatch(/stopped after|NOT CONFORMANT/);
    const resumed = await command.run("run", subject, ...search, "--resume", "--format", "json", "--output", output);
    expect(reportOf(resumed)).toBe(reportOf(one));
  });

  it("ends by the clock after whole slices, and says which campaign that was", async () => {
    const timed = await command.run("run", subject, "--seed", "5", "--slice", "500", "--seconds", "0.3");
    const [, slices, operations] = /after (\d+) slices; --operations (\d+)/.exec(timed.out) ?? [];
    expect(Number(operations)).toBe(Number(slices) * 500);
  });

  it("begins with its own corpus in the next round", async () => {
    const next = await command.run(
      "run",
      subject,
      "--operations",
      "10",
      "--corpus",
      folder("merged"),
      "--format",
      "json",
    );
    const { campaign } = JSON.parse(reportOf(next)) as Report;
    const stored = corpusOf("merged").trimEnd().split("\n").length;
    expect(campaign.shares["corpus"]!.programs).toBeGreaterThanOrEqual(stored);
    expect(campaign.features).toBeGreaterThanOrEqual((JSON.parse(reportOf(one)) as Report).campaign.features);
  });
});

const other = partOf(await shard("4/4", folder("seed"), "--seed", "9"));

/** Files that are not one of each shard of one campaign, and what is said of them. */
const refused: readonly (readonly [string, () => readonly string[], RegExp])[] = [
  ["a shard is missing", () => shards.slice(0, 3), /is one of 4 shards, and shard 4 is missing/],
  ["a shard twice", () => [...shards, shards[1]!], /shard-2-of-4\.json: is shard 2 of 4, and so is/],
  [
    "another seed",
    () => [...shards.slice(0, 3), other],
    /shard-4-of-4\.json: is of another campaign than .*seed 9 instead of 5/,
  ],
  [
    "a cut file",
    () => [command.file("cut.json", readFileSync(shards[0]!, "utf8").slice(0, 5000)), ...shards.slice(1)],
    /cut\.json: is no JSON, or ends early/,
  ],
  [
    "another kind of file",
    () => [command.file("kind.json", "{}"), ...shards.slice(1)],
    /kind\.json: is no part of a campaign/,
  ],
  [
    "an unfinished shard",
    () => [
      command.file("unfinished.json", readFileSync(shards[0]!, "utf8").replace('"finished":true', '"finished":false')),
      ...shards.slice(1),
    ],
    /unfinished\.json: was ended early/,
  ],
  [
    "another suite",
    () => [
      ...shards.slice(1),
      command.file("suite.json", readFileSync(shards[0]!, "utf8").replace('"version":"0.1.0"', '"version":"9.9.9"')),
    ],
    /suite\.json: is of another campaign than .*suite dmabuf-conformance 9\.9\.9/,
  ],
  ["a missing file", () => ["nowhere.json"], /nowhere\.json: there is no such file/],
];

describe("merge refuses anything but each shard of one campaign, and names the file", () => {
  it.each(refused)("%s", async (_, files, sentence) => {
    const { err, code } = await command.run("merge", ...files());
    expect(code).toBe(3);
    expect(err).toMatch(sentence);
    expect(err.trim().split("\n")).toHaveLength(1);
  });
});

describe("bad settings of a campaign: one clear sentence, exit code 3", () => {
  it.each([
    ["a shard that is not there", ["--shard", "5/4", "--output", "out"], /shard 5 of 4; there are 1 to 4/],
    ["a shard without a place for its report", ["--shard", "1/4"], /needs --output DIR/],
    ["nothing to go on with", ["--resume"], /needs the --output DIR/],
    ["no workers", ["--workers", "0"], /from 1 on/],
    ["a corpus that is not there", ["--corpus", "nowhere"], /nowhere: cannot be read as a corpus/],
    ["an output that cannot be written", ["--operations", "50", "--output", "/dev/null/x"], /cannot be written/],
  ] as const)("%s", async (_, words, sentence) => {
    const { err, code } = await command.run("run", subject, ...words);
    expect(err).toMatch(sentence);
    expect(code).toBe(3);
    expect(err).not.toMatch(/\n\s+at /);
  });

  it("a broken corpus file is named with its line", async () => {
    await command.run("run", subject, ...search, "--output", folder("broken"));
    const name = readdirSync(folder("broken")).find((entry) => entry.endsWith(".ndjson"))!;
    const text = corpusOf("broken").split("\n");
    text[2] = text[2]!.slice(0, 100);
    command.file(join("broken", name), text.join("\n"));
    const { err, code } = await command.run("run", subject, "--corpus", folder("broken"));
    expect(code).toBe(3);
    expect(err).toMatch(/corpus\.ndjson line 3/);
  });
});
