import fs, { closeSync, existsSync, openSync, readdirSync, readFileSync } from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import type { Report } from "../../conformance/report.ts";
import { BuiltCommand, type Answer } from "./built.ts";

const command = new BuiltCommand();
afterAll(() => command.dispose());

const subject = "examples/exporter-broken.mjs";
const one = ["run", subject, "--operations", "300", "--seed", "5"] as const;
const several = [...one, "--slice", "150"] as const;

const errors = {
  ENOSPC: "no space left on device",
  EACCES: "permission denied",
  EROFS: "read-only file system",
} as const;

/** Runs the command with a disk that takes so many files and no more. Its threads write none. */
async function runOn(takes: number, error: keyof typeof errors, ...words: readonly string[]): Promise<Answer> {
  const { writeFileSync } = fs;
  let left = takes;
  fs.writeFileSync = (...given) => {
    if ((left -= 1) >= 0) return writeFileSync(...given);
    throw Object.assign(new Error(`${error}: ${errors[error]}, write`), { code: error });
  };
  syncBuiltinESMExports();
  try {
    return await command.run(...words);
  } finally {
    fs.writeFileSync = writeFileSync;
    syncBuiltinESMExports();
  }
}

function folder(name: string): string {
  return join(command.folder, name);
}

/** One line says what could not be written, and the command ends with 3. */
function expectOneLine({ err, code }: Answer, error: keyof typeof errors): void {
  expect(err.trim().split("\n")).toHaveLength(1);
  expect(err).toMatch(new RegExp(`cannot be written \\(${error}: ${errors[error]}, write\\); choose another --`));
  expect(code).toBe(3);
}

function reportOf(out: string): Omit<Report, "measured"> {
  const { measured: _, ...report } = (JSON.parse(out) as { readonly reports: readonly Report[] }).reports[0]!;
  return report;
}

const whole = await command.run(...one, "--output", folder("whole"), "--format", "json");
const parts: string[] = [];
for (const index of [1, 2]) {
  const { out } = await command.run(
    ...several,
    "--shard",
    `${index}/2`,
    "--output",
    folder("parts"),
    "--format",
    "json",
  );
  parts.push((JSON.parse(out) as { readonly parts: readonly string[] }).parts[0]!);
}

describe("a disk that takes nothing costs files and no verdicts", () => {
  it("run still tells what it found", async () => {
    const answer = await runOn(0, "EACCES", ...one, "--output", folder("none"));
    expectOneLine(answer, "EACCES");
    expect(answer.out).toMatch(/MAP-17[^]*detach/);
    expect(answer.out).toMatch(/NOT CONFORMANT/);
    expect(readdirSync(folder("none"))).toEqual([]);
  });

  it("as data the report is the same", async () => {
    const answer = await runOn(0, "EROFS", ...one, "--output", folder("data"), "--format", "json");
    expectOneLine(answer, "EROFS");
    expect(reportOf(answer.out)).toEqual(reportOf(whole.out));
  });

  it.each([
    ["start", ["start", "--scale", "0.001"], /of \d+ subjects as expected/],
    ["merge", ["merge", ...parts], /NOT CONFORMANT/],
    ["a shard", [...several, "--shard", "1/2"], /1 slices, .* MAP-17.* broken; not stored/],
    [
      "compare",
      ["compare", "examples/exporter-plain.mjs", subject, "--operations", "600"],
      /MAP-17 .*violated[^]* operations, seed 1: [1-9]\d* differences/,
    ],
    ["proposal", ["proposal", "get-pfn", "--operations", "300"], /get-pfn[^]*broken in \d+ step/],
  ] as const)("%s still answers", { timeout: 60_000 }, async (name, words, found) => {
    const answer = await runOn(0, "ENOSPC", ...words, "--output", folder(name));
    const lines = answer.err.split("\n").filter((line) => line.includes("cannot be written"));
    expectOneLine({ ...answer, err: lines.join("\n") }, "ENOSPC");
    expect(answer.err).not.toMatch(/\n\s+at /);
    expect(answer.out).toMatch(found);
  });

  it("explore still answers", async () => {
    const file = folder("graph.dot");
    const answer = await runOn(0, "ENOSPC", "explore", "fences", "--graph", file);
    expectOneLine(answer, "ENOSPC");
    expect(answer.out).toMatch(/diameter/);
  });
});

describe("a disk that fills up on the way", () => {
  it("ends a campaign with what it has; what was stored stays whole and is gone on with", async () => {
    const output = ["--output", folder("filling")] as const;
    const answer = await runOn(1, "ENOSPC", ...several, ...output);
    expectOneLine(answer, "ENOSPC");
    expect(answer.out).toMatch(/MAP-17 violated before that/);
    expect(answer.out).toMatch(/harness error: .*campaign\.json: cannot be written/);
    const [stored, ...others] = readdirSync(folder("filling"));
    expect(others).toEqual([]);
    const { findings } = JSON.parse(readFileSync(join(folder("filling"), stored!), "utf8")) as {
      findings: { slices: readonly number[] };
    };
    expect(findings.slices).toEqual([0]);
    const resumed = await command.run(...several, ...output, "--resume", "--format", "json");
    const unhindered = await command.run(...several, "--output", folder("unhindered"), "--format", "json");
    expect(reportOf(resumed.out)).toEqual(reportOf(unhindered.out));
  });

  it("keeps the files that still found room", async () => {
    const answer = await runOn(1, "ENOSPC", ...one, "--output", folder("last"));
    expectOneLine(answer, "ENOSPC");
    expect(readdirSync(folder("last"))).toHaveLength(1);
    expect(answer.out).toMatch(/NOT CONFORMANT/);
  });

  it.skipIf(!existsSync("/dev/full"))("where the answer itself goes: one line, 3, and the files are there", () => {
    const full = openSync("/dev/full", "w");
    const answer = command.spawn({ stdout: full }, ...one, "--output", folder("unheard"));
    closeSync(full);
    expect(answer.err).toMatch(/^standard output: cannot be written \(ENOSPC.*\); send it somewhere else\n$/);
    expect(answer.code).toBe(3);
    expect(readdirSync(folder("unheard"))).toEqual(readdirSync(folder("whole")));
  });
});

describe("a thread that dies while counterexamples are shrunk", () => {
  it("loses nothing that the search had found", async () => {
    const path = command.file(
      "dies.mjs",
      `let maps = 0;
export default { name: "dies", exporter: (env) => ({
  map({ buffer, device }, direction) {
    if ((maps += 1) > 30) process.exit(0);
    const storage = env.allocateStorage(buffer.size, "system");
    if (typeof storage === "number") return storage;
    const segment = env.dmaMap(device, storage, 0, storage.size, direction);
    return typeof segment === "number" ? segment : { segments: [segment] };
  }, unmap() {}, release() {} }) };\n`,
    );
    const { out, code } = await command.run("run", path, "--operations", "100", "--output", folder("dies"));
    expect(code).toBe(3);
    expect(out).toMatch(/MAP-17 violated before that: .*unshrunk\.json/);
    expect(out).toMatch(/1 slices, \d+ operations, .*MAP-17.* broken; stored in .*campaign\.json; --resume goes on/);
    expect(out).toMatch(/harness error: the adapter ended the process/);
  });
});
